package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.elf.PrStatus;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a process has once, whatever threads there are.
 *
 * <pre>
 * NT_AUXV    {long type, value}*, the last of type AT_NULL: as execve put them on the stack
 * NT_SIGINFO siginfo_t, 128 bytes
 * NT_FILE    long count, page size; count * {long start, end, offset in pages}; count * name NUL
 * </pre>
 */
final class ProcessWideNotes {
  static final int NT_AUXV = 6;
  static final int NT_SIGINFO = 0x5349_4749;
  static final int NT_FILE = 0x4649_4c45;
  private static final int SIGINFO_BYTES = 128;
  private static final int MOST_AUXV = 4096;
  private static final long PAGE = 4096;

  private ProcessWideNotes() {}

  /** The auxiliary vector that {@code mm} keeps. */
  static ElfNote auxv(KernelObject mm, boolean i386) throws IOException {
    int most = (int) Math.min(mm.bytes("saved_auxv"), MOST_AUXV);
    byte[] all = mm.objects().memory().bytes(mm.at("saved_auxv"), most);
    ByteBuffer words = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
    int pair = i386 ? 8 : 16;
    int end = 0;
    boolean last = false;
    while (!last && end <= all.length - pair) {
      last = (i386 ? words.getInt(end) : words.getLong(end)) == 0;
      end += pair;
    }
    return ElfNote.of(PrStatus.OWNER, NT_AUXV, Arrays.copyOf(all, end));
  }

  /**
   * What the debugger of a stopped thread was told last; zeros, no signal, where there is nothing.
   */
  static ElfNote signal(KernelObject leader, boolean i386) throws IOException {
    byte[] out = new byte[SIGINFO_BYTES];
    Optional<KernelObject> info = leader.follow("last_siginfo", "kernel_siginfo");
    if (info.isPresent() && !i386) {
      long known = leader.objects().types().size("kernel_siginfo").orElse(SIGINFO_BYTES);
      int count = (int) Math.min(known, SIGINFO_BYTES);
      byte[] bytes = leader.objects().memory().bytes(info.get().address(), count);
      System.arraycopy(bytes, 0, out, 0, count);
    }
    return ElfNote.of(PrStatus.OWNER, NT_SIGINFO, out);
  }

  /** The files in its memory. */
  static ElfNote files(List<MappedFile> files, boolean i386) {
    int word = i386 ? 4 : 8;
    NoteBytes table = new NoteBytes(Math.multiplyExact(2 + 3 * files.size(), word), i386);
    table.word(files.size()).word(PAGE);
    ByteArrayOutputStream names = new ByteArrayOutputStream();
    for (MappedFile file : files) {
      table.word(file.start()).word(file.end()).word(file.page());
      names.writeBytes(file.path().getBytes(StandardCharsets.ISO_8859_1));
      names.write(0);
    }
    byte[] out = Arrays.copyOf(table.array(), table.array().length + names.size());
    System.arraycopy(names.toByteArray(), 0, out, table.array().length, names.size());
    return ElfNote.of(PrStatus.OWNER, NT_FILE, out);
  }
}
