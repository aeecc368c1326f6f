package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.ElfCoreBuilder;
import dev.vmstate.fixtures.KdumpBuilder;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands on dumps: what can be looked at, and what is refused by name. */
class DumpTest {
  @TempDir private Path folder;
  private Path kdump;
  private Path core;

  @BeforeEach
  void twoDumps() throws IOException {
    byte[] cpu = ElfCoreBuilder.qemuCpu(0xffff_ffff_8100_0000L, 0);
    kdump =
        Files.write(
            folder.resolve("vm.kdump"),
            KdumpBuilder.wide(ByteOrder.LITTLE_ENDIAN)
                .note("QEMU", 0, cpu)
                .packed(0, 1, KdumpBuilder.zlib(KdumpBuilder.pattern()))
                .zero(1)
                .leftOut(2)
                .bytes());
    core =
        Files.write(
            folder.resolve("vm.core"),
            ElfCoreBuilder.x86().note("QEMU", 0, cpu).load(0, KdumpBuilder.pattern()).bytes());
  }

  @Test
  void infoSaysWhatADumpHoldsAndWhatNot() throws IOException {
    JsonNode info = json("info", "--json", "--pages", kdump);
    assertEquals("kdump", info.path("container").asText());
    assertEquals("qemu", info.path("vmm").asText());
    assertEquals("x86_64", info.path("arch").asText());
    JsonNode block = info.path("ram").path("blocks").get(0);
    assertEquals("physical@0x0", block.path("name").asText());
    assertEquals(
        "{\"data\":1,\"zero\":1,\"absent\":1,\"rewritten\":0}", block.path("pages").toString());
    assertEquals("0xffffffff81000000", info.path("cpus").get(0).path("rip").asText());
    assertEquals(0, info.path("devices").size());
    assertTrue(info.path("noDevices").asText().contains("no device state"));
    assertTrue(info.path("containerFacts").path("pagesLeftOut").asText().startsWith("1 "));
    assertEquals("elf-core", json("info", "--json", core).path("container").asText());
    String text = Cli.run("info", kdump.toString()).out();
    assertTrue(text.contains("a dump does not say (x86_64)"), text);
    assertTrue(text.contains("devices    none: a dump holds RAM"), text);
  }

  @Test
  void aLevelIsForKdumpsAndSaysWhatItWouldNeed() throws IOException {
    Path out = folder.resolve("out");
    var whole = Cli.run("extract", kdump.toString(), "-o", out.toString(), "--dump-level", "31");
    assertEquals(2, whole.status());
    assertTrue(whole.err().contains("--core kdump-zlib or kdump-zstd, not elf"), whole.err());
    var bad = Cli.run("extract", "x", "-o", "y", "--dump-level", "zero,fre");
    assertTrue(bad.err().contains("'fre' is no dump level: 0 to 31, or of zero,"), bad.err());
    String[] cache = {
      "extract", kdump.toString(), "-o", out.toString(), "--core", "kdump-zlib", "--dump-level", "2"
    };
    var unknown = Cli.run((Object[]) cache);
    assertEquals(1, unknown.status());
    assertTrue(unknown.err().contains("vm.kdump: --dump-level 2 asks"), unknown.err());
    assertTrue(unknown.err().contains("1 (zero) asks none"), unknown.err());
    assertFalse(Files.exists(out));
    cache[cache.length - 1] = "zero";
    String report = Cli.run((Object[]) cache).out();
    assertTrue(report.contains("pages: 3 of 3, dump level 1"), report);
    assertTrue(report.contains("  zero                 2  share the bytes of one"), report);
    JsonNode json =
        json("extract", "--json", kdump, "-o", out, "--core", "kdump-zlib", "--dump-level", "1");
    assertEquals(1, json.path("dumpLevel").asInt());
    assertEquals(2, json.path("pages").path("zero").asInt());
    assertEquals(0, json.path("pages").path("leftOut").path("cachePrivate").asInt(-1));
    assertEquals(Files.size(out.resolve("core.kdump")), json.path("bytes").asLong());
  }

  @Test
  void partsOfItAreListedOrSaidToBeMissing() {
    for (String command : List.of("devices", "nics")) {
      String out = Cli.run(command, core.toString()).out();
      assertTrue(out.startsWith("# no devices: a dump holds RAM"), out);
    }
    assertTrue(Cli.run("cpus", core.toString()).out().contains("CPU 0 (long64)"));
    assertTrue(Cli.run("memory-map", core.toString()).out().contains("physical@0x0 + 0x0"));
    assertEquals(
        "cpu[0]/rip=0xffffffff81000000",
        Cli.run("get", core.toString(), "cpu[0]/rip").out().trim());
  }

  @Test
  void whatNeedsDevicesIsRefusedByName() {
    String dump = core.toString();
    String out = folder.resolve("new").toString();
    for (List<String> words :
        List.of(
            List.of("set", dump, "cpu[0]/rip=1", "-o", out),
            List.of("set-mac", dump, "net0", "52:54:00:12:34:56", "-o", out),
            List.of("inject", dump, "--core", dump, "-o", out),
            List.of("convert", dump, "--to", "qemu-stream", "-o", out),
            List.of("verify", dump, "--", "qemu-system-x86_64"))) {
      Cli result = Cli.run(words.toArray());
      assertEquals(1, result.status(), words.toString());
      assertTrue(result.err().contains("no device state"), result.err());
      assertTrue(result.err().contains("no QEMU resumes it"), result.err());
      assertFalse(result.err().trim().contains("\n"), result.err());
    }
    assertFalse(Files.exists(folder.resolve("new")));
  }

  @Test
  void everyFormatIsWrittenUnderItsName() throws IOException {
    for (String format : List.of("elf", "kdump-zlib", "kdump-zstd", "raw")) {
      Path out = folder.resolve(format);
      Cli result = Cli.run("extract", kdump.toString(), "-o", out.toString(), "--core", format);
      assertEquals(0, result.status(), result.err());
      Path file = out.resolve("core." + format.replaceAll("-.*", ""));
      assertTrue(Files.exists(file), result.out());
      if (!format.equals("raw")) {
        String container = format.equals("elf") ? "elf-core" : "kdump";
        assertEquals(container, json("info", "--json", file).path("container").asText());
      }
    }
    Cli result = Cli.run("extract", kdump.toString(), "-o", folder.toString(), "--core", "lha");
    assertEquals(2, result.status());
    assertTrue(
        result.err().contains("'lha' is none of elf, kdump-zlib, kdump-zstd, raw, none"),
        result.err());
  }

  private static JsonNode json(Object... words) throws IOException {
    Cli result = Cli.run(words);
    assertEquals(0, result.status(), result.err());
    return new ObjectMapper().readTree(result.out());
  }
}
