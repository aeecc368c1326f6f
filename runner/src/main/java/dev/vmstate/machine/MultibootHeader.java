package dev.vmstate.machine;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * The header by which a kernel says that GRUB can load it (Multiboot Specification 0.6.96, 3.1):
 * within the first 8192 bytes, 4-byte aligned.
 *
 * <pre>
 * Header ::= u32 magic 0x1badb002, u32 flags, u32 checksum (sum of the three is 0),
 *            if flags bit 16: u32 header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr
 * </pre>
 *
 * @param offset where it is in the file
 * @param flags what it asks for
 * @param addresses the five behind, empty without bit 16
 */
record MultibootHeader(int offset, int flags, List<Long> addresses) {
  private static final int MAGIC = 0x1badb002;
  private static final int SEARCHED = 8192;
  private static final int HAS_ADDRESSES = 1 << 16;

  /** Pages, memory map; and a video mode, which a kernel finds it did not get. */
  private static final int KNOWN = 7;

  private static final int REQUIRED = 0xffff;

  /**
   * Looks for one.
   *
   * @throws UnsupportedFormatException when it asks for what is not known
   */
  static Optional<MultibootHeader> find(ByteSource file) throws IOException {
    ByteBuffer head = ByteBuffer.allocate((int) Math.min(SEARCHED, file.size()));
    file.read(0, head);
    head.flip().order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at + 12 <= head.limit(); at += 4) {
      int flags = head.getInt(at + 4);
      if (head.getInt(at) != MAGIC || MAGIC + flags + head.getInt(at + 8) != 0) {
        continue;
      }
      if ((flags & REQUIRED & ~KNOWN) != 0) {
        throw new UnsupportedFormatException(
            file.name(), at + 4L, "multiboot flags 0x%x ask for more than known".formatted(flags));
      }
      if ((flags & HAS_ADDRESSES) == 0) {
        return Optional.of(new MultibootHeader(at, flags, List.of()));
      }
      if (at + 32 > head.limit()) {
        throw new FormatException(file.name(), at, "a multiboot header without its addresses");
      }
      Long[] addresses = new Long[5];
      for (int i = 0; i < addresses.length; i++) {
        addresses[i] = head.getInt(at + 12 + 4 * i) & 0xffff_ffffL;
      }
      return Optional.of(new MultibootHeader(at, flags, List.of(addresses)));
    }
    return Optional.empty();
  }

  /**
   * A file that is no ELF file and has a header with addresses, when nothing else was asked for.
   */
  static Optional<Payload> flat(ByteSource file, MachineOptions options) throws IOException {
    if (options.mode().isPresent() || options.load().isPresent()) {
      return Optional.empty();
    }
    Optional<MultibootHeader> header = find(file);
    return header.isEmpty() || header.get().addresses.isEmpty()
        ? Optional.empty()
        : Optional.of(header.get().payload(file));
  }

  private Payload payload(ByteSource file) throws FormatException {
    long headerAddress = addresses.get(0);
    long load = addresses.get(1);
    long loadEnd = addresses.get(2);
    long bssEnd = addresses.get(3);
    long from = offset - (headerAddress - load);
    long bytes = loadEnd == 0 ? file.size() - from : loadEnd - load;
    long memory = bssEnd == 0 ? bytes : bssEnd - load;
    if (from < 0 || bytes < 0 || bytes > file.size() - from || memory < bytes) {
      throw new FormatException(
          file.name(),
          offset,
          "multiboot: header 0x%x, load 0x%x-0x%x, bss to 0x%x of a file of 0x%x bytes"
              .formatted(headerAddress, load, loadEnd, bssEnd, file.size()));
    }
    return new Payload(
        List.of(new Payload.Piece(load, from, bytes, memory)),
        BootMode.PROTECTED32,
        addresses.get(4),
        Payload.Protocol.MULTIBOOT);
  }
}
