package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Pairs of QEMU versions, machines and devices: what {@code check} says beforehand is what QEMU
 * does, and the commands it prints change that. The guests are firmware that found nothing to boot.
 */
@Tag("matrix")
class CheckedPairsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> VERSIONS = List.of("5.2", "7.2", "10.0", "11.1");
  private static final String CARD = "-device e1000,addr=03.0";

  /** Fixes that are tried one after the other; a foreign machine type needs a few. */
  private static final int MOST_FIXES = 12;

  /**
   * Eighty rows take long: without {@code -Dvmstate.rows=REGEX} (all of them: {@code .}) only those
   * that start at the oldest and the newest QEMU with a card are tried, some of every kind.
   */
  private static final String SOME =
      "^(5.2|11.1) -M pc-i440fx-5.2 -m 16 -device e1000,addr=03.0 to";

  @TempDir static Path dir;
  private static final Map<String, Path> SAVED = new HashMap<>();

  /**
   * One line of the table.
   *
   * @param from QEMU version and machine that was saved
   * @param to those that are to load it
   * @param refused the section that stands in the way, or empty
   * @param fixable whether the printed commands make it load
   */
  record Pair(Side from, Side to, String refused, boolean fixable) {
    @Override
    public String toString() {
      return "%s to %s".formatted(from, to);
    }
  }

  record Side(String version, String arguments) {
    @Override
    public String toString() {
      return version + " " + arguments;
    }

    List<String> words() {
      List<String> words =
          new ArrayList<>(
              version.equals("7.2") ? GuestMachine.hostQemu() : GuestMachine.cachedQemu(version));
      words.addAll(List.of("-accel", "tcg", "-nodefaults"));
      words.addAll(Arrays.asList(arguments.split(" +")));
      return words;
    }
  }

  private static Pair pair(String a, String from, String b, String to, String refused) {
    return new Pair(new Side(a, from), new Side(b, to), refused, true);
  }

  private static Pair unfixable(String a, String from, String b, String to, String refused) {
    return new Pair(new Side(a, from), new Side(b, to), refused, false);
  }

  static Stream<Pair> pairs() {
    List<Pair> pairs = new ArrayList<>();
    String pc = "-M pc-i440fx-5.2 -m 16 ";
    String q35 = "-M pc-q35-5.2 -m 16 ";
    for (String a : VERSIONS) {
      for (String b : VERSIONS) {
        pairs.add(pair(a, pc + CARD, b, pc + CARD, ""));
      }
    }
    for (int i = 0; i + 1 < VERSIONS.size(); i++) {
      String old = VERSIONS.get(i);
      String young = VERSIONS.get(i + 1);
      pairs.add(pair(old, q35 + CARD, young, q35 + CARD, ""));
      pairs.add(pair(young, q35 + CARD, old, q35 + CARD, ""));
      String own = "-m 16 -M pc " + CARD;
      pairs.add(pair(old, own, young, own, "configuration"));
      pairs.add(pair(young, own, old, own, "configuration"));
      String versioned = "-m 16 -M pc-i440fx-%s ".formatted(young) + CARD;
      pairs.add(unfixable(young, versioned, old, versioned, "configuration"));
      pairs.add(pair(old, pc + CARD, young, pc, "0000:00:03.0/e1000"));
      pairs.add(pair(young, pc, old, pc + CARD, ""));
      pairs.add(pair(young, pc + CARD, old, pc + "-device e1000,addr=05.0", "0000:00:03.0/e1000"));
      pairs.add(
          pair(old, pc + CARD, young, pc + "-device rtl8139,addr=03.0", "0000:00:03.0/e1000"));
      pairs.add(unfixable(old, pc + CARD, young, pc + CARD + " -m 24", "ram"));
      pairs.add(pair(young, pc + CARD, old, pc + CARD + " -cpu Nehalem", ""));
      pairs.add(pair(old, pc + CARD + " -smp 2", young, pc + CARD, "cpu[1]"));
      pairs.add(pair(old, pc + CARD, young, pc + CARD + " -smp 2", ""));
      pairs.add(pair(young, pc + CARD, young, q35 + CARD, "configuration"));
    }
    List<String> devices =
        List.of(
            "-device vmxnet3,addr=04.0",
            "-device virtio-net-pci,addr=04.0",
            "-device ich9-ahci,addr=04.0",
            "-device VGA,addr=04.0");
    for (String device : devices) {
      pairs.add(pair("5.2", pc + device, "11.1", pc + device, ""));
      pairs.add(pair("11.1", pc + device, "5.2", pc + device, ""));
    }
    pairs.add(
        unfixable(
            "7.2",
            pc + "-device VGA,addr=04.0",
            "10.0",
            pc + "-device VGA,addr=04.0,vgamem_mb=32",
            "ram"));
    pairs.add(
        unfixable(
            "7.2",
            pc + "-device virtio-net-pci,addr=04.0",
            "10.0",
            pc + "-device virtio-net-pci,addr=04.0,vectors=0",
            "0000:00:04.0/virtio-net"));
    Pattern wanted = Pattern.compile(System.getProperty("vmstate.rows", SOME));
    return pairs.stream().filter(pair -> wanted.matcher(pair.toString()).find());
  }

  /** Saved once; the firmware has run until it gave up, which its serial console shows. */
  private static synchronized Path saved(Side side) throws Exception {
    Path file = SAVED.get(side.toString());
    if (file == null) {
      Path port = Files.write(dir.resolve("sercon-port"), new byte[] {(byte) 0xf8, 3});
      List<String> words = side.words();
      words.addAll(List.of("-fw_cfg", "name=etc/sercon-port,file=" + port));
      file = dir.resolve("saved-" + SAVED.size() + ".mig");
      try (Machine machine = Machine.fresh(words)) {
        machine.run();
        machine.await("a firmware that gives up", text -> text.contains("No bootable device"));
        machine.stop();
        machine.save(file);
      }
      SAVED.put(side.toString(), file);
    }
    return file;
  }

  private static JsonNode check(Path file, Side to) throws Exception {
    List<Object> words = new ArrayList<>(List.of("check", "--json", "--load", file, "--"));
    words.addAll(to.words());
    words.addAll(List.of("-serial", "null"));
    Vmstate run = Vmstate.attempt(words.toArray());
    assertTrue(!run.out().isBlank(), run::err);
    JsonNode result = JSON.readTree(run.out());
    assertEquals(result.path("loads").asBoolean() ? 0 : 1, run.status());
    return result;
  }

  /** Whether QEMU took it, which must be what the findings say. */
  private static boolean took(JsonNode result) {
    boolean took = result.path("load").path("refused").isNull();
    assertEquals(took, errors(result).isEmpty(), result::toPrettyString);
    assertEquals(took, result.path("loads").asBoolean());
    return took;
  }

  private static List<JsonNode> errors(JsonNode result) {
    List<JsonNode> errors = new ArrayList<>();
    for (JsonNode finding : result.path("findings")) {
      if (finding.path("grade").asText().equals("error")) {
        errors.add(finding);
      }
    }
    return errors;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("pairs")
  void whatIsSaidIsWhatQemuDoesAndTheCommandsHelp(Pair pair) throws Exception {
    Path file = saved(pair.from());
    JsonNode result = check(file, pair.to());
    assertEquals(pair.refused().isEmpty(), took(result), result::toPrettyString);
    if (pair.refused().isEmpty()) {
      return;
    }
    assertTrue(
        errors(result).stream().anyMatch(f -> f.path("section").asText().equals(pair.refused())),
        result::toPrettyString);
    List<Path> made = new ArrayList<>();
    for (int fixes = 0; !took(result) && fixes < MOST_FIXES; fixes++) {
      Optional<String> fix =
          errors(result).stream()
              .map(f -> f.path("fix").asText(""))
              .filter(f -> !f.isEmpty())
              .findFirst();
      if (fix.isEmpty()) {
        break;
      }
      Path fixed = dir.resolve("fixed-%d.mig".formatted(fixes));
      Files.deleteIfExists(fixed);
      String command =
          fix.get().replaceFirst("^vmstate ", "").replace("'", "").replaceFirst("NEW$", fixed + "");
      Vmstate.run((Object[]) command.split(" "));
      made.add(fixed);
      result = check(fixed, pair.to());
    }
    assertEquals(pair.fixable(), took(result), result::toPrettyString);
    for (Path fixed : made) {
      Files.delete(fixed);
    }
  }
}
