package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.RequiredKvm;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.fixtures.guests.GuestProgram;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Guests in processes of their own: signals, the socket, the terminal. */
@Timeout(value = 3, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RunningGuestTest {
  private static final String MANY = "rdi=0x7fffffff";

  @TempDir Path directory;

  @BeforeEach
  void requireKvm() throws IOException {
    RequiredKvm.require();
  }

  /** A guest that counts on its serial line until it is stopped. */
  private List<Object> counting(Object... more) throws IOException {
    List<Object> words =
        new ArrayList<>(GuestProgram.LONG64.runWords(GuestProgram.LONG64.writeTo(directory)));
    words.addAll(List.of("--reg", MANY));
    words.addAll(List.of(more));
    return words;
  }

  private static RunningGuest start(List<Object> words) throws IOException {
    return RunningGuest.start(words.toArray());
  }

  /** Waits until it prints. */
  private static String first(InputStream out, int bytes) throws IOException {
    byte[] read = out.readNBytes(bytes);
    assertEquals(bytes, read.length, "it ended");
    return new String(read, StandardCharsets.ISO_8859_1);
  }

  /** The numbers of whole lines, one after another without a gap. */
  private static long counted(String text) {
    List<String> lines = text.replace("\r", "").lines().toList();
    long next = -1;
    for (String line : lines.subList(0, lines.size() - 1)) {
      if (next < 0 && !line.startsWith("counter")) {
        continue; // what it says first
      }
      assertTrue(line.matches("counter [0-9a-f]{8}"), line);
      long number = Long.parseLong(line.substring(8), 16);
      assertTrue(next < 0 || number == next, () -> "after a gap: " + line);
      next = number + 1;
    }
    return next;
  }

  private static Cli ctl(Path socket, Object... words) {
    Object[] all = new Object[words.length + 2];
    all[0] = "ctl";
    all[1] = socket;
    System.arraycopy(words, 0, all, 2, words.length);
    return Cli.run(all);
  }

  private static JsonNode info(Path socket) throws IOException {
    return new ObjectMapper().readTree(Cli.ok("ctl", socket, "info", "--json"));
  }

  @Test
  void ctrlCSavesAndTheSnapshotGoesOnAtTheVeryByte() throws Exception {
    Path snap = directory.resolve("snap");
    String before;
    try (RunningGuest guest = start(counting("--snapshot", snap))) {
      before = first(guest.out(), 200);
      guest.signal("INT");
      before += new String(guest.out().readAllBytes(), StandardCharsets.ISO_8859_1);
      assertEquals(0, guest.status(), guest.said());
      assertTrue(guest.said().contains("vmstate: paused by SIGINT: CPU 0 at rip 0x"), guest.said());
      assertTrue(
          guest
              .said()
              .contains(
                  "vmstate: saved as %s; 'vmstate resume %s --run' goes on".formatted(snap, snap)),
          guest.said());
    }
    Cli resumed = Cli.run("resume", snap, "--run", "--pause-after-exits", "400");
    assertEquals(0, resumed.status(), resumed.err());
    long count = counted(before + resumed.out());
    assertTrue(count > counted(before), before + "|" + resumed.out());
  }

  @Test
  void ctrlCPausesAndTheSecondEnds() throws Exception {
    try (RunningGuest guest = start(counting("--registers"))) {
      first(guest.out(), 50);
      guest.signal("INT");
      guest.note("vmstate: paused by SIGINT: CPU 0 at rip 0x");
      guest.note("Ctrl-C ends it");
      guest.signal("INT");
      String rest = new String(guest.out().readAllBytes(), StandardCharsets.ISO_8859_1);
      assertEquals(130, guest.status(), guest.said());
      assertTrue(guest.said().contains("ended by SIGINT"), guest.said());
      assertTrue(rest.contains("\nCPU 0 (long64)"), rest);
    }
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "HUP, 129"})
  void whatNobodyCouldGoOnWithEndsAtOnce(String signal, int status) throws Exception {
    try (RunningGuest guest = start(counting())) {
      first(guest.out(), 50);
      guest.signal(signal);
      guest.out().readAllBytes();
      assertEquals(status, guest.status(), guest.said());
      assertTrue(guest.said().contains("ended by SIG" + signal), guest.said());
    }
  }

  @Test
  void aHangUpSavesFirst() throws Exception {
    Path snap = directory.resolve("snap");
    try (RunningGuest guest = start(counting("--snapshot", snap))) {
      first(guest.out(), 50);
      guest.signal("HUP");
      guest.out().readAllBytes();
      assertEquals(129, guest.status(), guest.said());
    }
    assertEquals(0, Cli.run("resume", snap).status());
  }

  @Test
  void theSocketPausesSavesResumesAndEndsIt() throws Exception {
    Path socket = directory.resolve("vm.sock");
    Path snap = directory.resolve("snap");
    try (RunningGuest guest = start(counting("--api", socket, "--json"))) {
      awaitSocket(socket);
      assertEquals(
          "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
      awaitRunning(socket);
      Cli refused = ctl(socket, "snapshot", snap);
      assertEquals(1, refused.status());
      assertEquals(
          "vmstate: %s: the machine runs: pause it first\n".formatted(socket), refused.err());
      Cli.ok("ctl", socket, "pause");
      String text = Cli.ok("ctl", socket, "info");
      assertTrue(text.startsWith("paused, 1 vCPU, 4 MiB, "), text);
      assertTrue(text.contains("\nCPU 0 at rip 0x"), text);
      long exits = info(socket).path("exits").asLong();
      Cli.ok("ctl", socket, "snapshot", snap);
      assertEquals(exits, info(socket).path("exits").asLong(), "it stays paused");
      assertEquals(1, ctl(socket, "snapshot", snap).status(), "not a second time");
      Cli.ok("ctl", socket, "resume");
      while (info(socket).path("exits").asLong() <= exits) {
        Thread.onSpinWait();
      }
      Cli.ok("ctl", socket, "end");
      JsonNode facts = new ObjectMapper().readTree(guest.out());
      assertEquals(0, guest.status(), guest.said());
      assertTrue(counted(facts.path("serial").asText()) > 0);
      assertFalse(Files.exists(socket, LinkOption.NOFOLLOW_LINKS));
    }
    assertEquals(0, Cli.run("resume", snap, "--run", "--pause-after-exits", "50").status());
  }

  private static void awaitSocket(Path socket) {
    while (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
      Thread.onSpinWait();
    }
  }

  private static void awaitRunning(Path socket) throws IOException {
    while (!info(socket).path("state").asText().equals("Running")) {
      Thread.onSpinWait();
    }
  }

  @Test
  void manyClientsDriveItWhileItRuns() throws Exception {
    Path socket = directory.resolve("vm.sock");
    try (RunningGuest guest =
        start(counting("--api", socket, "--serial", directory.resolve("out")))) {
      awaitSocket(socket);
      List<CompletableFuture<Void>> clients =
          IntStream.range(0, 4)
              .mapToObj(
                  i ->
                      CompletableFuture.runAsync(
                          () -> {
                            for (int n = 0; n < 10; n++) {
                              Cli.ok("ctl", socket, "pause");
                              Cli.ok("ctl", socket, "info");
                              Cli.ok("ctl", socket, "resume");
                            }
                          }))
              .toList();
      for (CompletableFuture<Void> client : clients) {
        client.get(1, TimeUnit.MINUTES);
      }
      Cli.ok("ctl", socket, "end");
      assertEquals(0, guest.status(), guest.said());
    }
    assertTrue(counted(Files.readString(directory.resolve("out"))) > 0);
  }

  @Test
  void aSignalPausesAndTheSocketGoesOn() throws Exception {
    Path socket = directory.resolve("vm.sock");
    try (RunningGuest guest = start(counting("--api", socket, "--serial", "/dev/null"))) {
      awaitSocket(socket);
      awaitRunning(socket);
      guest.signal("TERM");
      guest.note("paused by SIGTERM");
      guest.note("'vmstate ctl %s resume' goes on".formatted(socket));
      Cli.ok("ctl", socket, "resume");
      awaitRunning(socket);
      guest.signal("INT");
      guest.note("paused by SIGINT");
      guest.signal("TERM");
      assertEquals(143, guest.status(), guest.said());
      assertFalse(Files.exists(socket, LinkOption.NOFOLLOW_LINKS));
    }
  }

  @Test
  void aRestoredMachineWaitsForItsOrders() throws Exception {
    Path snap = directory.resolve("snap");
    assertEquals(
        0, Cli.run(counting("--pause-after-exits", "100", "--snapshot", snap).toArray()).status());
    Path socket = directory.resolve("vm.sock");
    try (RunningGuest guest = RunningGuest.start("resume", snap, "--api", socket)) {
      guest.note("resume' lets it run");
      assertEquals("Paused", info(socket).path("state").asText());
      assertEquals("ready", info(socket).path("stopped").path("kind").asText());
      Cli.ok("ctl", socket, "resume");
      first(guest.out(), 100);
      guest.signal("INT");
      guest.note("paused by SIGINT");
      guest.signal("INT");
      assertEquals(130, guest.status(), guest.said());
    }
  }

  @Test
  void curlIsAClient() throws Exception {
    RequiredTool.require("curl", "curl");
    Path socket = directory.resolve("vm.sock");
    Path snap = directory.resolve("snap");
    try (RunningGuest guest = start(counting("--api", socket, "--serial", "/dev/null"))) {
      awaitSocket(socket);
      assertEquals("204 ", curl(socket, "-X", "PUT", "vm.pause"));
      String body = "{\"destination_url\":\"file://%s\"}".formatted(snap);
      assertEquals(
          "204 ",
          curl(
              socket,
              "-X",
              "PUT",
              "-H",
              "Content-Type: application/json",
              "-d",
              body,
              "vm.snapshot"));
      assertTrue(curl(socket, "vm.info").startsWith("200 {\"state\":\"Paused\""));
      assertTrue(
          curl(socket, "-H", "Transfer-Encoding: chunked", "-T", "/dev/null", "vm.pause")
              .startsWith("411 {\"error\""));
      assertTrue(curl(socket, "-X", "DELETE", "vm.info").startsWith("405 {\"error\""));
      assertEquals("204 ", curl(socket, "-X", "PUT", "vm.shutdown"));
      assertEquals(0, guest.status(), guest.said());
    }
    assertTrue(Files.isDirectory(snap));
  }

  /** Status and body; the last word is the verb. */
  private static String curl(Path socket, String... words) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "curl", "-sS", "-w", "%{stderr}%{http_code} ", "--unix-socket", socket.toString()));
    command.addAll(List.of(words).subList(0, words.length - 1));
    command.add("http://localhost/api/v1/" + words[words.length - 1]);
    Process curl = new ProcessBuilder(command).start();
    String body = new String(curl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String status = new String(curl.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, curl.waitFor(), status + body);
    return status + body;
  }

  @ParameterizedTest
  @ValueSource(strings = {"--input=-", "--quiet"})
  void aPipeIsInput(String option) throws Exception {
    List<String> words = GuestProgram.SIMPLE_IN.runWords(GuestProgram.SIMPLE_IN.writeTo(directory));
    List<Object> all = new ArrayList<>(words);
    all.add(option);
    try (RunningGuest guest = start(all)) {
      guest.in().write('3');
      guest.in().flush();
      assertEquals('5', guest.out().read());
      assertEquals(0, guest.status(), guest.said());
    }
  }

  @Test
  void bytesThatAreNoTextComeOutAsTheyAre() throws Exception {
    // mov dx, 0x3f8; mov al, N; out dx, al, for bytes that UTF-8 would not have so; hlt
    byte[] program = {
      (byte) 0xba,
      (byte) 0xf8,
      0x03,
      (byte) 0xb0,
      (byte) 0xff,
      (byte) 0xee,
      (byte) 0xb0,
      0,
      (byte) 0xee,
      (byte) 0xb0,
      (byte) 0xc3,
      (byte) 0xee,
      (byte) 0xf4
    };
    Path file = Files.write(directory.resolve("bytes.bin"), program);
    try (RunningGuest guest = RunningGuest.start("run", file)) {
      assertArrayEquals(new byte[] {(byte) 0xff, 0, (byte) 0xc3}, guest.out().readAllBytes());
      assertEquals(0, guest.status(), guest.said());
    }
  }

  @Test
  void theTerminalIsRawForTheGuestAndAsItWasAfterwards() throws Exception {
    RequiredTool.require("script", "bsdutils");
    List<String> guest =
        new ArrayList<>(GuestProgram.SIMPLE_IN.runWords(GuestProgram.SIMPLE_IN.writeTo(directory)));
    String command = String.join("' '", RunningGuest.words(guest.toArray()));
    String session = "echo before $(stty -g); '%s'; echo; echo after $(stty -g)".formatted(command);
    Process script =
        new ProcessBuilder("env", "--default-signal", "script", "-qefc", session, "/dev/null")
            .redirectErrorStream(true)
            .start();
    try {
      StringBuilder text = new StringBuilder();
      InputStream out = script.getInputStream();
      while (text.indexOf("before ") < 0 || !text.toString().endsWith("\n")) {
        text.append((char) out.read());
      }
      awaitRaw(script);
      script.getOutputStream().write('3');
      script.getOutputStream().flush();
      text.append(new String(out.readAllBytes(), StandardCharsets.ISO_8859_1));
      String before =
          text.substring(
              text.indexOf("before ") + 7, text.indexOf("\r\n", text.indexOf("before ")));
      assertTrue(text.toString().contains("after " + before), text.toString());
      // 5, without the echo of the 3 before it
      assertTrue(text.toString().contains(before + "\r\n5"), text.toString());
    } finally {
      script.descendants().forEach(ProcessHandle::destroyForcibly);
      script.destroyForcibly();
    }
  }

  /** Until the terminal of what runs in {@code script} has no echo. */
  private static void awaitRaw(Process script) {
    while (script.descendants().noneMatch(RunningGuestTest::isRaw)) {
      assertFalse(Thread.interrupted());
    }
  }

  private static boolean isRaw(ProcessHandle process) {
    try {
      Process stty =
          new ProcessBuilder("stty", "-a")
              .redirectInput(Path.of("/proc/%d/fd/0".formatted(process.pid())).toFile())
              .redirectErrorStream(true)
              .start();
      return new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII)
          .contains("-icanon");
    } catch (IOException e) {
      return false; // it ended meanwhile: stty in the shell's own line does
    }
  }
}
