package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * One Linux on machine pc, saved twice: stopped, and a little later while it ran and wrote memory.
 * The subclasses say on which QEMU.
 */
@Tag("qemu")
@Tag("linux")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class EditedGuest {
  private static final String E1000 = "52:54:00:10:00:01";
  private static final String VIRTIO = "52:54:00:10:00:02";
  private static final String NEW_E1000 = "52:54:00:ab:cd:01";
  private static final String NEW_VIRTIO = "52:54:00:ab:cd:02";
  private static final int MOST_TRIES = 20;

  @TempDir private Path folder;

  private List<String> words;
  private List<String> wordsWithNewVirtio;
  private Path stopped;
  private Path live;
  private Path dump;
  private String version;
  private Map<String, Long> registers;
  private Map<String, String> facts;
  private String console;

  /** The QEMU, or the test is skipped. */
  abstract List<String> qemu();

  @BeforeAll
  void bootAndSave(@TempDir Path saved) throws Exception {
    List<String> qemu = qemu();
    GuestKernel kernel = GuestKernel.generic();
    Path disk = GuestDisk.build(kernel, saved);
    words = machine(qemu, kernel, disk, VIRTIO);
    wordsWithNewVirtio = machine(qemu, kernel, disk, NEW_VIRTIO);
    stopped = saved.resolve("stopped.mig");
    live = saved.resolve("live.mig");
    dump = saved.resolve("dump.elf");
    try (Machine machine = Machine.fresh(words)) {
      machine.run();
      machine.awaitTick(tick -> tick.number() >= 3 && tick.macs().size() == 2);
      machine.stop();
      version = machine.qmp().version();
      registers = machine.registers(0);
      facts = machine.facts();
      console = machine.console();
      machine.dump(dump);
      machine.save(stopped);
      machine.run();
      machine.type('d');
      machine.parameter("max-bandwidth", 40 << 20);
      machine.startSaving(live);
      machine.awaitMigration(state -> state.path("ram").path("dirty-sync-count").asInt() >= 3);
      machine.parameter("downtime-limit", 60_000);
      machine.parameter("max-bandwidth", 1L << 40);
      machine.awaitMigration(state -> false);
    }
  }

  private static List<String> machine(
      List<String> qemu, GuestKernel kernel, Path disk, String virtio) {
    return new GuestMachine(qemu, "pc", "128M")
        .boots(kernel, disk)
        .card("e1000", E1000)
        .card("virtio-net-pci", virtio)
        .words();
  }

  private Path extracted(Path snapshot) throws Exception {
    Path directory = folder.resolve("extracted");
    Vmstate.run("extract", snapshot, "-o", directory, "--no-symbols");
    return directory;
  }

  private long fact(String name) {
    return Long.parseUnsignedLong(facts.get(name).substring(2), 16);
  }

  @Test
  void infoTellsOfTheMachineWhatQemuTells() throws Exception {
    JsonNode info = Vmstate.run("info", "--json", "--pages", stopped).json();
    String[] numbers = version.split("\\.");
    assertEquals("qemu-stream", info.path("container").asText());
    assertEquals("qemu", info.path("vmm").asText());
    assertEquals(
        "pc-i440fx-%s.%s".formatted(numbers[0], numbers[1]), info.path("machine").asText());
    assertEquals("x86_64", info.path("arch").asText());
    assertEquals(3, info.path("streamVersion").asInt());
    assertEquals(128 << 20, info.path("ram").path("bytes").asLong());
    JsonNode main = info.path("ram").path("blocks").path(0);
    assertEquals("pc.ram", main.path("name").asText());
    JsonNode pages = main.path("pages");
    assertEquals(
        (128 << 20) / 4096, pages.path("data").asLong() + pages.path("zero").asLong(), "all pages");
    assertEquals(1, info.path("cpus").size());
    JsonNode cpu = info.path("cpus").path(0);
    assertEquals("long64", cpu.path("mode").asText());
    assertEquals(hex(registers.get("RIP")), cpu.path("rip").asText());
    assertEquals(hex(registers.get("CR3")), cpu.path("cr3").asText());
    assertEquals(
        List.of("e1000 " + E1000, "virtio-net " + VIRTIO),
        texts(info.path("nics"), nic -> nic.path("model").asText() + " " + nic.path("mac").asText())
            .stream()
            .sorted()
            .toList());
    assertEquals(
        List.of(),
        texts(info.path("devices"), d -> d.path("decoded").asText() + " " + d.path("name").asText())
            .stream()
            .filter(text -> text.startsWith("opaque"))
            .toList());
  }

  private static List<String> texts(JsonNode list, Function<JsonNode, String> text) {
    List<String> texts = new ArrayList<>();
    list.forEach(node -> texts.add(text.apply(node)));
    return texts;
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  @Test
  void theMemoryOfTheCoreIsThatOfQemusOwnDump() throws Exception {
    try (ElfDump ours = new ElfDump(extracted(stopped).resolve("core.elf"));
        ElfDump qemus = new ElfDump(dump)) {
      ours.assertSameMemory(qemus);
    }
  }

  @Test
  void theNotesOfTheCoreAreThoseOfQemusOwnDump() throws Exception {
    try (ElfDump ours = new ElfDump(extracted(stopped).resolve("core.elf"));
        ElfDump qemus = new ElfDump(dump)) {
      assertArrayEquals(qemus.notes("CORE", 1).toArray(), ours.notes("CORE", 1).toArray());
      assertArrayEquals(qemus.notes("QEMU", 0).toArray(), ours.notes("QEMU", 0).toArray());
    }
  }

  @Test
  void gdbShowsTheRegistersThatQemuShows() throws Exception {
    String shown = Gdb.read(extracted(stopped).resolve("core.elf"), "info registers");
    RegisterCheck.assertSame(registers, shown);
  }

  @Test
  void gdbReadsTheKernelAtItsOwnAddresses() throws Exception {
    Path core = extracted(stopped).resolve("core.elf");
    String shown = Gdb.read(core, "x/s " + facts.get("linux_banner"));
    assertTrue(shown.contains("\"Linux version " + facts.get("release") + " ("), shown);
  }

  @Test
  void readelfFindsNothingWrongWithTheCore() throws Exception {
    HostTool.need("readelf", "binutils");
    String core = extracted(stopped).resolve("core.elf").toString();
    String shown =
        HostTool.run("readelf", "--wide", "--file-header", "--segments", "--notes", core);
    assertTrue(shown.contains("CORE (Core file)"), shown);
    assertFalse(shown.toLowerCase(Locale.ROOT).contains("warning"), shown);
  }

  @Test
  void nothingEditedGivesTheSameSnapshot() throws Exception {
    for (Path snapshot : List.of(stopped, live)) {
      Path directory = folder.resolve("of-" + snapshot.getFileName());
      Path again = folder.resolve("again-" + snapshot.getFileName());
      Vmstate.run("extract", snapshot, "-o", directory, "--no-symbols");
      Vmstate.run("inject", directory, "-o", again);
      assertEquals(-1, Files.mismatch(snapshot, again), () -> "differs: " + snapshot);
    }
  }

  @Test
  void theGuestGoesOnWithTheEditedStringAndTheNewAddresses() throws Exception {
    Path directory = extracted(stopped);
    Path core = directory.resolve("core.elf");
    Gdb.writeText(core, fact("text"), "someone else wrote this");
    Path xml = directory.resolve("hardware.xml");
    replaceInCards(xml, E1000, NEW_E1000);
    replaceInCards(xml, VIRTIO, NEW_VIRTIO);

    Path edited = folder.resolve("edited.mig");
    String report = Vmstate.run("inject", directory, "-o", edited).out();
    assertTrue(report.matches("(?s).*/e1000/mac_reg.*/e1000/eeprom_data.*"), report);
    assertTrue(report.contains("/virtio-net/"), report);
    assertTrue(report.contains("memory " + facts.get("text") + " (pc.ram + "), report);

    // virtio-net takes the command line's address when the guest's driver starts over.
    try (Machine machine = Machine.loaded(wordsWithNewVirtio, edited)) {
      assertEquals(NEW_E1000, NicRegisters.e1000(machine.qmp()));
      assertEquals(NEW_VIRTIO, NicRegisters.rxFilter(machine.qmp()));
      machine.run();
      machine.awaitTick(tick -> tick.text().equals("someone else wrote this"));
      machine.type('r');
      Tick renewed = machine.awaitTick(tick -> tick.macs().containsValue(NEW_E1000));
      assertEquals(Map.of("e1000", NEW_E1000, "virtio_net", NEW_VIRTIO), renewed.macs());
      String network = machine.qmp().human("info network");
      assertTrue(network.contains("model=e1000,macaddr=" + NEW_E1000), network);
      assertGoesOn(machine);
    }
  }

  /** Nobody resets anything: the guest's kernel says so, and its packets have it. */
  @Test
  void theGuestItselfHasTheNewAddressesAndTheNewName() throws Exception {
    Path edited = folder.resolve("guest.mig");
    Vmstate.run("set-mac", stopped, E1000, NEW_E1000, "--guest", "-o", edited);
    String report =
        Vmstate.run("set-mac", edited, VIRTIO, NEW_VIRTIO, "--guest", "--in-place").out();
    assertTrue(report.contains(" (virtio_net): dev_addr, dev_addrs"), report);
    Vmstate.run("set", edited, "guest.hostname=another-name", "--in-place");
    assertEquals(
        "another-name",
        Vmstate.run("get", "--json", edited, "guest.hostname")
            .json()
            .path("guest.hostname")
            .asText());
    List<String> recorded = new ArrayList<>(wordsWithNewVirtio);
    Path packets = folder.resolve("packets"); // the cards are on one hub: either hears both
    String file = packets.toString().replace(",", ",,");
    recorded.addAll(List.of("-object", "filter-dump,id=dump,netdev=n0,file=" + file));
    try (Machine machine = Machine.loaded(recorded, edited)) {
      machine.run();
      Tick first = machine.awaitTick(tick -> true);
      assertEquals(Map.of("e1000", NEW_E1000, "virtio_net", NEW_VIRTIO), first.macs());
      for (int i = 0; i < MOST_TRIES && askers(packets).size() < 2; i++) {
        machine.type('n'); // a card whose link is not up yet sends nothing
      }
      assertEquals(Set.of(NEW_E1000, NEW_VIRTIO), askers(packets), machine.console());
      assertTrue(machine.console().contains("NAME another-name\n"));
      assertEquals(NEW_E1000, NicRegisters.e1000(machine.qmp()));
      assertEquals(NEW_VIRTIO, NicRegisters.rxFilter(machine.qmp()));
      assertGoesOn(machine);
    }
  }

  /**
   * Who sends ARP requests of its own: the source of the frame and, in them, the sender. A record
   * of a pcap file has 16 bytes before its frame, the third word says how long that is.
   */
  private static Set<String> askers(Path pcap) throws IOException {
    ByteBuffer file =
        ByteBuffer.wrap(Files.readAllBytes(pcap)).order(ByteOrder.LITTLE_ENDIAN).position(24);
    Set<String> askers = new TreeSet<>();
    while (file.remaining() >= 16 && file.remaining() >= 16 + file.getInt(file.position() + 8)) {
      byte[] frame = new byte[file.getInt(file.position() + 8)];
      file.position(file.position() + 16).get(frame);
      if (frame.length >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 1) {
        askers.add(HexFormat.ofDelimiter(":").formatHex(frame, 6, 12));
        askers.add(HexFormat.ofDelimiter(":").formatHex(frame, 22, 28));
      }
    }
    return askers;
  }

  @Test
  void editsAreWrittenInPlaceAndTakenBack() throws Exception {
    Path snapshot = folder.resolve("copy.mig");
    Files.copy(stopped, snapshot);
    Path directory = extracted(snapshot);
    Path core = directory.resolve("core.elf");
    Gdb.writeText(core, fact("text"), "in place");
    replaceInCards(directory.resolve("hardware.xml"), E1000, NEW_E1000);
    Vmstate.run("inject", directory, "--in-place");
    assertEquals(Files.size(stopped), Files.size(snapshot));
    try (Machine machine = Machine.loaded(words, snapshot)) {
      assertEquals(NEW_E1000, NicRegisters.e1000(machine.qmp()));
      machine.run();
      machine.awaitTick(tick -> tick.text().equals("in place"));
      assertGoesOn(machine);
    }
    Vmstate.run("undo", snapshot);
    assertEquals(-1, Files.mismatch(stopped, snapshot));
  }

  /** The stream says "zeros" of this page in a few bytes: its new contents have to be appended. */
  @Test
  void aPageOfZerosThatWasEditedIsThereForTheGuest() throws Exception {
    Path directory = extracted(stopped);
    Path core = directory.resolve("core.elf");
    Gdb.writeWord(core, fact("zero"), 0x600df00d);
    Path edited = folder.resolve("edited.mig");
    JsonNode report = Vmstate.run("inject", directory, "-o", edited, "--json").json();
    assertEquals(1, report.path("pages").asInt());
    assertEquals(1, report.path("pagesAppended").asInt());
    try (Machine machine = Machine.loaded(words, edited)) {
      ByteBuffer page = machine.memory(fact("zero"), 4096);
      assertEquals(0x600df00d, page.getInt());
      assertEquals(ByteBuffer.allocate(4092), page);
      machine.run();
      machine.awaitTick(tick -> tick.zero().equals("600df00d"));
      assertGoesOn(machine);
    }
  }

  /**
   * Under TCG, QEMU up to 7.2 loses some pages dirtied while it saves: the source's memory is no
   * judge, what a QEMU reads back is.
   */
  @Test
  void theCoreOfALiveSnapshotIsWhatQemuReadsBack() throws Exception {
    JsonNode info = Vmstate.run("info", "--json", "--pages", live).json();
    JsonNode pages = info.path("ram").path("blocks").path(0).path("pages");
    assertTrue(pages.path("rewritten").asLong() > 1000, pages::toString);
    Path dumpOfLoaded = folder.resolve("loaded.elf");
    Map<String, Long> loaded;
    try (Machine machine = Machine.loaded(words, live)) {
      machine.dump(dumpOfLoaded);
      loaded = machine.registers(0);
    }
    Path core = extracted(live).resolve("core.elf");
    try (ElfDump ours = new ElfDump(core);
        ElfDump qemus = new ElfDump(dumpOfLoaded)) {
      ours.assertSameMemory(qemus);
    }
    RegisterCheck.assertSame(loaded, Gdb.read(core, "info registers"));
  }

  /** Nothing but the device state at the end is read. */
  @Test
  void theCardsOfABigSnapshotAreFoundInAFewMegabytes() throws Exception {
    long noSnapshot = Vmstate.run("--version").bytesRead();
    Vmstate nics = Vmstate.run("nics", "--json", live);
    assertTrue(nics.out().contains(E1000), nics.out());
    long bytes = nics.bytesRead() - noSnapshot;
    assertTrue(bytes < 8 << 20, () -> "%d bytes of %s".formatted(bytes, sizeOf(live)));
    assertTrue(10 * bytes < sizeOf(live), () -> "%d bytes of %s".formatted(bytes, sizeOf(live)));
  }

  private static long sizeOf(Path path) {
    return path.toFile().length();
  }

  /** The ticks and the counter go on where they stopped, not one left out and not one twice. */
  private void assertGoesOn(Machine machine) throws Exception {
    int last = Tick.in(console).size();
    machine.awaitTick(tick -> tick.number() >= last + 3);
    List<Tick> all = Tick.in(console + machine.console());
    for (int i = 0; i < all.size(); i++) {
      assertEquals(i + 1, all.get(i).number());
      assertEquals(1000 + 7L * (i + 1), all.get(i).counter());
    }
  }

  /** As a user does with an editor: the card's line, nothing else. */
  private static void replaceInCards(Path xml, String mac, String with) throws Exception {
    List<String> lines = new ArrayList<>();
    int replaced = 0;
    for (String line : Files.readAllLines(xml)) {
      boolean wanted = line.strip().startsWith("<nic ") && line.contains(mac);
      lines.add(wanted ? line.replace(mac, with) : line);
      replaced += wanted ? 1 : 0;
    }
    assertEquals(1, replaced, "lines with " + mac);
    Files.write(xml, lines);
  }
}
