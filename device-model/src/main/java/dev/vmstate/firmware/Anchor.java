package dev.vmstate.firmware;

import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Looks for a structure that starts with a fixed text on a 16-byte boundary and whose bytes add up
 * to 0. BIOS puts it between 0xe0000 and 1 MiB, or, the RSDP, into the first KiB of the EBDA; UEFI
 * anywhere, and tells the operating system alone. So all RAM below 4 GiB is looked at last, from
 * the top: firmware's tables stand there.
 */
final class Anchor {
  private static final long BIOS_START = 0xe0000;
  private static final long BIOS_END = 0x100000;
  private static final long EBDA_POINTER = 0x40e;
  private static final int EBDA_BYTES = 1024;
  private static final long BELOW_4G = 1L << 32;
  private static final int STEP = 16;
  private static final int WINDOW = 1 << 20;

  /** How many bytes of the structure count, or that it is none. */
  interface Shape {
    /** Empty when {@code front}, {@link #FRONT} bytes from its start, is no such structure. */
    Optional<Integer> length(byte[] front);
  }

  /** No anchor structure is longer than this. */
  static final int FRONT = 36;

  private final EditableMemory memory;
  private final byte[] text;
  private final Shape shape;

  Anchor(EditableMemory memory, String text, Shape shape) {
    this.memory = memory;
    this.text = text.getBytes(StandardCharsets.ISO_8859_1);
    this.shape = shape;
  }

  /** Its address. */
  Optional<Long> find() throws IOException {
    Optional<Long> found = ebda();
    if (found.isEmpty()) {
      found = between(BIOS_START, BIOS_END);
    }
    for (int i = memory.map().ranges().size(); i-- > 0 && found.isEmpty(); ) {
      MemoryMap.Range range = memory.map().ranges().get(i);
      if (range.start() < BELOW_4G) {
        long window = (range.end() - 1) / WINDOW * WINDOW;
        for (; window + WINDOW > range.start() && found.isEmpty(); window -= WINDOW) {
          found = between(Math.max(window, range.start()), Math.min(window + WINDOW, range.end()));
        }
      }
    }
    return found;
  }

  private Optional<Long> ebda() throws IOException {
    try {
      byte[] segment = memory.read(EBDA_POINTER, 2);
      long start = ((segment[0] & 0xffL) | (segment[1] & 0xffL) << 8) << 4;
      return start == 0 ? Optional.empty() : between(start, start + EBDA_BYTES);
    } catch (UnmappedAddressException e) {
      return Optional.empty();
    }
  }

  private Optional<Long> between(long start, long end) throws IOException {
    byte[] bytes;
    try {
      bytes = memory.read(start, (int) (end - start));
    } catch (UnmappedAddressException e) {
      return Optional.empty();
    }
    for (int at = 0; at + text.length <= bytes.length; at += STEP) {
      if (startsHere(bytes, at) && sound(start + at)) {
        return Optional.of(start + at);
      }
    }
    return Optional.empty();
  }

  private boolean startsHere(byte[] bytes, int at) {
    for (int i = 0; i < text.length; i++) {
      if (bytes[at + i] != text[i]) {
        return false;
      }
    }
    return true;
  }

  private boolean sound(long address) throws IOException {
    try {
      byte[] front = memory.read(address, FRONT);
      Optional<Integer> length = shape.length(front);
      return length.isPresent() && Sum8.of(front, 0, length.get()) == 0;
    } catch (UnmappedAddressException e) {
      return false;
    }
  }
}
