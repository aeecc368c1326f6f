package dev.vmstate.qemu;

import dev.vmstate.bytes.Progress;
import dev.vmstate.check.Check;
import dev.vmstate.check.Destination;
import dev.vmstate.check.Finding;
import dev.vmstate.check.Finding.Fix;
import dev.vmstate.check.Finding.Grade;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.qemu.QemuProgram.Machine;
import dev.vmstate.schema.DeviceClasses;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a QEMU will make of a snapshot, said without and, if wanted, with loading it.
 *
 * @param qemu QEMU's version
 * @param machine the machine type the snapshot was compared with
 * @param whole whether the whole machine was compared, or its board alone
 * @param findings the worst first
 * @param load what QEMU did when it was given the snapshot, if it was
 */
public record LoadCheck(
    String qemu, String machine, boolean whole, List<Finding> findings, Optional<DryLoad> load) {

  /**
   * A load that was tried.
   *
   * @param refused QEMU's own words, or empty when it took the snapshot
   * @param explained the finding that said so before
   */
  public record DryLoad(Optional<String> refused, Optional<Finding> explained) {}

  /**
   * What to check against.
   *
   * @param program QEMU, and what has to stand before it
   * @param machine its machine type; otherwise the arguments', or the snapshot's
   * @param cpu its CPU model; otherwise the arguments', or the machine's
   * @param memory its memory in bytes; otherwise the arguments', or the snapshot's
   * @param arguments the rest of its command line; empty: only the board is known
   * @param load whether to load the snapshot
   */
  public record Request(
      QemuProgram program,
      Optional<String> machine,
      Optional<String> cpu,
      OptionalLong memory,
      List<String> arguments,
      boolean load) {
    public Request {
      arguments = List.copyOf(arguments);
    }
  }

  public LoadCheck {
    findings = List.copyOf(findings);
  }

  /** Whether the snapshot loads: as QEMU did, or else as the findings tell. */
  public boolean loads() {
    return load.map(done -> done.refused().isEmpty()).orElseGet(() -> Check.loads(findings));
  }

  /**
   * Compares, and loads if that is wanted.
   *
   * @param directory where the machine's own stream lies meanwhile
   * @throws QemuException when QEMU cannot be started
   */
  public static LoadCheck of(
      StreamSnapshot snapshot, Request request, Path directory, Progress progress)
      throws IOException {
    snapshot.layout(); // a file that is no whole snapshot is found out before QEMU starts
    List<Finding> findings = new ArrayList<>();
    List<Machine> machines = request.program().machines();
    DeviceClasses classes;
    try {
      classes = request.program().classes();
    } catch (QemuException e) {
      // QEMU loads every module it finds for this, and dies of one that does not fit.
      classes = new DeviceClasses("", Map.of());
      findings.add(
          new Finding(
              Grade.INFO,
              "",
              "",
              "the device classes are not known, only this machine's: " + e.getMessage(),
              Optional.empty()));
    }
    CommandLine line = new CommandLine(snapshot, request);
    String wanted = line.machine();
    if (!wanted.isEmpty() && QemuProgram.named(wanted, machines).isEmpty()) {
      Optional<Machine> relative = QemuProgram.relative(wanted, machines);
      findings.add(unknownMachine(wanted, snapshot, relative));
      if (relative.isEmpty()) {
        return new LoadCheck(
            "",
            wanted,
            false,
            findings,
            request.load() ? refused(wanted, findings) : Optional.empty());
      }
      line.machine(relative.get().name());
    }
    String version;
    String machine;
    boolean whole = !request.arguments().isEmpty() || request.load();
    boolean started = Check.loads(findings);
    try (DestinationProbe probe = new DestinationProbe(line.command(), directory)) {
      Destination to = probe.destination(classes, whole, progress);
      version = to.qemu();
      machine = to.fresh().machine();
      List<Finding> compared = new ArrayList<>(Check.of(snapshot, to));
      if (!started) {
        compared.removeIf(finding -> finding.section().equals("configuration"));
      }
      findings.addAll(compared);
    }
    findings.sort(Comparator.comparing(Finding::grade));
    Optional<DryLoad> load = Optional.empty();
    if (request.load()) {
      load =
          started
              ? Optional.of(load(snapshot, line.command(), findings, progress))
              : refused(wanted, findings);
    }
    return new LoadCheck(version, machine, whole, findings, load);
  }

  private static Optional<DryLoad> refused(String machine, List<Finding> findings) {
    return Optional.of(
        new DryLoad(
            Optional.of("it does not start: no machine type " + machine),
            findings.stream().filter(f -> f.grade() == Grade.ERROR).findFirst()));
  }

  private static Finding unknownMachine(
      String wanted, StreamSnapshot snapshot, Optional<Machine> relative) {
    String reason = "this QEMU has no machine type " + wanted;
    Optional<Fix> fix =
        relative
            .filter(machine -> !machine.name().equals(snapshot.machine()))
            .map(
                machine ->
                    new Fix(
                        "set",
                        List.of("machine=" + machine.name()),
                        "the nearest it has, started with -M " + machine.name()));
    return new Finding(Grade.ERROR, "configuration", "machine", reason, fix);
  }

  private static DryLoad load(
      StreamSnapshot snapshot, QemuCommand command, List<Finding> findings, Progress progress)
      throws IOException {
    try (QemuProcess qemu = QemuProcess.startIncoming(command)) {
      new LoadAndSave(qemu, progress).load(snapshot);
      return new DryLoad(Optional.empty(), Optional.empty());
    } catch (LoadRefusedException e) {
      String words = String.valueOf(e.getMessage());
      return new DryLoad(Optional.of(words), explaining(words, findings));
    } catch (QemuException e) {
      return new DryLoad(Optional.of(String.valueOf(e.getMessage())), Optional.empty());
    }
  }

  /** The error QEMU's words are about; it stops at the first one in the stream's order. */
  private static Optional<Finding> explaining(String words, List<Finding> findings) {
    List<Finding> errors =
        findings.stream().filter(finding -> finding.grade() == Grade.ERROR).toList();
    for (Finding error : errors) {
      String name = error.section().replaceFirst("\\[\\d+]$", "");
      boolean named =
          switch (name) {
            case "configuration" -> words.contains("achine type") || words.contains("apability");
            case "ram" -> words.contains(error.field());
            default -> words.contains("'" + name + "'") || words.contains(name);
          };
      if (named) {
        return Optional.of(error);
      }
    }
    return errors.stream().findFirst();
  }

  /** The command line of the machine the snapshot is compared with. */
  private static final class CommandLine {
    private final StreamSnapshot snapshot;
    private final Request request;
    private String machine;

    CommandLine(StreamSnapshot snapshot, Request request) {
      this.snapshot = snapshot;
      this.request = request;
      machine =
          request
              .machine()
              .map(CommandLine::type)
              .or(() -> inArguments(request.arguments()))
              .orElseGet(() -> request.arguments().isEmpty() ? snapshot.machine() : "");
    }

    /** The machine type, or empty when it is QEMU's default. */
    String machine() {
      return machine;
    }

    void machine(String other) {
      machine = other;
    }

    /** What {@code -M} says, the last one counts. */
    private static Optional<String> inArguments(List<String> arguments) {
      Optional<String> found = Optional.empty();
      for (int i = 0; i + 1 < arguments.size(); i++) {
        if (arguments.get(i).matches("--?(M|machine)")) {
          String type = type(arguments.get(i + 1));
          found = type.isEmpty() ? found : Optional.of(type);
        }
      }
      return found;
    }

    /** {@code pc,usb=on} and {@code type=pc,usb=on}: pc. */
    private static String type(String value) {
      for (String part : value.split(",")) {
        if (part.startsWith("type=")) {
          return part.substring(5);
        }
      }
      String first = value.split(",", 2)[0];
      return first.contains("=") ? "" : first;
    }

    QemuCommand command() throws IOException {
      List<String> words = new ArrayList<>(request.program().words());
      words.addAll(request.arguments());
      if (request.arguments().isEmpty()) {
        words.addAll(List.of("-nodefaults", "-accel", "tcg"));
        long cpus = snapshot.devices().stream().filter(d -> d.name().equals("cpu")).count();
        words.addAll(List.of("-smp", Long.toString(Math.max(1, cpus))));
      }
      if (!machine.isEmpty()) {
        words.addAll(List.of("-machine", "type=" + machine));
        request
            .machine()
            .filter(given -> given.contains(","))
            .ifPresent(given -> words.addAll(List.of("-machine", options(given))));
      }
      request.cpu().ifPresent(model -> words.addAll(List.of("-cpu", model)));
      OptionalLong memory = request.memory();
      if (memory.isEmpty() && request.arguments().isEmpty()) {
        memory = mainMemory();
      }
      if (memory.isPresent()) {
        words.addAll(List.of("-m", "size=%dB".formatted(memory.getAsLong())));
      }
      return new QemuCommand(words);
    }

    /** Everything of a machine's value but its type. */
    private static String options(String value) {
      String rest = value.replaceFirst("(^|,)type=[^,]*", "");
      if (!rest.split(",", 2)[0].contains("=")) {
        rest = rest.replaceFirst("^[^,]*,?", "");
      }
      return rest.replaceFirst("^,", "");
    }

    /** The largest block that is no device's. */
    private OptionalLong mainMemory() {
      return snapshot.blocks().stream()
          .filter(block -> !block.name().matches(".*[:/].*"))
          .mapToLong(RamBlock::bytes)
          .max();
    }
  }
}
