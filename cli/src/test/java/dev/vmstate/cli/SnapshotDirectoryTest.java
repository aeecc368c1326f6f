package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmstate.fixtures.KvmDirectoryBuilder;
import dev.vmstate.fixtures.RequiredTool;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the commands that read say of a directory that the KVM runner left. */
class SnapshotDirectoryTest {
  @TempDir Path directory;
  private Path real;

  @BeforeEach
  void write() throws IOException {
    real = new KvmDirectoryBuilder().write(directory.resolve("snap"));
  }

  private static JsonNode json(Object... words) throws IOException {
    return new ObjectMapper().readTree(Cli.ok(words));
  }

  @Test
  void infoSaysWhatItIsAndWhatTheMachineIsMadeOf() throws IOException {
    JsonNode info = json("info", "--json", "--pages", real);
    assertEquals("vmstate-kvm", info.get("container").asText());
    assertEquals("vmstate", info.get("vmm").asText());
    assertEquals("vmstate-kvm", info.get("machine").asText());
    assertEquals("x86_64", info.get("arch").asText());
    assertEquals("long64.bin (long64)", info.at("/containerFacts/payload").asText());
    assertEquals("in the kernel", info.at("/containerFacts/irqchip").asText());
    assertEquals("0x100000000", info.at("/memoryMap/1/start").asText());
    assertEquals("high", info.at("/memoryMap/1/block").asText());
    assertEquals(5, info.at("/ram/blocks/0/pages/data").asInt());
    assertEquals(255, info.at("/ram/blocks/1/pages/zero").asInt());
    assertEquals("long64", info.at("/cpus/0/mode").asText());
    assertEquals("0x8099", info.at("/cpus/0/rip").asText());
    assertEquals("real16", info.at("/cpus/1/mode").asText());
    for (JsonNode device : info.get("devices")) {
      assertEquals("model", device.get("decoded").asText());
      assertEquals(0, device.get("opaqueBytes").asInt());
    }
    assertFalse(info.has("streamVersion"));
    String text = Cli.ok("info", real);
    assertTrue(text.contains("container  vmstate-kvm, 1.9 MiB"), text);
    assertTrue(text.contains("serial: port 0x3f8"), text);
    assertFalse(text.toLowerCase(Locale.ROOT).contains("qemu"), text);
  }

  @Test
  void memoryMapAndDevicesAreListed() {
    assertEquals(
        "0x0000000000-0x00000cffff  ram + 0x0\n0x0100000000-0x01000fffff  high + 0x0\n",
        Cli.ok("memory-map", real));
    assertEquals(
        List.of("vcpu", "vcpu", "serial", "debug-port", "pic-master", "pic-slave"),
        Cli.ok("devices", real).lines().skip(1).map(line -> line.split(" ")[0]).toList());
  }

  @Test
  void registersAreThoseOfQemuByNameAndFieldsThoseOfTheKernel() {
    assertEquals(
        "cpu[0]/rip=0x8099\nvcpu/regs/rip=32921\nvcpu[1]/sregs2/cs/selector=61440\n"
            + "cpu[0]/st1=0x4000c90fdaa22168c235\npic-master/irq_base=0\n"
            + "vcpu/msrs[7]/data=18446744071581156704\n",
        Cli.ok(
            "get",
            real,
            "cpu[0]/rip",
            "vcpu/regs/rip",
            "vcpu[1]/sregs2/cs/selector",
            "cpu[0]/st1",
            "pic-master/irq_base",
            "vcpu/msrs[7]/data"));
    String cpus = Cli.ok("cpus", "--all", real);
    assertTrue(cpus.contains("RIP=0000000000008099 RFL=00000202"), cpus);
    assertTrue(cpus.contains("YMM03=3333333344444444 1111111122222222 333"), cpus);
    assertTrue(cpus.contains("MSR 0000010a -  "), cpus);
    assertTrue(cpus.contains("PENDING mp_state=0x1 [UNINITIALIZED]\n"), cpus);
    assertTrue(
        Cli.ok("get", "-e", real, "vcpu/regs/rip").contains("0xa0 of what state.json holds"));
    Cli missing = Cli.run("get", real, "vcpu/regs/r99");
    assertEquals(1, missing.status());
    assertTrue(missing.err().contains("no field 'vcpu/regs/r99'"), missing.err());
  }

  @Test
  void differencesAreNamedAndTheFilesStayAsTheyAre() throws IOException {
    KvmDirectoryBuilder other = new KvmDirectoryBuilder();
    other.replace("0x000000000badcafe", "0x000000000badcaff");
    other.memory()[KvmDirectoryBuilder.LOW + 0x3000] = 1;
    Path second = other.write(directory.resolve("other"));
    byte[] before = Files.readAllBytes(real.resolve("state.json"));
    assertEquals(
        "cpu[0]/rcx: 0xbadcafe -> 0xbadcaff\nvcpu/regs/rcx: 195939070 -> 195939071\n"
            + "memory high+0x3000, 0x1000 bytes at guest-physical 0x100003000\n"
            + "memory: 1 page of high differ\n",
        Cli.ok("diff", real, second));
    assertEquals("no difference\n", Cli.ok("diff", real, real));
    Path page = directory.resolve("diff.html");
    Cli.ok("diff", "--html", page, "-q", real, second);
    assertTrue(Files.readString(page).contains("0xbadcaff"));
    Path stream = Cli.sample(directory);
    assertTrue(Cli.ok("diff", real, stream).startsWith("machine: vmstate-kvm -> pc"));
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(real.resolve("state.json"))));
    try (Stream<Path> files = Files.list(real)) {
      assertEquals(3, files.count());
    }
  }

  @Test
  void gdbReadsTheRegistersAndTheMemoryOfTheCore() throws Exception {
    RequiredTool.require("gdb", "gdb");
    Path out = directory.resolve("out");
    Cli.ok("extract", "-q", real, "-o", out);
    JsonNode manifest = new ObjectMapper().readTree(out.resolve("manifest.json").toFile());
    assertEquals("vmstate-kvm", manifest.get("container").asText());
    Process gdb =
        new ProcessBuilder(
                "gdb",
                "-nx",
                "-q",
                "-batch",
                "-ex",
                "target core " + out.resolve("core.elf"),
                "-ex",
                "printf \"%lx %lx %lx\\n\", $rip, $rdx, $rsp",
                "-ex",
                "printf \"%s\\n\", (char*)0x100001234",
                "-ex",
                "p/x $ymm3.v4_int64",
                "-ex",
                "p $st1",
                "-ex",
                "x/i $rip",
                "-ex",
                "thread 2",
                "-ex",
                "printf \"%lx %lx\\n\", $rip, $rdx")
            .redirectErrorStream(true)
            .start();
    String said;
    try (InputStream in = gdb.getInputStream()) {
      said = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    assertEquals(0, gdb.waitFor(), said);
    for (String expected :
        List.of(
            "8099 deadbeefcafef00d 8fff8\n",
            "high\n",
            "{0x1111111122222222, 0x3333333344444444, 0x1111111122222222, 0x3333333344444444}",
            " = 3.14159265358979323851\n",
            "jmp    0x8099\n",
            "fff0 600\n")) {
      assertTrue(said.contains(expected), said);
    }
  }

  @Test
  void whatIsAboutStreamsAloneSaysSo() {
    Cli check = Cli.run("check", real, "--machine", "pc");
    assertEquals(1, check.status());
    assertTrue(check.err().contains("is a vmstate-kvm snapshot"), check.err());
    assertEquals(1, check.err().lines().count());
    Cli empty = Cli.run("info", directory);
    assertEquals(1, empty.status());
    assertTrue(empty.err().contains("a directory without state.json"), empty.err());
  }
}
