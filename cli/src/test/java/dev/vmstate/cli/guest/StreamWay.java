package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** {@code migrate} into a file, with whatever can be set for it. */
final class StreamWay implements Way {
  private final List<String> said = new ArrayList<>();
  private String container = "qemu-stream";
  private String out = "exec:cat > '%s'";
  private String in = "exec:cat '%s'";
  private String machine = "";
  private final List<String> capabilities = new ArrayList<>();
  private final List<String> whileSaving = new ArrayList<>();
  private final Map<String, String> parameters = new HashMap<>();
  private boolean described = true;
  private boolean inPlace = true;
  private boolean live;
  private final List<String> counted = new ArrayList<>();
  private String program = "sh";
  private String programs = "dash";
  private String wanted = "";
  private Machine.Loading first = source -> {};
  private int before;
  private int behind;

  /** Through a program that compresses; {@code debianPackage} has it. */
  StreamWay through(String compress, String decompress, String debianPackage) {
    program = compress.split(" ")[0];
    programs = debianPackage;
    said.add(program);
    out = "exec:" + compress + " > '%s'";
    in = "exec:" + decompress + " < '%s'";
    inPlace = false;
    return this;
  }

  /** QEMU itself opens the file. */
  StreamWay intoFile() {
    out = "file:%s";
    in = out;
    return this;
  }

  /** The same; the stream starts behind so many bytes that were there before. */
  StreamWay intoFileAt(int offset) {
    said.add("at offset " + offset);
    out = "file:%s,offset=" + offset;
    in = out;
    before = offset;
    return this;
  }

  /** So many bytes follow the stream, as in a volume that was used before. */
  StreamWay followedBy(int bytes) {
    said.add("followed by %d bytes".formatted(bytes));
    behind = bytes;
    return this;
  }

  /** Capabilities both sides need. */
  StreamWay with(String... more) {
    said.addAll(List.of(more));
    capabilities.addAll(List.of(more));
    if (capabilities.contains("mapped-ram")) {
      container = "qemu-mapped-ram";
    }
    return this;
  }

  /** Capabilities that only saving knows. */
  StreamWay savedWith(String... more) {
    said.addAll(List.of(more));
    whileSaving.addAll(List.of(more));
    return this;
  }

  /** A parameter of both sides. */
  StreamWay set(String parameter, String value) {
    said.add(parameter + "=" + value);
    parameters.put(parameter, value);
    return this;
  }

  /** Without vmdesc: by a machine type that never writes it, or because this machine is told to. */
  StreamWay undescribed(String option) {
    said.add("without vmdesc");
    machine = option;
    described = false;
    return this;
  }

  /** A section that has to be in the stream. */
  StreamWay containing(String section) {
    wanted = section;
    return this;
  }

  /** What is done before it is saved. */
  StreamWay after(Machine.Loading preparation) {
    first = preparation;
    return this;
  }

  /** What {@code query-migrate} has to have counted in the end: it was really done. */
  StreamWay counting(String... path) {
    counted.addAll(List.of(path));
    return this;
  }

  /** The guest runs meanwhile and dirties memory. */
  StreamWay running() {
    said.add("live");
    live = true;
    return this;
  }

  @Override
  public String name() {
    return said.isEmpty() ? "stopped" : String.join(", ", said);
  }

  @Override
  public String container() {
    return container;
  }

  @Override
  public boolean ranOn() {
    return live;
  }

  @Override
  public boolean losesPages(BootedGuest guest) {
    return live
        && !whileSaving.contains("background-snapshot")
        && Integer.parseInt(guest.version().split("\\.")[0]) < 8;
  }

  @Override
  public boolean described() {
    return described;
  }

  @Override
  public boolean inPlace() {
    return inPlace;
  }

  @Override
  public String save(BootedGuest guest, Path folder) throws IOException, InterruptedException {
    HostTool.need(program, programs);
    Path file = folder.resolve("vm.mig");
    if (before > 0) {
      Files.write(file, noise(before));
    }
    List<String> words = guest.anotherMachine(machine).words();
    try (Machine source = Machine.loaded(words, guest.stopped())) {
      prepare(source);
      first.into(source);
      source.capabilities(whileSaving);
      source.parameter("max-bandwidth", live ? 40 << 20 : 1L << 40);
      if (live) {
        source.run();
        source.type('d');
      }
      source.startSaving(out.formatted(file));
      if (live) {
        source.awaitMigration(now -> now.path("ram").path("dirty-sync-count").asInt() >= 3);
        source.parameter("downtime-limit", 60_000);
        source.parameter("max-bandwidth", 1L << 40);
      }
      source.awaitMigration(now -> false);
      assertCounted(source.qmp().execute("query-migrate"));
    }
    if (!wanted.isEmpty()) {
      HostTool.run("grep", "-aqF", wanted, file.toString());
    }
    if (behind > 0) {
      Files.write(file, noise(behind), StandardOpenOption.APPEND);
    }
    return file.toString();
  }

  private void assertCounted(JsonNode migration) {
    JsonNode count = migration;
    for (String key : counted) {
      count = count.path(key);
    }
    assertTrue(counted.isEmpty() || count.asLong() > 0, migration::toString);
  }

  private static byte[] noise(int bytes) {
    byte[] noise = new byte[bytes];
    new Random(bytes).nextBytes(noise);
    return noise;
  }

  private void prepare(Machine one) throws IOException {
    one.capabilities(capabilities);
    for (Map.Entry<String, String> parameter : parameters.entrySet()) {
      one.parameter(parameter.getKey(), parameter.getValue());
    }
  }

  @Override
  public Machine load(BootedGuest guest, String snapshot) throws IOException {
    return Machine.loaded(
        guest.anotherMachine().words(),
        waiting -> {
          prepare(waiting);
          waiting.load(in.formatted(snapshot));
        });
  }

  @Override
  public String toString() {
    return name();
  }
}
