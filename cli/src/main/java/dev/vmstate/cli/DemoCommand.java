package dev.vmstate.cli;

import dev.vmstate.container.FileSource;
import dev.vmstate.diff.SnapshotDiff;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.LoadSegment;
import dev.vmstate.exchange.CoreFormat;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.exchange.Manifest;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.Injection;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.qemu.QemuCommand;
import dev.vmstate.qemu.Verification;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The main job, start to end, on a snapshot that is part of the program. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "Shows the main job on a small real snapshot: extract, edit a MAC address in hardware.xml and",
      "a string in core.elf, inject, verify."
    },
    footer = {"", "Example:", "  vmstate demo -o demo"})
final class DemoCommand implements Callable<Integer> {
  private static final String SAMPLE = "demo/guest.mig.gz";
  private static final String OLD_MAC = "52:54:00:12:34:56";
  private static final String NEW_MAC = "52:54:00:c0:ff:ee";

  /** Where the guest's message stands in its virtual memory, see demo/guest.S. */
  private static final long MESSAGE = 0xffff_ffff_8010_1000L;

  private static final String OLD_TEXT = "Hello from the guest: ";
  private static final String NEW_TEXT = "Hello from an editor: ";

  /** The command line the sample was made with, less its output. */
  private static final List<String> QEMU =
      List.of(
          "qemu-system-x86_64",
          "-accel",
          "tcg",
          "-machine",
          "pc-i440fx-7.2",
          "-m",
          "8",
          "-nodefaults",
          "-vga",
          "none",
          "-serial",
          "null",
          "-device",
          "e1000,mac=" + OLD_MAC + ",romfile=");

  @Mixin private Output output;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      description = "Where the files go, to be looked at; a new temporary directory without it.")
  private @Nullable Path directory;

  @Override
  public Integer call() throws Exception {
    PrintWriter out = output.out();
    Path dir = directory != null ? directory : Files.createTempDirectory("vmstate-demo-");
    Files.createDirectories(dir);
    Path sample = dir.resolve("vm.mig");
    unpack(sample);
    Path extracted = dir.resolve("vm");
    Path edited = dir.resolve("new.mig");
    try (StreamSnapshot snapshot = StreamSnapshot.open(sample)) {
      step(out, "vmstate info " + sample);
      new Text(snapshot, out).info(null);
      step(out, "vmstate extract " + sample + " -o " + extracted);
      Extraction.run(
              snapshot,
              extracted,
              new Extraction.Options(CoreFormat.ELF, true, false, null),
              output.progress())
          .files()
          .forEach(out::println);
    }
    step(out, "sed -i s/%s/%s/ %s".formatted(OLD_MAC, NEW_MAC, extracted.resolve("hardware.xml")));
    editXml(extracted.resolve(Extraction.HARDWARE));
    Path core = extracted.resolve(Extraction.CORE);
    step(
        out,
        "gdb --write -core %s -ex 'set var {char[22]}0x%x = \"%s\"'"
            .formatted(core, MESSAGE, NEW_TEXT));
    editCore(core);
    step(out, "vmstate inject " + extracted + " -o " + edited);
    inject(sample, extracted, edited);
    return verify(out, dir, sample, edited);
  }

  /** Writes the embedded snapshot to a file. */
  static void unpack(Path to) throws IOException {
    try (InputStream packed = DemoCommand.class.getResourceAsStream(SAMPLE);
        InputStream in = new GZIPInputStream(packed)) {
      Files.copy(in, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static void step(PrintWriter out, String command) {
    out.println();
    out.println("$ " + command);
  }

  private static void editXml(Path xml) throws IOException {
    String text = Files.readString(xml);
    Files.writeString(xml, text.replace("mac=\"" + OLD_MAC, "mac=\"" + NEW_MAC));
  }

  private static void editCore(Path path) throws IOException {
    long at;
    try (FileSource source = new FileSource(path)) {
      LoadSegment load =
          CoreFile.open(source).loads().stream()
              .filter(l -> MESSAGE - l.virtual() >= 0 && MESSAGE - l.virtual() < l.fileBytes())
              .findFirst()
              .orElseThrow(() -> new IOException(path + ": the sample's message is not in it"));
      at = load.fileOffset() + MESSAGE - load.virtual();
    }
    try (FileChannel file =
        FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer found = ByteBuffer.allocate(OLD_TEXT.length());
      file.read(found, at);
      if (!new String(found.array(), StandardCharsets.US_ASCII).equals(OLD_TEXT)) {
        throw new IOException(path + ": another string stands where the message should");
      }
      file.write(ByteBuffer.wrap(NEW_TEXT.getBytes(StandardCharsets.US_ASCII)), at);
    }
  }

  private void inject(Path sample, Path extracted, Path edited) throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(sample);
        EditPlan plan =
            Injection.plan(
                snapshot,
                Optional.of(extracted.resolve(Extraction.CORE)),
                Optional.of(extracted.resolve(Extraction.HARDWARE)),
                Optional.of(Manifest.read(extracted)),
                output.progress())) {
      InjectionReport report = plan.writeTo(edited, output.progress());
      EditReport.print(report, "wrote " + edited, List.of(), output);
    }
  }

  private int verify(PrintWriter out, Path dir, Path sample, Path edited) throws IOException {
    step(
        out,
        "vmstate verify %s --against %s -- %s".formatted(edited, sample, String.join(" ", QEMU)));
    if (!onPath(QEMU.get(0))) {
      out.println("no qemu-system-x86_64 here (Debian: apt install qemu-system-x86); instead of");
      out.println("loading the snapshot, what differs from the old one is read back from it:");
      try (StreamSnapshot old = StreamSnapshot.open(sample);
          StreamSnapshot fresh = StreamSnapshot.open(edited)) {
        DiffText.print(SnapshotDiff.between(old, fresh), out);
      }
      return 0;
    }
    try (StreamSnapshot old = StreamSnapshot.open(sample);
        StreamSnapshot fresh = StreamSnapshot.open(edited)) {
      Verification result =
          Verification.of(fresh, Optional.of(old), new QemuCommand(QEMU), dir, output.progress());
      VerifyReport.print(edited, result, output);
      step(
          out,
          String.join(" ", QEMU).replace("-serial null", "-display none -serial stdio")
              + " -incoming \"exec:cat %s\"".formatted(edited));
      out.println(
          "runs it on: the guest now says '" + NEW_TEXT.strip() + "' and goes on counting.");
      return result.ok() ? 0 : 1;
    }
  }

  private static boolean onPath(String program) {
    String path = System.getenv("PATH");
    return path != null
        && List.of(path.split(":", -1)).stream()
            .anyMatch(d -> !d.isEmpty() && Files.isExecutable(Path.of(d, program)));
  }
}
