package dev.vmstate.machine;

import dev.vmstate.kvm.KvmException;
import dev.vmstate.kvm.Mapping;
import dev.vmstate.kvm.VmFd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A machine's RAM: one mapping, whose bytes stand in one or more ranges of guest-physical memory.
 *
 * <p>As in a PC there is none from 3 GiB to 4 GiB: there are the APICs, and three pages and one
 * that Intel's processors need for real mode. What a machine has beyond 3 GiB follows at 4 GiB.
 */
final class GuestRam implements PhysicalRam, AutoCloseable {
  /** Where the hole begins. */
  static final long HOLE = 3L << 30;

  /** Where it ends. */
  static final long HIGH = 4L << 30;

  private final Mapping mapping;
  private final List<Range> ranges;

  /** {@code ranges} in the order of their bytes in the mapping, which is closed with this. */
  GuestRam(Mapping mapping, List<Range> ranges) {
    this.mapping = mapping;
    this.ranges = List.copyOf(ranges);
  }

  /** The ranges of {@code bytes} of RAM. */
  static List<Range> ranges(long bytes) {
    List<Range> ranges = new ArrayList<>();
    ranges.add(new Range(0, Math.min(bytes, HOLE)));
    if (bytes > HOLE) {
      ranges.add(new Range(HIGH, bytes - HOLE));
    }
    return ranges;
  }

  /** Makes it the RAM of {@code vm}. */
  void map(VmFd vm) throws KvmException {
    long offset = 0;
    for (int slot = 0; slot < ranges.size(); slot++) {
      Range range = ranges.get(slot);
      vm.setUserMemory(slot, 0, range.gpa(), range.length(), mapping, offset);
      offset += range.length();
    }
  }

  @Override
  public List<Range> ranges() {
    return ranges;
  }

  /** The bytes of all ranges, one after the other. */
  Mapping mapping() {
    return mapping;
  }

  private long offset(long gpa, long length) {
    long offset = 0;
    for (Range range : ranges) {
      if (gpa >= range.gpa() && gpa <= range.end() && length <= range.end() - gpa) {
        return offset + gpa - range.gpa();
      }
      offset += range.length();
    }
    throw new IndexOutOfBoundsException("0x%x+0x%x is no RAM".formatted(gpa, length));
  }

  @Override
  public void write(long gpa, ByteBuffer from) throws IOException {
    mapping.write(offset(gpa, from.remaining()), from);
  }

  @Override
  public void read(long gpa, ByteBuffer into) throws IOException {
    mapping.read(offset(gpa, into.remaining()), into);
  }

  @Override
  public void close() {
    mapping.close();
  }
}
