package dev.vmstate.core.log;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What one {@code printk} has written.
 *
 * @param seq counts records from 0 on; those that were overwritten count too
 * @param nanoseconds of the CPU's own clock, roughly since boot
 * @param facility as syslog has it; 0 is the kernel
 * @param level 0 (emerg) to 7 (debug)
 * @param flags {@code LOG_NEWLINE} 2, {@code LOG_CONT} 8; other kernels have others
 * @param caller id of the thread, or bit 31 and number of the CPU outside of threads; empty where
 *     this kernel keeps none
 * @param command name of the thread, where kernels keep it (CONFIG_PRINTK_EXECUTION_CTX)
 * @param text without its last line feed; one char for each byte (Latin-1), which mostly are UTF-8
 * @param dictionary {@code SUBSYSTEM=pci}, {@code DEVICE=+pci:0000:00:03.0}; text as above
 * @param state how far its writer has come
 * @param whole false when bytes of the text are gone
 */
public record LogRecord(
    long seq,
    long nanoseconds,
    int facility,
    int level,
    int flags,
    OptionalLong caller,
    Optional<String> command,
    String text,
    List<String> dictionary,
    State state,
    boolean whole) {
  private static final long CPU = 1L << 31;

  /** How far a record's writer has come. */
  public enum State {
    /** Written, as all are that {@code dmesg} shows in the guest. */
    FINALIZED,
    /** Written, but its writer may add to it: a line that has no end yet. */
    COMMITTED,
    /** In the middle of being written. */
    RESERVED
  }

  public LogRecord {
    dictionary = List.copyOf(dictionary);
  }

  /** {@code T1} for a thread, {@code C0} for a CPU, as the kernel prints it. */
  public Optional<String> callerName() {
    if (caller.isEmpty()) {
      return Optional.empty();
    }
    long id = caller.getAsLong();
    return Optional.of(((id & CPU) != 0 ? "C" : "T") + (id & CPU - 1));
  }
}
