package dev.vmstate.core.symbols;

import dev.vmstate.core.dwarf.PointerFrames;
import dev.vmstate.core.kallsyms.KernelSymbol;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.LongPredicate;
import java.util.function.LongUnaryOperator;

/**
 * The frames of a kernel that was built with frame pointers and has no ORC tables, which is every
 * 32-bit one. gdb looks at the start of a function itself, but not past the five bytes that Linux
 * keeps there for ftrace, nor past what the compiler puts between the push and the move.
 *
 * <p>Nothing is disassembled here: bytes that look like the push and the move are taken for them
 * where both are, near the start and near each other. Where that is wrong, so is gdb's own guess.
 */
final class CodeFrames {
  /** Where a push may be: behind the early exits of a function. */
  private static final int MOST_BEFORE_PUSH = 96;

  /** What the compiler has moved up between push and move. */
  private static final int MOST_BETWEEN = 24;

  private static final int MOST_CODE = 64 << 10;
  private static final int PUSH_EBP = 0x55;
  private static final int POP_EBP = 0x5d;
  private static final int RET = 0xc3;
  private static final int JMP = 0xe9;
  private static final int JMP_SHORT = 0xeb;

  /** A few functions of any kernel begin like this; of one with frame pointers, most do. */
  private static final int MOST = 4;

  private final KernelMemory memory;
  private final boolean wide;
  private final PointerFrames frames;
  private final List<Long> gone = new ArrayList<>();

  private CodeFrames(KernelMemory memory) {
    this.memory = memory;
    this.wide = memory.wordBytes() == 8;
    this.frames = new PointerFrames(memory.wordBytes());
  }

  /** Empty when the kernel keeps no frame pointers. */
  static Optional<PointerFrames> of(GuestSymbols guest, ElfSymbols table) throws IOException {
    SymbolTable symbols = guest.symbols();
    long[] starts =
        Arrays.stream(ElfSymbols.order(symbols))
            .filter(i -> KernelSections.isCode(symbols.type(i)))
            .mapToLong(symbols::address)
            .distinct()
            .toArray();
    long from = address(symbols, "_sinittext");
    long to = address(symbols, "_einittext");
    return of(guest.memory(), starts, table::end, start -> start >= from && start < to);
  }

  /**
   * The same of functions at these addresses, ascending.
   *
   * @param end where the function ends that starts at an address
   * @param init whether only the start needs the function at an address
   */
  static Optional<PointerFrames> of(
      KernelMemory memory, long[] starts, LongUnaryOperator end, LongPredicate init)
      throws IOException {
    CodeFrames code = new CodeFrames(memory);
    for (long start : starts) {
      if (!code.function(start, end.applyAsLong(start)) && init.test(start)) {
        code.gone.add(start);
      }
    }
    if (code.frames.entries() <= starts.length / MOST) {
      return Optional.empty();
    }
    // Freed, written over, used anew; but start_kernel is still below the idle task, and who calls
    // has made its frame.
    for (long start : code.gone) {
      code.frames.function(start, end.applyAsLong(start), 0, 0, List.of());
    }
    return Optional.of(code.frames);
  }

  private static long address(SymbolTable symbols, String name) {
    return symbols.all(name).stream().mapToLong(KernelSymbol::address).findFirst().orElse(0);
  }

  /** Whether its frame was seen. */
  private boolean function(long start, long end) throws IOException {
    byte[] code;
    try {
      code = memory.bytes(start, (int) Math.min(MOST_CODE, Math.max(0, end - start)));
    } catch (UnmappedAddressException gone) {
      return false;
    }
    for (int push = 0; push < Math.min(code.length, MOST_BEFORE_PUSH); push++) {
      if (u8(code, push) == PUSH_EBP) {
        for (int move = push + 1; move <= push + MOST_BETWEEN; move++) {
          if (isMove(code, move)) {
            int moved = move + (wide ? 3 : 2);
            frames.function(start, end, push + 1, moved, popped(code, moved));
            return true;
          }
        }
      }
    }
    return false;
  }

  private static int u8(byte[] code, int at) {
    return at < code.length ? code[at] & 0xff : -1;
  }

  private boolean isMove(byte[] code, int at) {
    int from = wide ? at + 1 : at;
    return (!wide || u8(code, at) == 0x48) && u8(code, from) == 0x89 && u8(code, from + 1) == 0xe5;
  }

  private static List<Integer> popped(byte[] code, int from) {
    List<Integer> places = new ArrayList<>();
    for (int i = from; i + 1 < code.length; i++) {
      int next = u8(code, i + 1);
      if (u8(code, i) == POP_EBP && (next == RET || next == JMP || next == JMP_SHORT)) {
        places.add(i + 1);
      }
    }
    return places;
  }
}
