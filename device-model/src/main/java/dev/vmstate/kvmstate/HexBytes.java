package dev.vmstate.kvmstate;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Patch;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The bytes that hexadecimal digits in a text stand for, and where each one's digits are. */
final class HexBytes implements ByteSource {
  /** Digits from {@code text} on are {@code length} bytes; {@code reversed}: the last one first. */
  private record Run(long at, int length, int text, boolean reversed) {}

  private final String name;
  private final TreeMap<Long, Run> runs = new TreeMap<>();
  private byte[] bytes = new byte[1 << 14];
  private int size;

  HexBytes(String name) {
    this.name = name;
  }

  /** Adds what the digits of {@code value} from {@code prefix} on stand for. */
  void add(String value, int prefix, int text, boolean reversed) {
    int length = (value.length() - prefix) / 2;
    if (size + length > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + length));
    }
    for (int i = 0; i < length; i++) {
      int digit = prefix + 2 * i;
      int b =
          Character.digit(value.charAt(digit), 16) << 4
              | Character.digit(value.charAt(digit + 1), 16);
      bytes[size + (reversed ? length - 1 - i : i)] = (byte) b;
    }
    runs.put((long) size, new Run(size, length, text, reversed));
    size += length;
  }

  /** Where in the text the digits of the byte at {@code offset} are; 0 where there is none. */
  long textAt(long offset) {
    Map.Entry<Long, Run> run = runs.floorEntry(offset);
    return run == null ? 0 : run.getValue().text();
  }

  /** The digits that a change of bytes replaces. */
  List<Patch> inText(Patch patch) {
    List<Patch> replaced = new ArrayList<>();
    ByteBuffer with = patch.with();
    long at = patch.where().offset();
    if (patch.where().end() > size) {
      throw new IllegalArgumentException(patch.where() + " is outside the state");
    }
    while (with.hasRemaining()) {
      Run run = runs.floorEntry(at).getValue();
      int from = (int) (at - run.at());
      int length = Math.min(run.length() - from, with.remaining());
      byte[] digits = new byte[2 * length];
      for (int i = 0; i < length; i++) {
        int place = run.reversed() ? length - 1 - i : i;
        byte[] pair = "%02x".formatted(with.get() & 0xff).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(pair, 0, digits, 2 * place, 2);
      }
      int first = run.reversed() ? run.length() - from - length : from;
      replaced.add(Patch.of(run.text() + 2L * first, digits));
      at += length;
    }
    return replaced;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    if (offset < 0 || offset > size - into.remaining()) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x of the state"
              .formatted(name, offset, into.remaining(), size));
    }
    into.put(bytes, (int) offset, into.remaining());
  }
}
