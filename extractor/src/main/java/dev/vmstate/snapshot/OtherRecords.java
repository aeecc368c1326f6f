package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.stream.BlockMigration;
import dev.vmstate.stream.Command;
import dev.vmstate.stream.DirtyBitmaps;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Passes over every record that is not of the {@code ram} section, and remembers what it was.
 *
 * <p>A section carries no length. A device section's comes from vmdesc and is checked by the
 * footer; the payloads of {@code block} and {@code dirty-bitmap} are walked, since a disk's blocks
 * may hold anything, another snapshot for example. Where neither helps, the footer is searched for
 * ({@link FooterSearch}), or, in a stream without footers, the next section ({@link HeaderSearch}).
 */
final class OtherRecords {
  private static final int WINDOW = 1 << 18;

  /** Beyond this many records other than RAM's it is no snapshot; a real one has hundreds. */
  private static final int MAX_RECORDS = 1 << 18;

  /** A device section whose end is known. */
  private record Found(
      SectionHeader header, Span payload, long end, Optional<VmDescription.Device> description) {}

  private final ByteSource stream;
  private final ByteSource windowed;
  private final boolean footers;
  private Optional<VmdescRecord> vmdesc;
  private boolean ahead;
  private final long pageSize;
  private @Nullable SectionTable table;
  private final List<Found> sections = new ArrayList<>();
  private final List<StreamLayout.Opaque> opaque = new ArrayList<>();
  private final Map<Long, String> live = new HashMap<>();
  private final Set<Long> ids = new HashSet<>();

  /** Ids of sections that come in parts: the live ones, and RAM's. */
  private final Set<Long> parts = new HashSet<>();

  /**
   * @param footers whether this stream's sections end with one
   * @param vmdesc when it was found from the end
   */
  OtherRecords(
      ByteSource stream, StreamHeader header, boolean footers, Optional<VmdescRecord> vmdesc) {
    this.stream = stream;
    this.windowed = new WindowedSource(stream, WINDOW);
    this.footers = footers;
    this.vmdesc = vmdesc;
    this.ahead = vmdesc.isEmpty() && stream.forward();
    this.pageSize = header.pageSize();
  }

  /** The description, once it was found. */
  Optional<VmdescRecord> vmdesc() {
    return vmdesc;
  }

  /**
   * The description stands behind the devices. Where a stream is read from front to back, what is
   * left is read ahead when the first of them comes, if it is no more than can be kept.
   */
  private void lookAhead(long position) throws IOException {
    if (!ahead || !stream.reachEnd(position)) {
      return;
    }
    ahead = false;
    vmdesc = VmdescRecord.fromEnd(stream);
    table = null;
    List<Found> early = List.copyOf(sections);
    sections.clear();
    for (Found found : early) {
      sections.add(
          new Found(found.header(), found.payload(), found.end(), table().take(found.header())));
    }
  }

  /** Made when the first device section comes: a description may have megabytes. */
  private SectionTable table() throws IOException {
    SectionTable made = table;
    if (made == null) {
      made =
          new SectionTable(
              windowed,
              vmdesc.isPresent()
                  ? vmdesc.get().parse(stream)
                  : new VmDescription(pageSize, List.of()));
      table = made;
    }
    return made;
  }

  /** Says that RAM's section has begun. */
  void ramStarted(long id) {
    ids.add(id);
    parts.add(id);
  }

  /** Live sections other than RAM, and commands. */
  List<StreamLayout.Opaque> opaque() {
    return opaque;
  }

  /** A cursor from {@code position} to the end of the source. */
  Cursor at(long position) {
    return new Cursor(
        windowed, stream.name(), new Span(position, Math.max(0, stream.size() - position)));
  }

  /** Whether the record at {@code position} starts section {@code ram}. */
  boolean startsRam(long position) throws IOException {
    Cursor in = at(position);
    return in.peek() == RecordType.SECTION_START && SectionHeader.decode(in).idstr().equals("ram");
  }

  /**
   * Passes over the record at {@code position}.
   *
   * @return where the next one starts
   */
  long pass(long position) throws IOException {
    if (sections.size() + opaque.size() == MAX_RECORDS) {
      throw new FormatException(
          stream.name(), position, "more than %d records".formatted(MAX_RECORDS));
    }
    Cursor in = at(position);
    int type = in.peek();
    switch (type) {
      case RecordType.SECTION_START -> {
        return liveStart(in, position);
      }
      case RecordType.SECTION_PART, RecordType.SECTION_END -> {
        in.skip(1, "record type");
        return livePart(in, position, in.u32("section id"));
      }
      case RecordType.SECTION_FULL -> {
        return device(in);
      }
      case RecordType.COMMAND -> {
        Command command = Command.decode(in);
        if (command.leavesTheStream()) {
          throw new UnsupportedFormatException(stream.name(), position, command.refusal());
        }
        opaque.add(new StreamLayout.Opaque(command.name(), command.span()));
        return command.span().end();
      }
      case -1 ->
          throw new FormatException(
              stream.name(),
              position,
              "the file ends before the stream does: was the migration cut short?");
      default ->
          throw new FormatException(
              stream.name(),
              position,
              "record type 0x%02x, none QEMU writes (00 to 04 and 08 expected)".formatted(type));
    }
  }

  private long liveStart(Cursor in, long position) throws IOException {
    SectionHeader section = SectionHeader.decode(in);
    live.put(section.id(), section.idstr());
    ids.add(section.id());
    parts.add(section.id());
    return carry(in, position, section.id(), section.idstr());
  }

  private long livePart(Cursor in, long position, long id) throws IOException {
    String name = live.get(id);
    if (name == null) {
      throw new FormatException(
          stream.name(), position, "a part of section %d, which never started".formatted(id));
    }
    return carry(in, position, id, name);
  }

  /** A live section's part: the cursor stands at its payload. */
  private long carry(Cursor in, long position, long id, String name) throws IOException {
    long end = walkedEnd(in.position(), id, name);
    if (end < 0 && !footers) {
      throw new UnsupportedFormatException(
          stream.name(),
          in.position(),
          "live section '%s' has neither a footer nor a layout that is known here, so its end cannot be known"
              .formatted(name));
    }
    if (end < 0) {
      end = searchFooter(in.position(), id, name);
    }
    opaque.add(new StreamLayout.Opaque(name, new Span(position, end - position)));
    return end;
  }

  /** The end of a payload whose layout is known, or -1 when it is another or has another layout. */
  private long walkedEnd(long payload, long id, String name) throws IOException {
    Cursor in = at(payload);
    try {
      switch (name) {
        case BlockMigration.IDSTR -> BlockMigration.pass(in);
        case DirtyBitmaps.IDSTR -> DirtyBitmaps.pass(in);
        default -> {
          return -1;
        }
      }
      if (footers) {
        SectionHeader.footer(in, id, name);
      }
      return in.position();
    } catch (FormatException e) {
      if (!footers) {
        throw e;
      }
      return -1; // a newer QEMU's, perhaps: its footer can still be found
    }
  }

  private long device(Cursor in) throws IOException {
    lookAhead(in.position());
    SectionHeader section = SectionHeader.decode(in);
    long start = in.position();
    Optional<VmDescription.Device> described = table().take(section);
    long end = -1;
    if (described.isPresent()) {
      end = describedEnd(start, described.get(), section);
    }
    ids.add(section.id());
    if (end < 0) {
      end = footers ? searchFooter(start, section) : searchHeader(start, section);
    }
    long footer = footers ? SectionHeader.FOOTER_SIZE : 0;
    Span payload = new Span(start, end - footer - start);
    sections.add(new Found(section, payload, end, described));
    return end;
  }

  /** Where the section ends by vmdesc, or -1 when its footer is not there. */
  private long describedEnd(long start, VmDescription.Device described, SectionHeader section)
      throws IOException {
    try {
      long size = described.body().wireSize();
      if (size < 0 || size > stream.size() - start) {
        return -1;
      }
      if (!footers) {
        return start + size;
      }
      Cursor in = at(start + size);
      SectionHeader.footer(in, section.id(), section.idstr());
      return in.position();
    } catch (FormatException | ArithmeticException e) {
      return -1;
    }
  }

  private long searchFooter(long from, SectionHeader section) throws IOException {
    return searchFooter(from, section.id(), section.idstr());
  }

  private long searchFooter(long from, long id, String what) throws IOException {
    long eof = vmdesc.map(VmdescRecord::eof).orElse(-1L);
    long found = new FooterSearch(windowed, eof, parts).end(from, id);
    if (found < 0) {
      throw new FormatException(
          stream.name(),
          from,
          "section '%s' (%d) has no footer: is the file cut short?".formatted(what, id));
    }
    return found;
  }

  private long searchHeader(long from, SectionHeader section) throws IOException {
    long found = new HeaderSearch(windowed, ids).next(from);
    if (found < 0) {
      throw new FormatException(
          stream.name(),
          from,
          "section '%s' has neither a footer nor a description, and neither a section nor the end (00) of the stream follows: is the file cut short?"
              .formatted(section.idstr()));
    }
    return found;
  }

  /** The device sections, with the description that was found from the end. */
  List<DeviceSection> devices() throws IOException {
    List<DeviceSection> devices = new ArrayList<>();
    for (Found found : sections) {
      devices.add(
          table().decode(found.header(), found.payload(), found.end(), found.description()));
    }
    return devices;
  }

  /** The device sections, with a description that was found behind them. */
  List<DeviceSection> devices(VmdescRecord late) throws IOException {
    SectionTable descriptions = new SectionTable(windowed, late.parse(stream));
    List<DeviceSection> devices = new ArrayList<>();
    for (Found found : sections) {
      devices.add(
          descriptions.decode(
              found.header(), found.payload(), found.end(), descriptions.take(found.header())));
    }
    return devices;
  }
}
