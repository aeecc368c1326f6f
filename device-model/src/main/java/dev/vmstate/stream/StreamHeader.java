package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;
import java.util.Optional;

/**
 * How a stream begins.
 *
 * <pre>
 * StreamHeader ::= u32 "QEVM" u32 version [Configuration]
 * </pre>
 *
 * <p>Source: {@code migration/savevm.c}, qemu_savevm_state_header.
 *
 * @param version 3; 2 is what QEMU 0.x wrote and no QEMU of today loads
 * @param configuration absent from machine types up to 2.3
 */
public record StreamHeader(int version, Optional<Configuration> configuration) {
  /** "QEVM". */
  public static final int QEMU_VM_FILE_MAGIC = 0x5145564d;

  /** The version every QEMU since 2009 writes. */
  public static final int QEMU_VM_FILE_VERSION = 3;

  /** Decodes from the first byte of the stream; leaves the cursor at the first record. */
  public static StreamHeader decode(Cursor in, String name) throws IOException {
    long start = in.position();
    long magic = in.u32("magic");
    if (magic != QEMU_VM_FILE_MAGIC) {
      throw in.bad(
          "magic %08x, 5145564d (QEVM) expected: is this a file written by QEMU's migrate?"
              .formatted(magic));
    }
    long version = in.u32("stream version");
    if (version != QEMU_VM_FILE_VERSION) {
      throw new UnsupportedFormatException(
          name, start + 4, "stream version %d, only version 3 is known".formatted(version));
    }
    Optional<Configuration> configuration = Optional.empty();
    if (in.peek() == RecordType.CONFIGURATION) {
      long at = in.position();
      in.u8("configuration mark");
      configuration = Optional.of(Configuration.decode(in, at));
    }
    return new StreamHeader((int) version, configuration);
  }

  /** The machine type, or empty for streams of old machines that do not say. */
  public String machine() {
    return configuration.map(Configuration::machine).orElse("");
  }

  /** Bytes of a target page: 4096 unless the configuration says otherwise. */
  public int pageSize() {
    return 1 << configuration.map(c -> c.pageBits().orElse(12)).orElse(12);
  }

  /** Whether a stream-changing capability was on. */
  public boolean has(String capability) {
    return configuration.map(c -> c.has(capability)).orElse(false);
  }
}
