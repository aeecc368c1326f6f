package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.fixtures.guests.GuestProgram;
import dev.vmstate.qemu.LoadAndSave;
import dev.vmstate.qemu.QemuCommand;
import dev.vmstate.qemu.QemuProcess;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A guest that QEMU has started goes on in the KVM runner, and back in QEMU. It prints a line
 * whenever both its timers have ticked, and says which of its registers are not what they were; so
 * what all three have printed must be one text without a gap.
 */
@Tag("qemu")
class QemuKvmTest {
  private static final String LINE = "tick %08x ok\r\n";

  @TempDir Path dir;
  private Path guest;

  @BeforeEach
  void requireMachines() throws IOException {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    RequiredKvm.require();
    guest = GuestProgram.TICKER.writeTo(dir);
  }

  /** A machine whose serial line is a socket of ours. */
  private final class Line implements AutoCloseable {
    private final ServerSocketChannel server;
    private final QemuCommand command;

    Line(String machine, String accelerator) throws IOException {
      Path socket = Files.createTempDirectory(Path.of("/tmp"), "vmstate-").resolve("line");
      server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket));
      List<String> words =
          new ArrayList<>(List.of("qemu-system-x86_64", "-machine", machine, "-accel"));
      words.addAll(List.of(accelerator, "-m", "4", "-nodefaults", "-vga", "none", "-nic", "none"));
      words.addAll(List.of("-kernel", guest.toString(), "-serial", "unix:" + socket));
      command = new QemuCommand(words);
    }

    SocketChannel accept() throws IOException {
      return server.accept();
    }

    @Override
    public void close() throws IOException {
      Path socket = ((UnixDomainSocketAddress) server.getLocalAddress()).getPath();
      server.close();
      Files.deleteIfExists(socket);
      Files.deleteIfExists(socket.getParent());
    }
  }

  private static String lines(InputStream in, int count) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int seen = 0; seen < count; ) {
      int b = in.read();
      assertTrue(b >= 0, "the machine ended");
      bytes.write(b);
      seen += b == '\n' ? 1 : 0;
    }
    return bytes.toString(StandardCharsets.US_ASCII);
  }

  /** Starts the guest, saves it behind some lines, and tells what it has printed. */
  private String save(String machine, String accelerator, Path stream) throws IOException {
    try (Line line = new Line(machine, accelerator)) {
      StringBuilder printed = new StringBuilder();
      SocketChannel socket;
      try (QemuProcess qemu = QemuProcess.startFresh(line.command)) {
        socket = line.accept();
        qemu.qmp().execute("cont");
        printed.append(lines(Channels.newInputStream(socket), 5));
        qemu.qmp().execute("stop");
        new LoadAndSave(qemu, Progress.NONE).save(stream);
      }
      try (InputStream rest = Channels.newInputStream(socket)) {
        printed.append(new String(rest.readAllBytes(), StandardCharsets.US_ASCII));
      }
      return printed.toString();
    }
  }

  /** Lets QEMU go on with a stream for some lines. */
  private String goOn(String machine, String accelerator, Path stream) throws IOException {
    try (Line line = new Line(machine, accelerator);
        StreamSnapshot snapshot = StreamSnapshot.open(stream);
        QemuProcess qemu = QemuProcess.startIncoming(line.command)) {
      try (InputStream in = Channels.newInputStream(line.accept())) {
        new LoadAndSave(qemu, Progress.NONE).load(snapshot);
        qemu.qmp().execute("cont");
        return lines(in, 5);
      }
    }
  }

  /**
   * Lets the runner go on with a directory for about ten lines, and saves it again, at an input: a
   * byte that an output was about to send has no place in a stream whose line was idle.
   */
  private String resume(Path directory, Path next) throws IOException {
    Path between = dir.resolve("between");
    return resume(directory, between, "--pause-after-exits", "400")
        + resume(between, next, "--pause-at", "io:0x3fd");
  }

  private String resume(Path directory, Path next, String until, String value) throws IOException {
    Path printed = dir.resolve("printed by " + next.getFileName());
    Cli cli =
        Cli.run(
            "resume", directory, "--run", "--serial", printed, until, value, "--snapshot", next);
    assertEquals(0, cli.status(), cli.err());
    return Files.readString(printed, StandardCharsets.US_ASCII);
  }

  private static void assertOneText(String printed) {
    String[] all = printed.split("(?<=\n)");
    int whole = printed.endsWith("\n") ? all.length : all.length - 1;
    for (int i = 0; i < whole; i++) {
      assertEquals(LINE.formatted(i + 1), all[i]);
    }
  }

  @ParameterizedTest
  @CsvSource({"pc, tcg", "pc, kvm", "microvm, tcg", "microvm, kvm"})
  void aGuestGoesOnInTheRunnerAndBackInQemu(String machine, String accelerator) throws Exception {
    Path stream = dir.resolve("saved.mig");
    String printed = save(machine, accelerator, stream);
    assertOneText(printed);

    Path directory = dir.resolve("directory");
    Cli converted = Cli.run("convert", stream, "--to", "vmstate-kvm", "-o", directory);
    assertEquals(0, converted.status(), converted.err());
    String left = machine.equals("pc") ? "mc146818rtc" : "ioapic[1]";
    assertTrue(converted.err().contains("left behind: fw_cfg"), converted.err());
    assertTrue(converted.err().contains(left), converted.err());

    Path next = dir.resolve("next");
    String more = resume(directory, next);
    assertTrue(more.length() > 3 * LINE.formatted(0).length(), more);
    assertOneText(printed + more);

    Path back = dir.resolve("back.mig");
    Cli template = Cli.run("convert", next, "--to", "qemu-stream", "--like", stream, "-o", back);
    assertEquals(0, template.status(), template.err());
    assertFalse(template.err().contains("no place"), template.err());
    assertOneText(printed + more + goOn(machine, accelerator, back));
  }

  @ParameterizedTest
  @CsvSource({"pc, tcg", "microvm, kvm"})
  void thereAndBackWithoutRunningTheStreamIsItself(String machine, String accelerator)
      throws Exception {
    Path stream = dir.resolve("saved.mig");
    save(machine, accelerator, stream);
    Path directory = dir.resolve("directory");
    Cli.run("convert", stream, "--to", "vmstate-kvm", "-o", directory);
    Path back = dir.resolve("back.mig");
    Cli.ok("convert", directory, "--to", "qemu-stream", "--like", stream, "-o", back);
    assertArrayEquals(Files.readAllBytes(stream), Files.readAllBytes(back));
  }
}
