package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.ram.PageRecords;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.stream.Command;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import dev.vmstate.stream.StreamHeader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads every record of a stream once, in order, and shows the page records to a visitor.
 *
 * <p>A section carries no length. A device section's comes from vmdesc and is checked by the
 * footer; where vmdesc is missing or disagrees, and for live sections other than RAM, the footer is
 * searched for: 0x7e, the section's id, and after it something that can start a record.
 *
 * <p>Where something else than zeros stands behind the stream (a volume's old contents), vmdesc is
 * not found from the end of the file but only here, behind the EOF byte, when all sections have
 * been passed over.
 */
final class StreamScan {
  private static final int WINDOW = 1 << 18;

  /** Beyond this many records other than RAM's it is no snapshot; a real one has hundreds. */
  private static final int MAX_RECORDS = 1 << 18;

  /** A device section whose end is known. */
  private record Found(
      SectionHeader header, Span payload, long end, Optional<VmDescription.Device> description) {}

  private final ByteSource stream;
  private final ByteSource windowed;
  private final StreamHeader header;
  private final RamSetup ram;
  private final Optional<VmdescRecord> vmdesc;
  private final SectionTable table;
  private final List<Found> sections = new ArrayList<>();
  private final List<StreamLayout.Opaque> opaque = new ArrayList<>();
  private final Map<Long, String> live = new HashMap<>();

  StreamScan(ByteSource stream, StreamHeader header, RamSetup ram, Optional<VmdescRecord> vmdesc)
      throws IOException {
    this.stream = stream;
    this.windowed = new WindowedSource(stream, WINDOW);
    this.header = header;
    this.ram = ram;
    this.vmdesc = vmdesc;
    this.table =
        new SectionTable(
            windowed,
            vmdesc.isPresent()
                ? vmdesc.get().parse(stream)
                : new VmDescription(header.pageSize(), List.of()));
  }

  StreamLayout scan(PageVisitor visitor, Progress progress) throws IOException {
    long eos = -1;
    long position = ram.span().end();
    PageRecords pages =
        new PageRecords(stream, position, ram.blocks(), header.pageSize(), visitor, progress);
    while (true) {
      pages.moveTo(position);
      int type = pages.peek();
      if (type == RecordType.EOF) {
        return layout(position, eos);
      }
      if (pages.entersPart(ram.header().id())) {
        eos = pages.payload();
        if (ram.footers()) {
          pages.footer(ram.header().id());
        }
        position = pages.position();
      } else {
        position = other(position, type);
        if (sections.size() + opaque.size() > MAX_RECORDS) {
          throw new FormatException(
              stream.name(), position, "more than %d records".formatted(MAX_RECORDS));
        }
      }
    }
  }

  private Cursor stream(long position) {
    return new Cursor(
        windowed, stream.name(), new Span(position, Math.max(0, stream.size() - position)));
  }

  private long other(long position, int type) throws IOException {
    Cursor in = stream(position);
    switch (type) {
      case RecordType.SECTION_START -> {
        SectionHeader section = SectionHeader.decode(in);
        if (section.idstr().equals("ram") || section.id() == ram.header().id()) {
          throw new FormatException(
              stream.name(),
              position,
              "section '%s' (%d) starts, but the ram section (%d) has started already"
                  .formatted(section.idstr(), section.id(), ram.header().id()));
        }
        live.put(section.id(), section.idstr());
        long end = searchFooter(in.position(), section.id(), section.idstr());
        opaque.add(new StreamLayout.Opaque(section.idstr(), new Span(position, end - position)));
        return end;
      }
      case RecordType.SECTION_PART, RecordType.SECTION_END -> {
        in.skip(1, "record type");
        return liveSection(position, in.u32("section id"));
      }
      case RecordType.SECTION_FULL -> {
        return device(in);
      }
      case RecordType.COMMAND -> {
        Command command = Command.decode(in);
        if (command.leavesTheStream()) {
          throw new UnsupportedFormatException(
              stream.name(),
              position,
              "command %s: a post-copy or COLO stream does not hold the whole state"
                  .formatted(command.name()));
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

  private long liveSection(long position, long id) throws IOException {
    String name = live.get(id);
    if (name == null) {
      throw new FormatException(
          stream.name(), position, "a part of section %d, which never started".formatted(id));
    }
    long end = searchFooter(position + 5, id, name);
    opaque.add(new StreamLayout.Opaque(name, new Span(position, end - position)));
    return end;
  }

  private long device(Cursor in) throws IOException {
    SectionHeader section = SectionHeader.decode(in);
    long start = in.position();
    Optional<VmDescription.Device> described = table.take(section);
    long end = -1;
    if (described.isPresent()) {
      end = describedEnd(start, described.get(), section);
    }
    if (end < 0) {
      end = searchFooter(start, section.id(), section.idstr());
    }
    long footer = ram.footers() ? SectionHeader.FOOTER_SIZE : 0;
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
      if (!ram.footers()) {
        return start + size;
      }
      Cursor in = stream(start + size);
      SectionHeader.footer(in, section.id(), section.idstr());
      return in.position();
    } catch (FormatException | ArithmeticException e) {
      return -1;
    }
  }

  private long searchFooter(long from, long id, String what) throws IOException {
    if (!ram.footers()) {
      throw new UnsupportedFormatException(
          stream.name(),
          from,
          "section '%s' has neither a footer nor a description, so its end cannot be known"
              .formatted(what));
    }
    long found = new FooterSearch(windowed, vmdesc.map(v -> v.eof()).orElse(-1L)).end(from, id);
    if (found < 0) {
      throw new FormatException(
          stream.name(),
          from,
          "section '%s' (%d) has no footer: is the file cut short?".formatted(what, id));
    }
    return found;
  }

  private StreamLayout layout(long eof, long eos) throws IOException {
    if (eos < 0) {
      throw new FormatException(
          stream.name(), eof, "the stream ends without any part of the ram section");
    }
    Optional<VmdescRecord> behind = VmdescRecord.behind(stream, eof);
    boolean late = behind.isPresent() && !behind.equals(vmdesc);
    SectionTable descriptions =
        late ? new SectionTable(windowed, behind.get().parse(stream)) : table;
    List<DeviceSection> devices = new ArrayList<>();
    for (Found found : sections) {
      devices.add(
          descriptions.decode(
              found.header(),
              found.payload(),
              found.end(),
              late ? descriptions.take(found.header()) : found.description()));
    }
    return new StreamLayout(
        header,
        ram,
        devices,
        opaque,
        eos,
        behind.map(VmdescRecord::json),
        behind.map(found -> found.json().end()).orElse(eof + 1),
        StreamLayout.From.SCAN);
  }
}
