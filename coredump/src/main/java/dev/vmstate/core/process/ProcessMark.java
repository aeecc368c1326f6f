package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.elf.ElfNote;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A note of our own in the core of a process: whose it is, and of which moment. NT_PRPSINFO has the
 * pid that a container knows; an edited core has to find its way back to one process only.
 * Debuggers pass over notes of owners they do not know.
 *
 * <pre>
 * Note ::= owner "VMSTATE", type 0x564d5354, ASCII: pid=194 start=5123000000 runtime=80112233
 * </pre>
 *
 * @param pid in the first pid namespace
 * @param start when the process was made, in ns since boot
 * @param runtime ns its first thread has run; a process that went on has more
 */
public record ProcessMark(int pid, long start, long runtime) {
  /** Owner of the note. */
  public static final String OWNER = "VMSTATE";

  /** Type of the note, "VMST": gdb's BFD asks owners it does not know by the types it knows. */
  public static final int TYPE = 0x564d5354;

  private static final int MOST_BYTES = 256;
  private static final Pattern TEXT =
      Pattern.compile("pid=(\\d{1,9}) start=(\\d{1,19}) runtime=(\\d{1,19})\n?");

  /** Of a process, by its first thread. */
  public static ProcessMark of(Task leader) throws IOException {
    return new ProcessMark(
        leader.tgid(),
        number(leader.object(), "start_boottime", "real_start_time", "start_time"),
        number(leader.object(), "se.sum_exec_runtime"));
  }

  private static long number(KernelObject task, String... members) throws IOException {
    for (String member : members) {
      if (task.has(member)) {
        return task.number(member) & Long.MAX_VALUE;
      }
    }
    return 0;
  }

  /** The one in a core; empty when another tool made it. */
  public static Optional<ProcessMark> in(CoreFile core) throws IOException {
    List<CoreNote> notes = core.notes(OWNER, TYPE);
    if (notes.size() != 1 || notes.get(0).descriptor().length() > MOST_BYTES) {
      return Optional.empty();
    }
    ByteBuffer bytes = core.descriptor(notes.get(0));
    Matcher text = TEXT.matcher(StandardCharsets.ISO_8859_1.decode(bytes));
    try {
      return text.matches()
          ? Optional.of(
              new ProcessMark(
                  Integer.parseInt(text.group(1)),
                  Long.parseLong(text.group(2)),
                  Long.parseLong(text.group(3))))
          : Optional.empty();
    } catch (NumberFormatException tooLarge) {
      return Optional.empty();
    }
  }

  /** The note. */
  public ElfNote note() {
    String text = "pid=%d start=%d runtime=%d\n".formatted(pid, start, runtime);
    return ElfNote.of(OWNER, TYPE, text.getBytes(StandardCharsets.US_ASCII));
  }
}
