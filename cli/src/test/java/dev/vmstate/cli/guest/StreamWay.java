package dev.vmstate.cli.guest;

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
  private final String name;
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
  private int before;
  private int behind;

  StreamWay(String name) {
    this.name = name;
  }

  /** Through a program that compresses. */
  StreamWay through(String compress, String decompress) {
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
    out = "file:%s,offset=" + offset;
    in = out;
    before = offset;
    return this;
  }

  /** So many bytes follow the stream, as in a volume that was used before. */
  StreamWay followedBy(int bytes) {
    behind = bytes;
    return this;
  }

  /** Capabilities both sides need. */
  StreamWay with(String... more) {
    capabilities.addAll(List.of(more));
    if (capabilities.contains("mapped-ram")) {
      container = "qemu-mapped-ram";
    }
    return this;
  }

  /** Capabilities that only saving knows. */
  StreamWay savedWith(String... more) {
    whileSaving.addAll(List.of(more));
    return this;
  }

  /** A parameter of both sides. */
  StreamWay set(String parameter, String value) {
    parameters.put(parameter, value);
    return this;
  }

  /** Without vmdesc: by a machine type that never writes it, or because this machine is told to. */
  StreamWay undescribed(String option) {
    machine = option;
    described = false;
    return this;
  }

  /** The guest runs meanwhile and dirties memory. */
  StreamWay running() {
    live = true;
    return this;
  }

  @Override
  public String name() {
    return name;
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
  public boolean described() {
    return described;
  }

  @Override
  public boolean inPlace() {
    return inPlace;
  }

  @Override
  public String save(BootedGuest guest, Path folder) throws IOException {
    Path file = folder.resolve("vm.mig");
    if (before > 0) {
      Files.write(file, noise(before));
    }
    List<String> words = guest.anotherMachine(machine).words();
    try (Machine source = Machine.loaded(words, guest.stopped())) {
      prepare(source);
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
    }
    if (behind > 0) {
      Files.write(file, noise(behind), StandardOpenOption.APPEND);
    }
    return file.toString();
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
}
