package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.RequiredKvm;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SIGTERM and SIGINT to a runner whose guest does not end by itself, whatever it is at. */
@Timeout(120)
class RunnerSignalsTest {
  /** Each says through the debug port that it runs, then goes on for ever. */
  private static final String STARTED = "b05e e6e9"; // mov $'^', %al; out %al, $0xe9

  @TempDir Path directory;
  private @Nullable Process process;

  @BeforeEach
  void kvm() throws Exception {
    RequiredKvm.require();
  }

  @AfterEach
  void nothingIsLeft() {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "real16, ebfe, ", // jmp .
    "long64, ebfe, ",
    "real16, fbf4ebfc, --irqchip", // sti; 1: hlt; jmp 1b - in the kernel
    "real16, faf4ebfc, --irqchip",
    "real16, cd90f4, ", // int 0x90: KVM_RUN may never come back by itself
    "long64, 0f01c1f4, ", // vmcall
    "real16, baf803ecebfd, ", // waits for input
    "real16, e680ebfc, ", // exits for ever
  })
  void oneSignalSavesAndEnds(String mode, String code, String option) throws Exception {
    Path snapshot = directory.resolve("snapshot");
    Process runner = start(mode, code, option, "--snapshot", snapshot.toString());
    signal(runner, "TERM");
    assertTrue(runner.waitFor(30, TimeUnit.SECONDS), "still there");
    assertTrue(Files.exists(snapshot.resolve("state.json")), this::said);
    assertFalse(said().contains("Exception"), this::said);
    Cli info = Cli.run("info", snapshot);
    assertEquals(0, info.status(), info::err);
  }

  @ParameterizedTest
  @CsvSource({
    "real16, ebfe, ",
    "real16, faf4ebfc, --irqchip",
    "real16, baf803ecebfd, ",
    "long64, 0f01c1f4, "
  })
  void theSecondSignalEnds(String mode, String code, String option) throws Exception {
    Process runner = start(mode, code, option);
    signal(runner, "TERM");
    // The second may come before the first has done anything: it ends the runner all the same.
    while (runner.isAlive()) {
      signal(runner, "TERM");
      runner.waitFor(200, TimeUnit.MILLISECONDS);
    }
    assertFalse(said().contains("Exception"), this::said);
  }

  private Process start(String mode, String code, String option, String... more) throws Exception {
    byte[] bytes = HexFormat.of().parseHex((STARTED + code).replace(" ", ""));
    Path guest = Files.write(directory.resolve("guest.bin"), bytes);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx256m", "-XX:MaxDirectMemorySize=64m"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.addAll(List.of("dev.vmstate.cli.Main", "run", guest.toString(), "--mode", mode));
    command.addAll(List.of("--load", "0x1000", "--memory", "64K", "--debug-port", "0xe9"));
    if (option != null) {
      command.add(option);
    }
    command.addAll(List.of(more));
    Path out = directory.resolve("out");
    Process started =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.PIPE)
            .redirectOutput(out.toFile())
            .redirectError(new File(directory.toFile(), "err"))
            .start();
    process = started;
    while (started.isAlive() && !said().contains("^")) {
      LockSupport.parkNanos(5_000_000);
    }
    assertTrue(started.isAlive(), this::said);
    return started;
  }

  private static void signal(Process process, String name) throws Exception {
    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
        .redirectErrorStream(true)
        .start()
        .waitFor();
  }

  private String said() {
    try {
      return Files.readString(directory.resolve("out"))
          + Files.readString(directory.resolve("err"));
    } catch (IOException e) {
      return e.toString();
    }
  }
}
