package dev.vmstate.snapshot;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.stream.RamSetup;
import dev.vmstate.stream.StreamHeader;
import java.util.List;
import java.util.Optional;

/**
 * Where the parts of a migration stream stand.
 *
 * @param header magic, version, configuration
 * @param ram the RAM block list
 * @param devices device sections in stream order
 * @param opaque live sections other than RAM, commands: carried through, not understood
 * @param ramAppendAt where the EOS word of the last {@code ram} payload stands: page records put
 *     right before it are the last word on their pages
 * @param vmdesc the JSON's bytes, if the stream has one
 * @param end first byte after the stream; what follows is the container's
 * @param from how the layout was found
 */
public record StreamLayout(
    StreamHeader header,
    RamSetup ram,
    List<DeviceSection> devices,
    List<Opaque> opaque,
    long ramAppendAt,
    Optional<Span> vmdesc,
    long end,
    From from) {

  /** Whether RAM had to be read. */
  public enum From {
    /** Both ends: vmdesc's sizes tile back from the end onto the RAM section. */
    BOTH_ENDS,
    /** Every record was read. */
    SCAN
  }

  /** Something carried through verbatim. */
  public record Opaque(String what, Span span) {}

  public StreamLayout {
    devices = List.copyOf(DeviceSection.counted(devices));
    opaque = List.copyOf(opaque);
  }

  /** The same with its sections decoded in another way. */
  StreamLayout with(List<DeviceSection> decoded) {
    return new StreamLayout(header, ram, decoded, opaque, ramAppendAt, vmdesc, end, from);
  }
}
