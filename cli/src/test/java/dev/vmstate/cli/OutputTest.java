package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** What the commands print, to the letter. */
class OutputTest {
  @TempDir Path directory;

  static Stream<String> commands() {
    return Cli.line().getSubcommands().entrySet().stream()
        .filter(e -> !e.getValue().getCommandSpec().usageMessage().hidden())
        .map(Map.Entry::getKey);
  }

  @Test
  void helpListsTheCommands() throws Exception {
    Golden.same("vmstate.help", Cli.ok("--help"));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandHasHelpWithAnExample(String command) throws Exception {
    String help = Cli.ok(command, "--help");
    assertTrue(help.contains("Example:") && help.contains("  vmstate " + command), help);
    Golden.same(command + ".help", help);
  }

  static Stream<List<String>> facts() {
    return Stream.of(
        List.of("info"),
        List.of("info", "--pages"),
        List.of("info", "--json", "--pages"),
        List.of("devices"),
        List.of("devices", "--json"),
        List.of("nics"),
        List.of("nics", "--json"),
        List.of("cpus"),
        List.of("cpus", "--json"),
        List.of("memory-map"),
        List.of("memory-map", "--json"));
  }

  @ParameterizedTest
  @MethodSource("facts")
  void factsAreAsTheyWere(List<String> words) throws Exception {
    Path sample = Cli.sample(directory);
    Object[] command = Stream.concat(words.stream(), Stream.of(sample)).toArray();
    String out = Cli.ok(command).replace(directory.toString(), "DIR");
    Golden.same("sample." + String.join("", words).replace("--", "."), out);
  }

  @Test
  void aStreamThatDescribesNothingSaysSo() throws Exception {
    Path bare =
        new MigrationStreamBuilder("pc-i440fx-2.1")
            .block("pc.ram", 0x10_000)
            .oldStyleDevice("cpu", 0, 12, new byte[40])
            .withoutConfiguration()
            .withoutVmdesc()
            .writeTo(directory.resolve("bare.mig"));
    String info = Cli.ok("info", bare);
    assertTrue(
        info.contains("no vmdesc (machine option suppress-vmdesc, or a machine type up to 2.2)"),
        info);
    assertTrue(info.contains("machine    not in the stream"), info);
    for (String command : List.of("cpus", "nics")) {
      String out = Cli.ok(command, bare);
      assertTrue(out.startsWith("# no vmdesc"), out);
    }
  }

  /** x-ignore-shared: said wherever the memory map is shown. */
  @Test
  void memoryThatIsNotInTheSnapshotIsNamed() throws Exception {
    Path shared =
        new MigrationStreamBuilder("pc-q35-11.1")
            .capability("x-ignore-shared")
            .mappedRam(4096)
            .block("mem", 0x20_000)
            .elsewhere("mem")
            .globalState("paused")
            .writeTo(directory.resolve("shared.mig"));
    for (String command : List.of("info", "memory-map")) {
      String out = Cli.ok(command, shared);
      assertTrue(out.contains("# mem: shared memory that is not in the snapshot"), out);
    }
    JsonNode info = new ObjectMapper().readTree(Cli.ok("info", "--json", shared));
    assertTrue(info.path("missingMemory").get(0).asText().startsWith("mem: "), info::toString);
  }

  @Test
  void theKeysOfInfoAreTheDocumentedOnes() throws Exception {
    JsonNode info = new ObjectMapper().readTree(Cli.ok("info", "--json", Cli.sample(directory)));
    for (String key :
        List.of(
            "container",
            "vmm",
            "machine",
            "arch",
            "streamVersion",
            "ram",
            "memoryMap",
            "cpus",
            "nics",
            "devices")) {
      assertTrue(info.has(key), key);
    }
    assertEquals("0xffffffff801000f1", info.at("/cpus/0/rip").asText());
    assertEquals("52:54:00:12:34:56", info.at("/nics/0/mac").asText());
    assertEquals(8 << 20, info.at("/ram/bytes").asLong());
    assertEquals("vmdesc", info.at("/devices/0/decoded").asText());
  }

  @Test
  void everyOptionIsDescribed() {
    CommandLine line = Cli.line();
    for (CommandLine command : line.getSubcommands().values()) {
      command
          .getCommandSpec()
          .options()
          .forEach(o -> assertTrue(o.description().length > 0, command.getCommandName() + " " + o));
    }
  }
}
