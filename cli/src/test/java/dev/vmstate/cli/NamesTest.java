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

/** Names of bits and values in get, set, diff and hardware.xml, on a stream of a real QEMU. */
class NamesTest {
  private static final String CARD = "0000:00:02.0/e1000/";
  private static final String COMMAND = CARD + "config/command";

  @TempDir Path directory;
  private Path sample;
  private Path fresh;

  @BeforeEach
  void unpack() throws Exception {
    sample = Cli.sample(directory);
    fresh = directory.resolve("new.mig");
  }

  private String get(Path snapshot, String path) {
    return Cli.ok("get", "--names", snapshot, path).strip().substring(path.length() + 1);
  }

  @Test
  void getShowsTheNames() throws Exception {
    assertEquals("0x103 [IO MEMORY SERR]", get(sample, COMMAND));
    assertEquals("0x200 [NETWORK_ETHERNET]", get(sample, CARD + "config/class_device"));
    assertEquals("0x80000013 [PE MP ET PG]", get(sample, "cpu[0]/cr0"));
    JsonNode json = new ObjectMapper().readTree(Cli.ok("get", "--json", sample, COMMAND));
    assertEquals("259", json.path(COMMAND).asText());
    assertEquals("[\"IO\",\"MEMORY\",\"SERR\"]", json.path("bits").path(COMMAND).toString());
    assertTrue(json.path("means").isMissingNode());
  }

  @Test
  void setTakesNamesAndWhatGetShows() {
    String[][] edits = {
      {"=IO|MASTER", "0x5 [IO MASTER]"},
      {"=IO MASTER", "0x5 [IO MASTER]"},
      {"+=INTX_DISABLE", "0x503 [IO MEMORY SERR INTX_DISABLE]"},
      {"-=SERR,IO", "0x2 [MEMORY]"},
      {"=+INTX_DISABLE|-SERR", "0x403 [IO MEMORY INTX_DISABLE]"},
      {"=0x5 [IO MASTER]", "0x5 [IO MASTER]"},
      {"=0", "0x0"},
    };
    for (String[] edit : edits) {
      Cli.ok("set", sample, COMMAND + edit[0], "-o", fresh, "-q");
      assertEquals(edit[1], get(fresh, COMMAND), edit[0]);
    }
    Cli.ok("set", sample, CARD + "config/class_device=NETWORK_OTHER", "-o", fresh, "-q");
    assertEquals("0x280 [NETWORK_OTHER]", get(fresh, CARD + "config/class_device"));
    Cli.ok("set", sample, "cpu[0]/rflags+=TF", "-o", fresh, "-q");
    assertTrue(get(fresh, "cpu[0]/rflags").contains(" TF "));
  }

  @Test
  void wrongNamesAreRefusedWithThoseThereAre() {
    String[][] wrong = {
      {COMMAND + "=NOPE", "none of [IO, MEMORY, MASTER, SPECIAL, INVALIDATE, VGA_PALETTE,"},
      {COMMAND + "+=NOPE", "'NOPE' is none of [IO, MEMORY"},
      {COMMAND + "=0x5 [IO]", "are not the same"},
      {COMMAND + "=0x10000", "does not fit"},
      {CARD + "config/latency_timer+=X", "its bits have none"},
      {CARD + "config/class_device=NOPE", "none of [STORAGE_SCSI"},
      {"cpu[0]/cr0+=NOPE", "none of [PE, MP"},
      {"cpu[0]/rip+=2", "its bits have none"},
    };
    for (String[] edit : wrong) {
      Cli cli = Cli.run("set", sample, edit[0], "-o", fresh);
      assertEquals(1, cli.status(), edit[0]);
      assertTrue(cli.err().contains(edit[1]), cli.err());
      assertEquals(1, cli.err().lines().count(), cli.err());
      assertFalse(Files.exists(fresh));
    }
  }

  @Test
  void diffSaysWhichBitsCameAndWent() throws Exception {
    Cli.ok(
        "set",
        sample,
        COMMAND + "=+INTX_DISABLE|-IO",
        CARD + "config/class_device=NETWORK_OTHER",
        "cpu[0]/cr0=-MP",
        "-o",
        fresh);
    String text = Cli.ok("diff", sample, fresh);
    assertTrue(text.contains("/command: 0x103 -> 0x502 [-IO +INTX_DISABLE]\n"), text);
    assertTrue(text.contains("0x200 -> 0x280 [NETWORK_ETHERNET -> NETWORK_OTHER]\n"), text);
    assertTrue(text.contains("cpu[0]/cr0: 0x80000013 -> 0x80000011 [-MP]\n"), text);
    JsonNode json = new ObjectMapper().readTree(Cli.ok("diff", "--json", sample, fresh));
    String fields = json.path("fields").toString();
    assertTrue(
        fields.contains("\"before\":\"259\",\"after\":\"1282\",\"more\":0,\"bits\":"), fields);
    Path page = directory.resolve("diff.html");
    Cli.ok("diff", sample, fresh, "--html", page);
    assertTrue(Files.readString(page).contains("0x502 [-IO +INTX_DISABLE]"));
  }

  @Test
  void namesEditedInTheDocumentComeIntoTheSnapshot() throws Exception {
    Path vm = directory.resolve("vm");
    Cli.ok("extract", sample, "--core", "none", "-o", vm, "-q");
    Path xml = vm.resolve("hardware.xml");
    String document = Files.readString(xml);
    int card = document.indexOf("<device name=\"0000:00:02.0/e1000\"");
    String before = document.substring(0, card) + "<!-- mine -->\n  ";
    String after =
        document
            .substring(card)
            .replaceFirst("bits=\"IO MEMORY SERR\"", "bits='MEMORY\n MASTER' ")
            .replaceFirst("means=\"NETWORK_ETHERNET\"", "means=\"NETWORK_OTHER\"");
    Files.writeString(xml, before + after);
    Cli.ok("inject", vm, "-o", fresh, "-q");
    assertEquals("0x6 [MEMORY MASTER]", get(fresh, COMMAND));
    assertEquals("0x280 [NETWORK_OTHER]", get(fresh, CARD + "config/class_device"));

    Cli refused = Cli.run("extract", sample, "--core", "none", "-o", vm);
    assertEquals(1, refused.status());
    assertTrue(refused.err().contains("hardware.xml changed since"), refused.err());
    assertTrue(refused.err().contains("--force"), refused.err());
    assertEquals(1, refused.err().lines().count());
    assertEquals(before + after, Files.readString(xml));
    Cli.ok("extract", sample, "--core", "none", "-o", vm, "--force", "-q");
    assertEquals(document, Files.readString(xml));
    Cli.ok("extract", sample, "-o", vm, "-q");
    Path core = vm.resolve("core.elf");
    Files.setLastModifiedTime(core, java.nio.file.attribute.FileTime.fromMillis(1));
    refused = Cli.run("extract", sample, "--core", "none", "-o", vm);
    assertTrue(refused.err().contains("core.elf changed since"), refused.err());
  }

  @Test
  void explainTellsAllThatIsKnown() throws Exception {
    String text = Cli.ok("get", "-e", sample, COMMAND);
    assertTrue(text.contains("  value     0x103 [IO MEMORY SERR]\n"), text);
    assertTrue(text.contains("  type      le16, 0 to 65535\n"), text);
    assertTrue(text.contains("* 0x100      SERR\n"), text);
    assertTrue(text.contains("  0x400      INTX_DISABLE\n"), text);
    text = Cli.ok("get", "-e", sample, CARD + "config/vendor_id");
    assertTrue(text.contains("  help      compared with the destination's while loading\n"), text);
    text = Cli.ok("get", "-e", sample, CARD + "parent_obj/version_id");
    assertTrue(text.contains("  load      QEMU compares it"), text);
    text = Cli.ok("get", "-e", sample, "cpu[0]/env.cr[0]");
    assertTrue(text.contains("  shown as  cpu[0]/cr0\n"), text);
    text = Cli.ok("get", "-e", sample, CARD + "eeprom_data[0]");
    assertTrue(text.contains("set-mac"), text);
    text = Cli.ok("get", "-e", sample, CARD + "eeprom_data[20]");
    assertFalse(text.contains("set-mac"), text);
    JsonNode json = new ObjectMapper().readTree(Cli.ok("get", "-e", "--json", sample, COMMAND));
    JsonNode command = json.path(COMMAND);
    assertEquals("0x400", command.path("bits").path("INTX_DISABLE").path("mask").asText());
    assertEquals(1, command.path("bits").path("IO").path("value").asInt());
    assertEquals("0 to 65535", command.path("range").asText());
  }
}
