package dev.vmstate.convert.kvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.kvmstate.StateValue;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The expected numbers are what QEMU's monitor printed when the streams were saved. */
class StreamMachineTest {
  /**
   * Members that a stream has no place for: constant, computed from others, not saved by QEMU, or
   * not in these streams.
   */
  private static final Set<String> NO_PLACE =
      Set.of(
          "sregs2.cr8",
          "sregs2.flags",
          "sregs2.pdptrs",
          "lapic.version",
          "lapic.apr",
          "lapic.ppr",
          "lapic.eoi",
          "lapic.rrd",
          "lapic.self_ipi",
          "lapic.lvt_cmci",
          "lapic.dfr", // its low bits are always one
          "lapic.current_count", // a time, tested by itself
          "events.flags",
          "events.interrupt.injected", // goes with nr, tested by itself
          "events.interrupt.nr",
          "events.interrupt.shadow",
          "events.exception.injected",
          "events.exception.nr",
          "events.exception.has_error_code",
          "events.exception.pending",
          "events.exception.error_code",
          "events.smi.smm",
          "events.smi.pending",
          "events.smi.smm_inside_nmi",
          "events.smi.latched_init",
          "events.triple_fault.pending",
          "events.exception_has_payload",
          "events.exception_payload",
          "debugregs.flags",
          "pic-master.last_irr", // bit 0 is the PIT's
          "pic-master.elcr_mask",
          "pic-slave.elcr_mask",
          "ioapic.base_address",
          "clock.flags",
          "clock.realtime",
          "clock.host_tsc",
          "serial.lsr", // bit 0 goes with what was received
          "serial.thr", // in a subsection that is not there
          "serial.thr_ipending",
          "serial.timeout_ipending",
          "serial.receive_count",
          "serial.transmit_count");

  @TempDir Path directory;

  @Test
  void whatTcgSavedIsGivenToKvmAsQemusMonitorPrintsIt() throws IOException {
    MachineValues machine = Ticker.values(Ticker.stream("tcg", directory));
    CpuValues cpu = machine.cpus().get(0);
    StateValue regs = cpu.structs().get("regs");
    assertEquals(0x100280, regs.get("rip"));
    assertEquals(0xc0a00, regs.get("rax"));
    assertEquals(5, regs.get("rbx"));
    assertEquals(0xffffffffL, regs.get("rcx"));
    assertEquals(0x3f8, regs.get("rdx"));
    assertEquals(0x1008a7, regs.get("rsi"));
    assertEquals(0xfee00000L, regs.get("rdi"));
    assertEquals(6, regs.get("rbp"));
    assertEquals(0x119000, regs.get("rsp"));
    assertEquals(0xfedcba9876543210L, regs.get("r15"));
    assertEquals(0x246, regs.get("rflags"));
    StateValue lapic = cpu.structs().get("lapic");
    assertEquals(422971, lapic.get("current_count"));
    assertEquals(786432, lapic.get("initial_count"));
    assertEquals(0x20030, lapic.get("lvt_timer"));
    assertEquals(0x2000000, lapic.get("ldr"));
    assertEquals(3, cpu.mpState(), "TCG says 0 and halted");
    assertEquals(11, cpu.structs().get("sregs2").get("tr.type"), "TCG says 9");
    assertEquals(3, cpu.xsave().get("xstate_bv"), "TCG says 0");
    StateValue master = machine.devices().get("pic-master");
    assertEquals(0xfe, master.get("imr"));
    assertEquals(0, master.get("last_irr"), "TCG says 1");
    assertEquals(0x20, master.get("irq_base"));
    assertEquals(0x030000000001a945L, machine.devices().get("ioapic").get("redirtbl[5]"));
    assertEquals(11932, machine.devices().get("pit").get("channels[0].count"));
    assertEquals(0x5a, machine.devices().get("serial").get("scr"));
  }

  /** QEMU's x87 registers are R0 to R7 in TCG's streams, ST0 to ST7 in KVM's: ST0 is R5 here. */
  @ParameterizedTest
  @ValueSource(strings = {"tcg", "kvm"})
  void x87RegistersStandInStackOrderWhoeverSavedThem(String accelerator) throws IOException {
    CpuValues cpu = Ticker.values(Ticker.stream(accelerator, directory)).cpus().get(0);
    HexFormat hex = HexFormat.of();
    StateValue image = cpu.xsave();
    assertEquals(0x2800, image.get("fsw"));
    assertEquals(0xe0, image.get("ftw"));
    assertEquals(0x27f, image.get("fcw"));
    assertEquals(0x1fa0, image.get("mxcsr"));
    assertEquals("0000000000000080ff3f000000000000", hex.formatHex(image.data("st[0]")));
    assertEquals("35c26821a2da0fc90040000000000000", hex.formatHex(image.data("st[1]")));
    assertEquals("fe8a1bcd4b789ad400c0000000000000", hex.formatHex(image.data("st[2]")));
    assertEquals("00000000000000000000000000000000", hex.formatHex(image.data("st[3]")));
    assertEquals("014400330022001101dd00cc00bb00aa", hex.formatHex(image.data("xmm[1]")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcg", "kvm"})
  void thereAndBackNothingChanges(String accelerator) throws IOException {
    Path stream = Ticker.stream(accelerator, directory);
    try (StreamSnapshot snapshot = StreamSnapshot.open(stream)) {
      List<String> missing = new ArrayList<>();
      EditSet edits = Ticker.machine(snapshot).toStream(Ticker.values(stream), "test", missing);
      assertEquals(List.of(), edits.edits());
      assertEquals(List.of(), missing);
    }
  }

  /** One bit of every number there is: put into the stream, and found again by the way to KVM. */
  @ParameterizedTest
  @ValueSource(strings = {"tcg", "kvm"})
  void everyNumberThatChangesComesBackFromTheStream(String accelerator) throws IOException {
    Path stream = Ticker.stream(accelerator, directory);
    MachineValues original = Ticker.values(stream);
    Set<String> lost = new TreeSet<>();
    for (String part : original.cpus().get(0).structs().keySet()) {
      tryAll(stream, part, original.cpus().get(0).structs().get(part), original, lost);
    }
    for (String device : original.devices().keySet()) {
      tryAll(stream, device, original.devices().get(device), original, lost);
    }
    lost.removeIf(name -> NO_PLACE.contains(name.replaceFirst("\\[\\d]$", "")));
    lost.removeIf(name -> name.startsWith("pit.") && name.endsWith("count_load_time"));
    assertEquals(Set.of(), lost);
  }

  private static void tryAll(
      Path stream, String part, StateValue value, MachineValues original, Set<String> lost)
      throws IOException {
    for (String name : value.shape().numbers()) {
      if (name.endsWith(".unusable") || name.equals("db")) {
        continue; // the other word for present, which is tried
      }
      StateValue changed = value.copy();
      changed.set(
          name, value.get(name) ^ 1 << (name.equals("id") && part.equals("lapic") ? 24 : 0));
      if (name.endsWith(".present")) {
        String unusable = name.replace(".present", ".unusable");
        changed.set(unusable, 1 - changed.get(name));
      }
      if (name.equals("ldr")) {
        changed.set(name, value.get(name) ^ 1 << 24);
      }
      MachineValues wanted = with(original, part, changed);
      MachineValues found = through(stream, wanted, new ArrayList<>());
      StateValue after =
          found.devices().containsKey(part)
              ? found.devices().get(part)
              : found.cpus().get(0).structs().get(part);
      if (after.get(name) != changed.get(name)) {
        lost.add(part + "." + name);
      }
    }
  }

  private static MachineValues with(MachineValues machine, String part, StateValue value) {
    CpuValues cpu = machine.cpus().get(0);
    Map<String, StateValue> structs = new LinkedHashMap<>(cpu.structs());
    Map<String, StateValue> devices = new LinkedHashMap<>(machine.devices());
    (devices.containsKey(part) ? devices : structs).put(part, value);
    return new MachineValues(
        List.of(new CpuValues(structs, cpu.xsave(), cpu.xcr0(), cpu.msrs(), cpu.mpState())),
        devices);
  }

  /** Into the stream and out of it. */
  private static MachineValues through(Path stream, MachineValues wanted, List<String> missing)
      throws IOException {
    try (StreamSnapshot snapshot = StreamSnapshot.open(stream)) {
      EditSet edits = Ticker.machine(snapshot).toStream(wanted, "test", missing);
      return Ticker.values(Ticker.edited(stream, edits));
    }
  }

  /** The register that is on top turns the physical ones round, all eight. */
  @ParameterizedTest
  @ValueSource(strings = {"tcg", "kvm"})
  void everyVectorRegisterComesBackAlsoWhenTheStackHasTurned(String accelerator)
      throws IOException {
    Path stream = Ticker.stream(accelerator, directory);
    MachineValues original = Ticker.values(stream);
    CpuValues cpu = original.cpus().get(0);
    StateValue image = cpu.xsave().copy();
    image.set("fsw", 0x1800).set("ftw", 0xff).set("fcw", 0x37f).set("mxcsr", 0x1f80);
    for (int i = 0; i < 16; i++) {
      byte[] bytes = new byte[16];
      for (int j = 0; j < 16; j++) {
        bytes[j] = (byte) (0x10 * i + j + 1);
      }
      image.data("xmm[%d]".formatted(i), bytes);
      if (i < 8) {
        bytes[15] = bytes[14] = bytes[13] = bytes[12] = bytes[11] = bytes[10] = 0;
        image.data("st[%d]".formatted(i), bytes);
      }
    }
    MachineValues wanted =
        new MachineValues(
            List.of(new CpuValues(cpu.structs(), image, cpu.xcr0(), cpu.msrs(), cpu.mpState())),
            original.devices());
    List<String> missing = new ArrayList<>();
    assertArrayEquals(
        image.bytes(), through(stream, wanted, missing).cpus().get(0).xsave().bytes());
    assertEquals(List.of(), missing);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcg", "kvm"})
  void msrsAndWhetherTheCpuRunsComeBack(String accelerator) throws IOException {
    Path stream = Ticker.stream(accelerator, directory);
    MachineValues original = Ticker.values(stream);
    CpuValues cpu = original.cpus().get(0);
    TreeMap<Long, Long> msrs = new TreeMap<>();
    cpu.msrs().forEach((number, value) -> msrs.put(number, value + number));
    MachineValues wanted =
        new MachineValues(
            List.of(new CpuValues(cpu.structs(), cpu.xsave(), 1, msrs, 3 - cpu.mpState())),
            original.devices());
    List<String> missing = new ArrayList<>();
    CpuValues found = through(stream, wanted, missing).cpus().get(0);
    assertEquals(msrs, found.msrs());
    assertEquals(3 - cpu.mpState(), found.mpState());
    assertEquals(List.of(), missing);
  }

  /** 100 of 1000 counts are left, 16 ns each: it was loaded 901 counts before the machine stood. */
  @Test
  void aTimersCountBecomesTheTimeWhenItWasLoaded() throws IOException {
    Path stream = Ticker.stream("tcg", directory);
    MachineValues original = Ticker.values(stream);
    StateValue lapic = original.cpus().get(0).structs().get("lapic").copy();
    lapic.set("initial_count", 1000).set("current_count", 100);
    MachineValues found = through(stream, with(original, "lapic", lapic), new ArrayList<>());
    assertEquals(100, found.cpus().get(0).structs().get("lapic").get("current_count"));
  }

  /** Vector 0x20 is the first of the PICs: TCG will ask them for it again. */
  @Test
  void anInterruptOnItsWayWaitsAtItsControllerForTcg() throws IOException {
    Path stream = Ticker.stream("tcg", directory);
    MachineValues original = Ticker.values(stream);
    StateValue events = original.cpus().get(0).structs().get("events").copy();
    events.set("interrupt.injected", 1).set("interrupt.nr", 0x20);
    StateValue master = original.devices().get("pic-master").copy().set("isr", 1);
    MachineValues wanted = with(with(original, "events", events), "pic-master", master);
    List<String> missing = new ArrayList<>();
    MachineValues found = through(stream, wanted, missing);
    assertEquals(1, found.devices().get("pic-master").get("irr"));
    assertEquals(0, found.devices().get("pic-master").get("isr"));
    assertEquals(0, found.cpus().get(0).structs().get("events").get("interrupt.injected"));
    assertEquals(List.of(), missing);
    try (StreamSnapshot snapshot = StreamSnapshot.open(stream)) {
      List<String> paths =
          Ticker.machine(snapshot).toStream(wanted, "test", missing).edits().stream()
              .map(FieldEdit::path)
              .toList();
      assertTrue(paths.contains("cpu_common/interrupt_request"), paths.toString());
    }
  }

  @Test
  void anInterruptOnItsWayStaysOnItForKvm() throws IOException {
    Path stream = Ticker.stream("kvm", directory);
    MachineValues original = Ticker.values(stream);
    StateValue events = original.cpus().get(0).structs().get("events").copy();
    events.set("interrupt.injected", 1).set("interrupt.nr", 0x41);
    MachineValues found = through(stream, with(original, "events", events), new ArrayList<>());
    StateValue after = found.cpus().get(0).structs().get("events");
    assertEquals(1, after.get("interrupt.injected"));
    assertEquals(0x41, after.get("interrupt.nr"));
  }

  @Test
  void bytesInTheReceiversFifoAreSaidToHaveNoPlaceInAStreamWithoutThem() throws IOException {
    Path stream = Ticker.stream("tcg", directory);
    MachineValues original = Ticker.values(stream);
    StateValue serial = original.devices().get("serial").copy();
    serial.set("receive_count", 2).set("lsr", 0x61);
    List<String> missing = new ArrayList<>();
    MachineValues found = through(stream, with(original, "serial", serial), missing);
    assertEquals(1, missing.size());
    assertTrue(missing.get(0).contains("recv_fifo: 2 bytes"), missing.get(0));
    assertEquals(0x60, found.devices().get("serial").get("lsr"), "and none are promised");
    assertNotEquals(0, original.devices().get("serial").get("fcr"));
  }
}
