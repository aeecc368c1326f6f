package dev.vmstate.cli;

import dev.vmstate.container.SnapshotName;
import dev.vmstate.exchange.Manifest;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.Injection;
import dev.vmstate.inject.ProcessInjection;
import dev.vmstate.kvmdir.KvmDirectory;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Edited core and edited XML back into a snapshot. */
@Command(
    name = "inject",
    mixinStandardHelpOptions = true,
    description = {
      "Puts the edits in DIR/core.elf and DIR/hardware.xml into a new snapshot.",
      "What is not edited is copied byte for byte."
    },
    footer = {
      "",
      "Example:",
      "  vmstate inject vm -o new.mig",
      "  vmstate inject vm.mig --core edited.elf -o new.mig",
      "  vmstate inject vm.mig --process-core edited.core -o new.mig"
    })
final class InjectCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private Output output;
  @Mixin private EditTarget target;
  @Mixin private VmlinuxOption vmlinux;

  @Parameters(
      paramLabel = "DIR|SNAPSHOT",
      description = "A directory 'vmstate extract' wrote, or a snapshot with --core, --hardware.")
  private String source;

  @Option(names = "--core", paramLabel = "FILE", description = "The edited core.")
  private @Nullable Path core;

  @Option(names = "--hardware", paramLabel = "FILE", description = "The edited hardware.xml.")
  private @Nullable Path hardware;

  @Option(
      names = "--process-core",
      paramLabel = "FILE",
      description =
          "The edited core of a process of the guest's Linux, as 'vmstate core' wrote it.")
  private @Nullable Path processCore;

  @Option(
      names = "--shared",
      description = {
        "With --process-core: also change pages that others have too: a file's, shared memory,",
        "what a fork left both with."
      })
  private boolean shared;

  @Option(
      names = "--pid",
      paramLabel = "N",
      description = "With --process-core: whose it is, if another tool wrote it.")
  private @Nullable Integer pid;

  @Option(
      names = "--snapshot",
      paramLabel = "SNAPSHOT",
      description = "With DIR: where the snapshot is now, if it has moved.")
  private @Nullable String moved;

  @Mixin private Below4g below4g;
  @Mixin private SchemaOption schema;

  @Override
  public Integer call() throws Exception {
    target.check();
    if (processCore != null) {
      return process(processCore);
    }
    Optional<Manifest> manifest = Optional.empty();
    SnapshotName snapshot = SnapshotName.parse(source);
    Optional<Path> coreFile = Optional.ofNullable(core);
    Optional<Path> xmlFile = Optional.ofNullable(hardware);
    if (isExtraction()) {
      Manifest read = Manifest.read(directory());
      manifest = Optional.of(read);
      snapshot = SnapshotName.parse(moved != null ? moved : read.snapshot());
      if (moved == null && snapshot.isStandardInput()) {
        throw new ParameterException(
            spec.commandLine(),
            "%s was extracted from a pipe: name the snapshot with --snapshot".formatted(source));
      }
      coreFile = coreFile.or(() -> inDirectory(read.core()));
      xmlFile = xmlFile.or(() -> inDirectory(read.hardware()));
      below4g.bytes = below4g.bytes != null ? below4g.bytes : read.below4g();
    } else if (core == null && hardware == null) {
      throw new ParameterException(
          spec.commandLine(), "nothing to inject: name a directory, or --core, or --hardware");
    }
    try (EditableSnapshot opened = schema.describe(SnapshotArgument.openEditable(snapshot))) {
      target.prepare(opened, output);
      below4g.apply(opened);
      try (EditPlan plan = Injection.plan(opened, coreFile, xmlFile, manifest, output.progress())) {
        EditReport.print(target.carryOut(plan, output), target.done(), plan.notes(), output);
      }
    }
    return 0;
  }

  private int process(Path file) throws IOException {
    if (core != null || hardware != null || isExtraction()) {
      throw new ParameterException(
          spec.commandLine(), "--process-core goes into a snapshot, and alone");
    }
    SnapshotName snapshot = SnapshotName.parse(source);
    try (EditableSnapshot opened = schema.describe(SnapshotArgument.openEditable(snapshot))) {
      target.prepare(opened, output);
      below4g.apply(opened);
      OptionalInt whose = pid == null ? OptionalInt.empty() : OptionalInt.of(pid);
      try (EditPlan plan =
          ProcessInjection.plan(opened, vmlinux.file(), file, whose, shared, output.progress())) {
        EditReport.print(target.carryOut(plan, output), target.done(), plan.notes(), output);
      }
    }
    return 0;
  }

  private Path directory() {
    return Path.of(source);
  }

  /** A directory is one that extract wrote, unless it is a snapshot and nothing else. */
  private boolean isExtraction() throws IOException {
    return Files.isDirectory(directory())
        && (Files.exists(directory().resolve(Manifest.FILE)) || !KvmDirectory.is(directory()));
  }

  /** A file extract wrote; one that was deleted since is no edit. */
  private Optional<Path> inDirectory(@Nullable String name) {
    return name == null || Path.of(name).getNameCount() != 1
        ? Optional.empty()
        : Optional.of(directory().resolve(name)).filter(Files::exists);
  }
}
