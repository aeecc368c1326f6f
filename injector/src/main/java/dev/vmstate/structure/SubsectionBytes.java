package dev.vmstate.structure;

import dev.vmstate.device.SectionDecoder;
import java.nio.ByteBuffer;

/** A subsection on the wire: {@code 0x05}, counted name, u32 version, fields. */
final class SubsectionBytes {
  private SubsectionBytes() {}

  static byte[] of(String name, long version, byte[] body) {
    byte[] counted = Names.counted("subsection", name);
    return ByteBuffer.allocate(1 + counted.length + Integer.BYTES + body.length)
        .put((byte) SectionDecoder.QEMU_VM_SUBSECTION)
        .put(counted)
        .putInt((int) version)
        .put(body)
        .array();
  }
}
