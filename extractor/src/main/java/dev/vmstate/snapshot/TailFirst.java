package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.stream.RamFlags;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Finds the device sections without reading RAM: vmdesc, at the end of the stream, gives the size
 * of every section, so their starts are computed backwards and each is checked against its header
 * and footer. What stands before the first of them must be the end of the last {@code ram} section.
 *
 * <p>Any disagreement gives an empty result, and the caller reads the whole stream instead.
 * Sections that QEMU 10 and 11 write early (virtio-mem) are looked for around the RAM block list.
 */
final class TailFirst {
  /** Bytes of device state read at once. */
  private static final int WINDOW = 1 << 18;

  /** A ZERO item: its word and the fill byte. */
  private static final int LEAST_RECORD = 9;

  private final ByteSource stream;
  private final StreamHead head;
  private final RamSetup ram;
  private final VmDescription description;

  private TailFirst(ByteSource stream, StreamHead head, VmDescription description) {
    this.stream = stream;
    this.head = head;
    this.ram = head.ram();
    this.description = description;
  }

  static Optional<StreamLayout> layout(ByteSource stream, StreamHead head, VmdescRecord vmdesc)
      throws IOException {
    VmDescription description = vmdesc.parse(stream);
    TailFirst tail = new TailFirst(stream, head, description);
    List<Placed> placed = new ArrayList<>();
    long ramEnd = tail.walkBack(vmdesc.eof(), placed);
    Optional<Long> eos = tail.ramEndsAt(ramEnd);
    if (eos.isEmpty()
        || tail.pagesAreMissing(eos.get())
        || placed.size() < description.devices().size() && !tail.early(placed)) {
      return Optional.empty();
    }
    ByteSource windowed = new WindowedSource(stream, WINDOW);
    SectionTable table = new SectionTable(windowed, description);
    List<DeviceSection> devices = new ArrayList<>();
    for (Placed section : placed) {
      devices.add(
          table.decode(
              section.header(), section.payload(), section.end(), Optional.of(section.device())));
    }
    return Optional.of(
        new StreamLayout(
            head.header(),
            head.ram(),
            devices,
            List.of(),
            eos.get(),
            Optional.of(vmdesc.json()),
            vmdesc.json().end(),
            StreamLayout.From.BOTH_ENDS));
  }

  /**
   * Whether RAM has fewer bytes than a record for each page takes: then the pages may have gone
   * through other connections (multifd), which reading the few records will tell.
   */
  private boolean pagesAreMissing(long eos) {
    long pages = ram.blocks().stream().mapToLong(RamBlock::pages).sum();
    return !ram.isMapped() && eos - ram.span().end() < pages * LEAST_RECORD;
  }

  private record Placed(
      VmDescription.Device device, SectionHeader header, Span payload, long end) {}

  /** Places sections from {@code end} down until one does not fit; returns where it stopped. */
  private long walkBack(long end, List<Placed> placed) throws IOException {
    List<VmDescription.Device> devices = description.devices();
    long position = end;
    for (int i = devices.size() - 1; i >= 0; i--) {
      Optional<Placed> section = before(position, devices.get(i));
      if (section.isEmpty()) {
        break;
      }
      placed.add(section.get());
      position = section.get().header().span().offset();
    }
    Collections.reverse(placed);
    return position;
  }

  private Optional<Placed> before(long end, VmDescription.Device device) throws IOException {
    long size;
    try {
      size = device.body().wireSize();
    } catch (ArithmeticException e) {
      return Optional.empty();
    }
    long footer = ram.footers() ? SectionHeader.FOOTER_SIZE : 0;
    long payload = end - footer - size;
    long start = payload - SectionHeader.size(device.name());
    if (size < 0 || start < ram.span().end()) {
      return Optional.empty();
    }
    return at(start, new Span(payload, size), device);
  }

  /** The section at {@code start}, when header and footer say what vmdesc says. */
  private Optional<Placed> at(long start, Span payload, VmDescription.Device device)
      throws IOException {
    if (payload.end() > stream.size()) {
      return Optional.empty();
    }
    try {
      Span front = new Span(start, payload.offset() - start);
      SectionHeader header = SectionHeader.decode(new Cursor(stream, stream.name(), front));
      if (header.type() != RecordType.SECTION_FULL
          || !header.idstr().equals(device.name())
          || header.instance() != device.instance()) {
        return Optional.empty();
      }
      long end = payload.end();
      if (ram.footers()) {
        end += SectionHeader.FOOTER_SIZE;
        Span back = new Span(payload.end(), SectionHeader.FOOTER_SIZE);
        SectionHeader.footer(new Cursor(stream, stream.name(), back), header.id(), header.idstr());
      }
      return Optional.of(new Placed(device, header, payload, end));
    } catch (FormatException | EOFException e) {
      return Optional.empty();
    }
  }

  /** Where the EOS word stands when a {@code ram} section ends at {@code end}. */
  private Optional<Long> ramEndsAt(long end) throws IOException {
    long footer = ram.footers() ? SectionHeader.FOOTER_SIZE : 0;
    long eos = end - footer - 8;
    if (eos < ram.span().end()) {
      return Optional.empty();
    }
    Cursor in = new Cursor(stream, stream.name(), new Span(eos, end - eos));
    if (in.u64("end of RAM") != RamFlags.EOS) {
      return Optional.empty();
    }
    if (ram.footers()
        && (in.u8("footer") != RecordType.SECTION_FOOTER
            || in.u32("section id") != ram.header().id())) {
      return Optional.empty();
    }
    return Optional.of(eos);
  }

  /**
   * Places the sections that stand right behind the RAM block list (QEMU 10.0), or, since QEMU 11,
   * as the stream's first records.
   */
  private boolean early(List<Placed> placed) throws IOException {
    int missing = description.devices().size() - placed.size();
    List<VmDescription.Device> devices = description.devices().subList(0, missing);
    List<Placed> first = new ArrayList<>();
    if (!placedFrom(ram.span().end(), devices, first)
        && !placedFrom(head.recordsAt(), devices, first)) {
      return false;
    }
    placed.addAll(0, first);
    return true;
  }

  private boolean placedFrom(long start, List<VmDescription.Device> devices, List<Placed> first)
      throws IOException {
    first.clear();
    long position = start;
    for (VmDescription.Device device : devices) {
      long payload = position + SectionHeader.size(device.name());
      Optional<Placed> section;
      try {
        section = at(position, new Span(payload, device.body().wireSize()), device);
      } catch (ArithmeticException | IllegalArgumentException e) {
        return false;
      }
      if (section.isEmpty()) {
        return false;
      }
      first.add(section.get());
      position = section.get().end();
    }
    return true;
  }
}
