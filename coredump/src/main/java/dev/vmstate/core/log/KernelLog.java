package dev.vmstate.core.log;

import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The log of a kernel: the lockless ring of Linux 5.10 and later, or the buffer of records of 3.5
 * to 5.9. Its variables' addresses are in kallsyms or, as in kernels that keep functions only there
 * (CONFIG_KALLSYMS_ALL), in VMCOREINFO.
 */
public final class KernelLog {
  private final Buffer buffer;

  /** Told of one record after the other, the oldest first. */
  @FunctionalInterface
  public interface Visitor {
    /** The next record. */
    void record(LogRecord record) throws IOException;
  }

  /** One of the two. */
  interface Buffer {
    List<String> read(Visitor visitor) throws IOException;
  }

  private KernelLog(Buffer buffer) {
    this.buffer = buffer;
  }

  /**
   * Of that kernel.
   *
   * @param objects with its types, or those of {@code info}
   * @throws IOException when neither symbols nor {@code info} say where the log is
   */
  public static KernelLog of(KernelObjects objects, Optional<Vmcoreinfo> info) throws IOException {
    Variables variables = new Variables(objects, info);
    if (variables.find("prb").isPresent()) {
      return new KernelLog(new PrintkRing(objects, objects.memory().word(variables.at("prb"))));
    }
    if (variables.find("log_first_idx").isPresent()) {
      return new KernelLog(new RecordBuffer(objects, variables));
    }
    throw new IOException(
        ("Linux %s does not say where its log is: neither kallsyms nor VMCOREINFO has 'prb' (5.10"
                + " and later) or 'log_first_idx' (3.5 to 5.9)")
            .formatted(objects.kernel().release()));
  }

  /**
   * Tells of every record that can be read.
   *
   * @return what is missing or broken, a line each
   */
  public List<String> read(Visitor visitor) throws IOException {
    return buffer.read(visitor);
  }

  /** Addresses of variables. */
  record Variables(KernelObjects objects, Optional<Vmcoreinfo> info) {
    OptionalLong find(String name) {
      OptionalLong own = objects.address(name);
      return own.isEmpty() && info.isPresent() ? info.get().symbol(name) : own;
    }

    long at(String name) throws IOException {
      OptionalLong address = find(name);
      return address.isPresent() ? address.getAsLong() : objects.needed(name);
    }
  }
}
