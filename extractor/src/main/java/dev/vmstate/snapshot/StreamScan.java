package dev.vmstate.snapshot;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.ram.PageRecords;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamPages;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.RecordType;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Reads every record of a stream once, in order, and shows the page records to a visitor. What is
 * not RAM is passed over by {@link OtherRecords}.
 *
 * <p>Where something else than zeros stands behind the stream (a volume's old contents), vmdesc is
 * not found from the end of the file but only here, behind the EOF byte, when all sections have
 * been passed over.
 */
final class StreamScan {
  private final ByteSource stream;
  private final StreamHead head;
  private final RamSetup ram;
  private final OtherRecords others;

  StreamScan(ByteSource stream, StreamHead head, Optional<VmdescRecord> vmdesc) throws IOException {
    this.stream = stream;
    this.head = head;
    this.ram = head.ram();
    this.others = new OtherRecords(stream, head.header(), ram.footers(), vmdesc);
  }

  /**
   * Reads everything.
   *
   * @param into learns of every page record, before {@code visitor} does
   */
  StreamLayout scan(RamPages into, PageVisitor visitor, Progress progress) throws IOException {
    long eos = -1;
    long position = head.recordsAt();
    while (position < ram.header().span().offset()) {
      position = others.pass(position);
    }
    others.ramStarted(ram.header().id());
    position = ram.span().end();
    PageRecords pages =
        new PageRecords(stream, ram, head.header().pageSize(), into, visitor, progress);
    while (true) {
      pages.moveTo(position);
      int type = pages.peek();
      if (type == RecordType.EOF) {
        pages.requirePages(position);
        return layout(position, eos);
      }
      if (pages.entersPart(ram.header().id())) {
        eos = pages.payload();
        if (ram.footers()) {
          pages.footer(ram.header().id());
        }
        position = pages.position();
      } else {
        if (type == RecordType.SECTION_START) {
          requireAnother(position);
        }
        position = others.pass(position);
      }
    }
  }

  private void requireAnother(long position) throws IOException {
    Cursor in = others.at(position);
    SectionHeader section = SectionHeader.decode(in);
    if (section.idstr().equals("ram") || section.id() == ram.header().id()) {
      throw new FormatException(
          stream.name(),
          position,
          "section '%s' (%d) starts, but the ram section (%d) has started already"
              .formatted(section.idstr(), section.id(), ram.header().id()));
    }
  }

  private StreamLayout layout(long eof, long eos) throws IOException {
    if (eos < 0) {
      throw new FormatException(
          stream.name(), eof, "the stream ends without any part of the ram section");
    }
    Optional<VmdescRecord> behind = VmdescRecord.behind(stream, eof);
    boolean late = behind.isPresent() && !behind.equals(others.vmdesc());
    List<DeviceSection> devices = late ? others.devices(behind.get()) : others.devices();
    return new StreamLayout(
        head.header(),
        ram,
        devices,
        others.opaque(),
        eos,
        behind.map(VmdescRecord::json),
        behind.map(found -> found.json().end()).orElse(eof + 1),
        StreamLayout.From.SCAN);
  }
}
