package dev.vmstate.elf;

import dev.vmstate.bytes.Cursor;
import java.io.IOException;

/** Little-endian values out of a {@link Cursor}, which reads big-endian like migration streams. */
record LittleEndian(Cursor in) {
  int u8(String field) throws IOException {
    return in.u8(field);
  }

  int u16(String field) throws IOException {
    return Short.reverseBytes((short) in.u16(field)) & 0xffff;
  }

  long u32(String field) throws IOException {
    return Integer.reverseBytes((int) in.u32(field)) & 0xffff_ffffL;
  }

  long u64(String field) throws IOException {
    return Long.reverseBytes(in.u64(field));
  }
}
