package dev.vmstate.core.edit;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.firmware.EditableMemory;
import dev.vmstate.firmware.TableEdit;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Bytes of a kernel's memory that are set, by virtual address, with an account of it. */
final class KernelWrites {
  private static final int PAGE = 4096;

  private final KernelMemory virtual;
  private final EditableMemory physical;
  private final List<TableEdit> edits = new ArrayList<>();

  KernelWrites(KernelObjects objects, EditableMemory physical) {
    this.virtual = objects.memory();
    this.physical = physical;
  }

  /**
   * Sets bytes; they may cross into another page, which may lie anywhere.
   *
   * @throws UnmappedAddressException with the first address at which there is no RAM; nothing is
   *     set then
   */
  void write(long address, byte[] with) throws IOException {
    for (int at = 0; at < with.length; at += part(address + at, with.length - at)) {
      if (!virtual.isRam(address + at)) {
        throw new UnmappedAddressException("virtual", address + at);
      }
    }
    for (int at = 0; at < with.length; ) {
      int part = part(address + at, with.length - at);
      long to = virtual.translate(address + at).orElseThrow();
      physical.write(to, Arrays.copyOfRange(with, at, at + part));
      at += part;
    }
  }

  private static int part(long address, int left) {
    return (int) Math.min(left, PAGE - (address & PAGE - 1));
  }

  /** Sets a pointer, or a number of the same size. */
  void word(long address, long value) throws IOException {
    byte[] bytes = new byte[virtual.wordBytes()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (value >>> 8 * i);
    }
    write(address, bytes);
  }

  /** A line of the report. */
  void report(String path, String before, String after) {
    edits.add(new TableEdit(path, before, after));
  }

  /** The report. */
  List<TableEdit> edits() {
    return List.copyOf(edits);
  }
}
