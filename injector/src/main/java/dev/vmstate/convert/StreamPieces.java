package dev.vmstate.convert;

import dev.vmstate.bytes.Span;
import dev.vmstate.snapshot.StreamLayout;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.SectionHeader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What a stream is made of besides pages, by place: what must be carried over when the pages are
 * written in another form.
 *
 * @param between records among the RAM parts, in order: early devices, commands, other live
 *     sections
 * @param tail from behind the last RAM part to the end of the stream
 */
record StreamPieces(List<Span> between, Span tail) {
  /** Scans the stream unless that was done already. */
  static StreamPieces of(StreamSnapshot snapshot) throws IOException {
    snapshot.index();
    StreamLayout layout = snapshot.layout();
    long ramEnd = ramEnd(snapshot);
    List<Span> others = new ArrayList<>();
    layout.devices().forEach(device -> others.add(device.record()));
    layout.opaque().forEach(opaque -> others.add(opaque.span()));
    others.sort(Comparator.comparingLong(Span::offset));
    long ramStart = snapshot.ram().header().span().offset();
    return new StreamPieces(
        others.stream().filter(span -> span.offset() > ramStart && span.end() <= ramEnd).toList(),
        new Span(ramEnd, layout.end() - ramEnd));
  }

  /** First byte behind the last RAM part. */
  private static long ramEnd(StreamSnapshot snapshot) throws IOException {
    int footer = snapshot.ram().footers() ? SectionHeader.FOOTER_SIZE : 0;
    return snapshot.layout().ramAppendAt() + Long.BYTES + footer;
  }
}
