package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.qemu.QemuCommand;
import dev.vmstate.qemu.QemuProcess;
import dev.vmstate.qemu.Qmp;
import java.io.Closeable;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One QEMU with the console of its guest. Snapshots go in and out by QEMU's own means ({@code
 * exec:}), not by ours.
 */
final class Machine implements Closeable {
  /** Long enough for a busy machine with two slow cores; nothing waits for it to pass. */
  private static final Duration DEADLINE = Duration.ofMinutes(4);

  private static final Pattern FACT = Pattern.compile("FACT (\\S+) (.*)");
  private static final Pattern PLAIN_REGISTER =
      Pattern.compile("\\b([A-Z][A-Z0-9]+) ?= ?([0-9a-f]{8,16})\\b");
  private static final Pattern SEGMENT_REGISTER =
      Pattern.compile("\\b([CDEFGS]S) =([0-9a-f]{4}) ([0-9a-f]{16}) ");

  private final QemuProcess qemu;
  private final Path folder;

  private Machine(List<String> words, boolean incoming) throws IOException {
    folder = Files.createTempDirectory("vmstate-guest-");
    try {
      List<String> all = new ArrayList<>(words);
      String console =
          "socket,id=console,server=on,wait=off,path=%s,logfile=%s"
              .formatted(option(folder.resolve("socket")), option(log()));
      all.addAll(List.of("-chardev", console, "-serial", "chardev:console", "-display", "none"));
      QemuCommand command = new QemuCommand(all);
      qemu = incoming ? QemuProcess.startIncoming(command) : QemuProcess.startFresh(command);
    } catch (IOException | RuntimeException e) {
      delete(folder);
      throw e;
    }
  }

  /** A machine as it is after power-on, still paused. */
  static Machine fresh(List<String> words) throws IOException {
    return new Machine(words, false);
  }

  /** A machine with a snapshot in it, still paused. */
  static Machine loaded(List<String> words, Path snapshot) throws IOException {
    return loaded(words, machine -> machine.load("exec:cat '%s'".formatted(snapshot)));
  }

  /** A machine that waits for a snapshot. */
  static Machine waiting(List<String> words) throws IOException {
    return new Machine(words, true);
  }

  /** What has to be done to a machine that waits for a snapshot. */
  interface Loading {
    void into(Machine machine) throws IOException;
  }

  /** The same with a snapshot that QEMU takes in some other way. */
  static Machine loaded(List<String> words, Loading loading) throws IOException {
    Machine machine = new Machine(words, true);
    try {
      loading.into(machine);
      return machine;
    } catch (IOException | RuntimeException | Error e) {
      machine.close();
      throw e;
    }
  }

  /** A comma ends a value in QEMU's options, two are one. */
  private static String option(Path path) {
    return path.toString().replace(",", ",,");
  }

  Qmp qmp() {
    return qemu.qmp();
  }

  void run() throws IOException {
    qmp().execute("cont");
  }

  void stop() throws IOException {
    qmp().execute("stop");
  }

  private Path log() {
    return folder.resolve("console.log");
  }

  /** Everything the guest has printed to this QEMU. */
  String console() throws IOException {
    return Files.exists(log()) ? Files.readString(log(), StandardCharsets.ISO_8859_1) : "";
  }

  /** What the guest found out about itself at boot. */
  Map<String, String> facts() throws IOException {
    Map<String, String> facts = new HashMap<>();
    Matcher matcher = FACT.matcher(console());
    while (matcher.find()) {
      facts.put(matcher.group(1), matcher.group(2).strip());
    }
    return facts;
  }

  /** Types one byte, which the guest obeys within the next two ticks. */
  void type(char command) throws IOException {
    var address = UnixDomainSocketAddress.of(folder.resolve("socket"));
    try (SocketChannel socket = SocketChannel.open(address)) {
      socket.write(ByteBuffer.wrap(new byte[] {(byte) command}));
      // The guest's echo is off: that it was read shows in what it does, so keep the line open.
      Tick now = awaitTick(tick -> true);
      awaitTick(tick -> tick.number() >= now.number() + 2);
    }
  }

  /** The last tick so far that fits, once there is one. */
  Tick awaitTick(Predicate<Tick> fits) throws IOException {
    Tick[] found = new Tick[1];
    await(
        "a tick",
        text -> {
          Tick.in(text).stream().filter(fits).forEach(tick -> found[0] = tick);
          return found[0] != null;
        });
    return found[0];
  }

  /** Waits until the console's text is as wanted. */
  void await(String what, Predicate<String> fits) throws IOException {
    long until = System.nanoTime() + DEADLINE.toNanos();
    while (!fits.test(console())) {
      if (System.nanoTime() > until || console().matches("(?s).*(DIED|Kernel panic).*")) {
        fail("no %s; the console: %s; QEMU: %s".formatted(what, console(), qemu.output()));
      }
      qmp().execute("query-status"); // throws when QEMU has ended
      pause();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** Saves by QEMU's own means. */
  void save(Path snapshot) throws IOException {
    parameter("max-bandwidth", 1L << 40);
    startSaving(snapshot);
    awaitMigration(state -> false);
  }

  void startSaving(Path snapshot) throws IOException {
    startSaving("exec:cat > '%s'".formatted(snapshot));
  }

  void startSaving(String uri) throws IOException {
    qmp().execute("migrate", Qmp.arguments().put("uri", uri));
  }

  /** Until the migration is done, or in between as wanted. */
  void awaitMigration(Predicate<JsonNode> orThis) throws IOException {
    long until = System.nanoTime() + DEADLINE.toNanos();
    while (true) {
      JsonNode state = qmp().execute("query-migrate");
      String status = state.path("status").asText();
      if (status.equals("completed") || orThis.test(state)) {
        return;
      }
      if (status.equals("failed") || System.nanoTime() > until) {
        fail("migration: %s; QEMU: %s".formatted(state, qemu.output()));
      }
      pause();
    }
  }

  void parameter(String name, long value) throws IOException {
    qmp().execute("migrate-set-parameters", Qmp.arguments().put(name, value));
  }

  void parameter(String name, String value) throws IOException {
    qmp().execute("migrate-set-parameters", Qmp.arguments().put(name, value));
  }

  /** Switches these of QEMU's migration capabilities on. */
  void capabilities(List<String> names) throws IOException {
    var arguments = Qmp.arguments();
    var list = arguments.putArray("capabilities");
    names.forEach(name -> list.addObject().put("capability", name).put("state", true));
    qmp().execute("migrate-set-capabilities", arguments);
  }

  /** Waits for a migration at {@code uri}. */
  void listen(String uri) throws IOException {
    qmp().execute("migrate-incoming", Qmp.arguments().put("uri", uri));
  }

  /** Takes a snapshot out of what {@code uri} names. */
  void load(String uri) throws IOException {
    listen(uri);
    awaitMigration(state -> false);
  }

  /** Of a stream without vmdesc, which is loaded all the same. */
  private static final String NO_VMDESC = "Expected vmdescription section, but got 0";

  /** A monitor command that says nothing when all is well. */
  void silent(String command) throws IOException {
    String said = qmp().human(command).replace(NO_VMDESC, "");
    if (!said.isBlank()) {
      fail("%s: %s".formatted(command, said));
    }
  }

  /** Guest-physical memory, as QEMU has it; a little-endian buffer. */
  ByteBuffer memory(long address, int bytes) throws IOException {
    Path file = folder.resolve("memory");
    qmp()
        .execute(
            "pmemsave",
            Qmp.arguments().put("val", address).put("size", bytes).put("filename", file + ""));
    ByteBuffer memory = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    Files.delete(file);
    return memory;
  }

  /** QEMU's own core of its guest. */
  void dump(Path core) throws IOException {
    qmp()
        .execute(
            "dump-guest-memory",
            Qmp.arguments().put("paging", false).put("protocol", "file:" + core));
  }

  /**
   * Registers of one CPU as QEMU's monitor prints them, by its names: RAX, RFL, CR3, CS (selector),
   * GS_BASE.
   */
  Map<String, Long> registers(int cpu) throws IOException {
    String all = qmp().human("info registers -a");
    String own = all.split("CPU#%d\\b".formatted(cpu), 2)[1].split("CPU#", 2)[0];
    Map<String, Long> registers = new HashMap<>();
    Matcher plain = PLAIN_REGISTER.matcher(own);
    while (plain.find()) {
      registers.put(plain.group(1), Long.parseUnsignedLong(plain.group(2), 16));
    }
    Matcher segment = SEGMENT_REGISTER.matcher(own);
    while (segment.find()) {
      registers.put(segment.group(1), Long.parseLong(segment.group(2), 16));
      registers.put(segment.group(1) + "_BASE", Long.parseUnsignedLong(segment.group(3), 16));
    }
    return registers;
  }

  @Override
  public void close() throws IOException {
    try {
      qemu.close();
    } finally {
      delete(folder);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
