package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code diff} says of two snapshots whose difference is known. */
class DiffTest {
  @TempDir Path directory;
  private Path sample;
  private Path fresh;

  @BeforeEach
  void unpack() throws Exception {
    sample = Cli.sample(directory);
    fresh = directory.resolve("new <1>.mig");
  }

  @Test
  void nothingDiffersFromACopy() throws Exception {
    Files.copy(sample, fresh);
    assertEquals("no difference\n", Cli.ok("diff", sample, fresh));
    assertTrue(
        new ObjectMapper()
            .readTree(Cli.ok("diff", "--json", sample, fresh))
            .get("same")
            .asBoolean());
  }

  @Test
  void aRegisterAndAFieldAreNamedWithBothValues() throws Exception {
    Cli.ok("set", sample, "cpu[0]/rbx=0x1122334455667788", "i8259[1]/imr=0x5a", "-o", fresh);
    String text = Cli.ok("diff", sample, fresh);
    assertTrue(text.contains("cpu[0]/rbx: 0x9500 -> 0x1122334455667788"), text);
    assertTrue(text.contains("i8259[1]/imr: "), text);
    assertFalse(text.contains("memory"), text);
    JsonNode json = new ObjectMapper().readTree(Cli.ok("diff", "--json", sample, fresh));
    assertFalse(json.get("same").asBoolean());
    assertEquals("cpu[0]/rbx", json.at("/registers/0/path").asText());
    assertEquals("0x1122334455667788", json.at("/registers/0/after").asText());
    assertEquals(2, json.get("fields").size());
    assertEquals(0, json.get("pages").size());
  }

  @Test
  void theChangedMebibyteIsMarkedInThePicture() throws Exception {
    Path vm = directory.resolve("vm");
    Cli.ok("extract", sample, "-o", vm);
    long coreAt =
        new ObjectMapper()
            .readTree(vm.resolve("manifest.json").toFile())
            .at("/blocks/0/coreOffset")
            .asLong();
    byte[] core = Files.readAllBytes(vm.resolve("core.elf"));
    core[(int) (coreAt + 0x20_0010)] ^= 0x55;
    Files.write(vm.resolve("core.elf"), core);
    Cli.ok("inject", vm, "-o", fresh);
    Path html = directory.resolve("diff.html");
    String text = Cli.ok("diff", "--html", html, sample, fresh);
    assertTrue(
        text.contains("memory pc.ram+0x200000, 0x1000 bytes at guest-physical 0x200000"), text);
    String page = Files.readString(html);
    assertTrue(page.contains("new &lt;1&gt;.mig"), "names are escaped");
    String cells = page.replaceAll("(?s).*data-block=\"pc.ram\" data-cells=\"([^\"]*)\".*", "$1");
    assertEquals('c', cells.charAt(2));
    assertEquals(1, cells.chars().filter(c -> c == 'c').count());
  }
}
