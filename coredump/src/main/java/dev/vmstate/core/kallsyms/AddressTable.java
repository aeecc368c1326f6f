package dev.vmstate.core.kallsyms;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The addresses of the symbols, {@code kallsyms_offsets} or {@code kallsyms_addresses}, wherever
 * this kernel has them and whatever they are relative to:
 *
 * <pre>
 * to 6.3:  Offsets RelativeBase NumSyms Names …      since 4.6
 *          Addresses NumSyms Names …                 before, and without KALLSYMS_BASE_RELATIVE
 * from 6.4:  … TokenTable TokenIndex Offsets RelativeBase SeqsOfNames
 * from 7.0:  … TokenTable TokenIndex Offsets SeqsOfNames
 * </pre>
 *
 * <p>An offset (s32) counts from the base, or is, with KALLSYMS_ABSOLUTE_PERCPU (x86-64 to 6.14),
 * an absolute number when not negative and else {@code base - 1 - offset}; from 7.0 on it counts
 * from where itself stands. No version number is asked: distributions move these changes about. A
 * way of reading is right when it gives addresses in ascending order, most of them inside the
 * image: the table is sorted. Sources: scripts/kallsyms.c {@code write_src}, kernel/kallsyms.c
 * {@code kallsyms_sym_address}.
 */
final class AddressTable {
  private final ImageBytes image;
  private final NameTable.Found names;
  private final int word;

  /**
   * @param base empty where there is none
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  record Found(long[] addresses, boolean offsets, long table, OptionalLong base, String layout) {}

  private enum Scheme {
    PERCPU("offsets from a base, per-CPU ones absolute"),
    BASE("offsets from a base"),
    SELF("offsets from where they stand"),
    WHOLE("whole addresses");

    private final String words;

    Scheme(String words) {
      this.words = words;
    }
  }

  private AddressTable(ImageBytes image, NameTable.Found names) {
    this.image = image;
    this.names = names;
    this.word = image.wordBytes();
  }

  static Optional<Found> find(ImageBytes image, NameTable.Found names) throws IOException {
    return new AddressTable(image, names).find();
  }

  private Optional<Found> find() throws IOException {
    long n = names.count();
    long offsetBytes = TokenTable.alignUp(4 * n, names.align());
    long behind = TokenTable.alignUp(names.tokens().end(), names.align());
    long baseBefore = names.numSyms() - word;
    Optional<Found> found = relative(baseBefore - offsetBytes, baseBefore, "before the names");
    if (found.isEmpty()) {
      found = relative(behind, behind + offsetBytes, "behind the tokens");
    }
    if (found.isEmpty()) {
      found = read(Scheme.SELF, behind, -1, "behind the tokens");
    }
    if (found.isEmpty()) {
      found = read(Scheme.WHOLE, names.numSyms() - word * n, -1, "before the names");
    }
    if (found.isEmpty()) {
      found = read(Scheme.WHOLE, behind, -1, "behind the tokens");
    }
    return found;
  }

  private Optional<Found> relative(long table, long base, String where) throws IOException {
    Optional<Found> found = read(Scheme.PERCPU, table, base, where);
    return found.isPresent() ? found : read(Scheme.BASE, table, base, where);
  }

  /** {@code base} is -1 where there is none. */
  private Optional<Found> read(Scheme scheme, long table, long base, String where)
      throws IOException {
    int n = names.count();
    int entry = scheme == Scheme.WHOLE ? word : 4;
    if (table < 0 || table + (long) n * entry > image.length() || base + word > image.length()) {
      return Optional.empty();
    }
    long start = 0;
    if (base >= 0) {
      ByteBuffer value = ByteBuffer.wrap(image.read(base, word)).order(ByteOrder.LITTLE_ENDIAN);
      start = word == 8 ? value.getLong() : value.getInt() & 0xffff_ffffL;
      if (!inside(start)) {
        return Optional.empty();
      }
    }
    ByteBuffer bytes = ByteBuffer.wrap(image.read(table, n * entry)).order(ByteOrder.LITTLE_ENDIAN);
    long[] addresses = new long[n];
    int inside = 0;
    boolean relative = false;
    for (int i = 0; i < n; i++) {
      int offset = bytes.getInt(i * entry);
      long address =
          switch (scheme) {
            case PERCPU -> offset >= 0 ? offset : start - 1 - offset;
            case BASE -> start + (offset & 0xffff_ffffL);
            case SELF -> image.virtual(table + 4L * i) + offset;
            case WHOLE -> entry == 8 ? bytes.getLong(8 * i) : offset;
          };
      addresses[i] = word == 8 ? address : address & 0xffff_ffffL;
      if (i > 0 && Long.compareUnsigned(addresses[i - 1], addresses[i]) > 0) {
        return Optional.empty();
      }
      inside += inside(addresses[i]) ? 1 : 0;
      relative |= offset < 0;
    }
    if (inside < n / 2 || scheme == Scheme.PERCPU && !relative) {
      return Optional.empty();
    }
    return Optional.of(
        new Found(
            addresses,
            scheme != Scheme.WHOLE,
            table,
            base >= 0 ? OptionalLong.of(base) : OptionalLong.empty(),
            scheme.words + ", " + where));
  }

  private boolean inside(long address) {
    return Long.compareUnsigned(address - image.start(), image.length()) <= 0;
  }
}
