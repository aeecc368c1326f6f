package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.X86Registers;
import dev.vmstate.fixtures.DeviceFields;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Sections that nothing describes, against the same sections with a description. */
class BuiltInLayoutTest {
  private static final int START = 3;

  private static Optional<Field.Group> builtIn(String idstr, long version, byte[] payload)
      throws IOException {
    byte[] bytes = new byte[START + payload.length + 2];
    System.arraycopy(payload, 0, bytes, START, payload.length);
    ByteSource source = ByteSource.of("a.mig", bytes);
    Span span = new Span(START, payload.length);
    Optional<VmDescription.Struct> layout = BuiltInLayout.of(source, span, idstr, version);
    return layout.isPresent()
        ? Optional.of(SectionDecoder.decode(source, span, idstr, layout.get()))
        : Optional.empty();
  }

  /**
   * vmstate_x86_cpu's fields as QEMU 5.2 to 11.1 describe them, with values that tell them apart.
   */
  private static Consumer<DeviceFields> cpu(boolean wide, Consumer<DeviceFields> subsections) {
    SplittableRandom random = new SplittableRandom(wide ? 1 : 2);
    String type = wide ? "uint64" : "uint32";
    int registers = wide ? 16 : 8;
    return cpu -> {
      cpu.array("env.regs", type, random.longs(registers).map(v -> narrow(v, wide)).toArray());
      target(cpu, wide, random, "env.eip", "env.eflags");
      cpu.u32("env.hflags", random.nextInt());
      for (String name :
          List.of("fpuc", "fpus_vmstate", "fptag_vmstate", "fpregs_format_vmstate")) {
        cpu.u16("env." + name, random.nextInt(0x10000));
      }
      cpu.structs(
          "env.fpregs",
          "fpreg",
          0,
          8,
          (reg, i) -> reg.u64("mant", random.nextLong()).u16("exp", random.nextInt(0x10000)));
      cpu.structs("env.segs", "segment", 1, 6, (s, i) -> segment(s, wide, random));
      for (String name : List.of("ldt", "tr", "gdt", "idt")) {
        cpu.struct("env." + name, "segment", 1, s -> segment(s, wide, random));
      }
      cpu.u32("env.sysenter_cs", random.nextInt());
      target(cpu, wide, random, "env.sysenter_esp", "env.sysenter_eip");
      target(cpu, wide, random, "env.cr[0]", "env.cr[2]", "env.cr[3]", "env.cr[4]");
      cpu.array("env.dr", type, random.longs(8).map(v -> narrow(v, wide)).toArray());
      cpu.i32("env.a20_mask", -1).u32("env.mxcsr", 0x1f80);
      cpu.structs(
          "env.xmm_regs[0]",
          "xmm_reg",
          1,
          registers,
          (x, i) -> x.u64("_q_ZMMReg[0]", i).u64("_q_ZMMReg[1]", random.nextLong()));
      if (wide) {
        for (String name : List.of("efer", "star", "lstar", "cstar", "fmask", "kernelgsbase")) {
          cpu.u64("env." + name, random.nextLong());
        }
      }
      cpu.u32("env.smbase", 0x30000).u64("env.pat", random.nextLong()).u32("env.hflags2", 1);
      for (String name : List.of("vm_hsave", "vm_vmcb", "tsc_offset", "intercept")) {
        cpu.u64("env." + name, random.nextLong());
      }
      for (String name : List.of("cr_read", "cr_write", "dr_read", "dr_write")) {
        cpu.u16("env.intercept_" + name, random.nextInt(0x10000));
      }
      cpu.u32("env.intercept_exceptions", random.nextInt()).u8("env.v_tpr", 5);
      cpu.array("env.mtrr_fixed", "uint64", random.longs(11).toArray());
      cpu.u64("env.mtrr_deftype", 0xc06);
      cpu.structs(
          "env.mtrr_var",
          "mtrr_var",
          1,
          8,
          (m, i) -> m.u64("base", random.nextLong()).u64("mask", i));
      cpu.i32("env.interrupt_injected", -1).u32("env.mp_state", 0);
      cpu.u64("env.tsc", random.nextLong()).i32("env.exception_nr", -1);
      for (String name : List.of("soft_interrupt", "nmi_injected", "nmi_pending")) {
        cpu.u8("env." + name, random.nextInt(256));
      }
      cpu.u8("env.has_error_code", 1).u32("env.sipi_vector", 7);
      for (String name : List.of("mcg_cap", "mcg_status", "mcg_ctl")) {
        cpu.u64("env." + name, random.nextLong());
      }
      cpu.array("env.mce_banks", "uint64", random.longs(40).toArray());
      for (String name : List.of("tsc_aux", "system_time_msr", "wall_clock_msr")) {
        cpu.u64("env." + name, random.nextLong());
      }
      cpu.u64("env.xcr0", 7).u64("env.xstate_bv", 3);
      cpu.structs(
          "env.xmm_regs[1]",
          "ymmh_reg",
          1,
          registers,
          (y, i) -> y.u64("_q_ZMMReg[2]", i).u64("_q_ZMMReg[3]", random.nextLong()));
      subsections.accept(cpu);
    };
  }

  private static long narrow(long value, boolean wide) {
    return wide ? value : value & 0xffff_ffffL;
  }

  private static void target(
      DeviceFields cpu, boolean wide, SplittableRandom random, String... names) {
    for (String name : names) {
      long value = random.nextLong();
      if (wide) {
        cpu.u64(name, value);
      } else {
        cpu.u32(name, value & 0xffff_ffffL);
      }
    }
  }

  private static void segment(DeviceFields segment, boolean wide, SplittableRandom random) {
    segment.u32("selector", random.nextInt(0x10000));
    target(segment, wide, random, "base");
    segment.u32("limit", random.nextInt()).u32("flags", random.nextInt());
  }

  /** What decides how a field is read and edited. */
  private static List<String> shape(Field.Group group, long start) {
    List<String> lines = new ArrayList<>();
    for (Field field : group.children()) {
      String place = "%s+0x%x".formatted(field.span().offset() - start, field.span().length());
      if (field instanceof Field.Group nested) {
        lines.add("%s %s %s".formatted(field.label(), nested.kind(), place));
        shape(nested, start).forEach(line -> lines.add(field.label() + "/" + line));
      } else if (field instanceof Field.Scalar scalar) {
        lines.add(
            "%s %s %s %x".formatted(field.label(), scalar.type().name(), place, scalar.value()));
      } else if (field instanceof Field.Array array) {
        lines.add(
            "%s %s*%d %s".formatted(field.label(), array.type().name(), array.count(), place));
      } else {
        lines.add("%s raw %s".formatted(field.label(), place));
      }
    }
    return lines;
  }

  private static void sameAsDescribed(boolean wide, Consumer<DeviceFields> subsections)
      throws IOException {
    DeviceFields fields = DeviceFields.of(cpu(wide, subsections));
    DeviceSection described =
        DeviceSections.decoded("cpu", 0, fields.bytes(), fields.json("cpu", 12));
    Field.Group built = builtIn("cpu", 12, fields.bytes()).orElseThrow();
    assertEquals(shape(described.root(), DeviceSections.START), shape(built, START));
  }

  @Test
  void aCpuReadsAsIfItWereDescribed() throws Exception {
    assertEquals(1817, DeviceFields.of(cpu(true, none -> {})).bytes().length); // QEMU 5.2 to 11.1
    for (boolean wide : new boolean[] {true, false}) {
      sameAsDescribed(wide, none -> {});
      sameAsDescribed(
          wide,
          cpu ->
              cpu.subsection("cpu/poll_control_msr", 1, s -> s.u64("env.poll_control_msr", 0))
                  .subsection(
                      "cpu/fpop_ip_dp",
                      1,
                      s -> s.u16("env.fpop", 1).u64("env.fpip", 2).u64("env.fpdp", 3))
                  .subsection(
                      "cpu/intel_sgx",
                      1,
                      s -> s.array("env.msr_ia32_sgxlepubkeyhash", "uint64", 1, 2, 3, 4))
                  .subsection("cpu/triple_fault", 1, s -> s.u8("env.triple_fault_pending", 1)));
    }
  }

  /** Written from target/i386/machine.c: what a guest has that uses it all. */
  private static void wideState(DeviceFields cpu) {
    cpu.subsection(
            "cpu/msr_architectural_pmu",
            1,
            s ->
                s.u64("env.msr_fixed_ctr_ctrl", 1)
                    .u64("env.msr_global_ctrl", 2)
                    .u64("env.msr_global_status", 3)
                    .u64("env.msr_global_ovf_ctrl", 4)
                    .array("env.msr_fixed_counters", "uint64", 5, 6, 7)
                    .array("env.msr_gp_counters", "uint64", new long[18])
                    .array("env.msr_gp_evtsel", "uint64", new long[18]))
        .subsection(
            "cpu/mpx",
            1,
            s ->
                s.structs("env.bnd_regs", "bnd_regs", 1, 4, (b, i) -> b.u64("lb", i).u64("ub", 9))
                    .u64("env.bndcs_regs.cfgu", 1)
                    .u64("env.bndcs_regs.sts", 2)
                    .u64("env.msr_bndcfgs", 3))
        .subsection(
            "cpu/avx512",
            1,
            s ->
                s.array("env.opmask_regs", "uint64", 1, 2, 3, 4, 5, 6, 7, 8)
                    .structs("env.xmm_regs[0]", "zmmh_reg", 1, 16, (z, i) -> words(z, 4, 8, i))
                    .structs("env.xmm_regs[1]", "hi16_zmm_reg", 1, 16, (z, i) -> words(z, 0, 8, i)))
        .subsection(
            "cpu/intel_amx_xtile",
            1,
            s ->
                s.array("env.xtilecfg", "uint8", new long[64])
                    .array("env.xtiledata", "uint8", new long[8192]))
        .subsection(
            "cpu/arch_lbr",
            1,
            s ->
                s.u64("env.msr_lbr_ctl", 1)
                    .u64("env.msr_lbr_depth", 32)
                    .structs(
                        "env.lbr_records",
                        "lbr_records_var",
                        1,
                        32,
                        (l, i) -> l.u64("from", i).u64("to", i + 1).u64("info", 3)));
  }

  private static void words(DeviceFields register, int from, int to, int i) {
    for (int word = from; word < to; word++) {
      register.u64("_q_ZMMReg[" + word + "]", 100L * i + word);
    }
  }

  @Test
  void theStateOfWideRegistersReadsAsIfItWereDescribed() throws Exception {
    sameAsDescribed(true, BuiltInLayoutTest::wideState);
  }

  @Test
  void viewsOfACpuNeedNoDescription() throws Exception {
    byte[] payload = DeviceFields.of(cpu(true, BuiltInLayoutTest::wideState)).bytes();
    ByteSource source = ByteSource.of("a.mig", payload);
    Span span = new Span(0, payload.length);
    Field.Group root =
        SectionDecoder.decode(
            source, span, "cpu", BuiltInLayout.of(source, span, "cpu", 12).orElseThrow());
    DeviceSection section =
        new DeviceSection("cpu", 0, 12, span, span, DeviceSection.Decoded.MODEL, "", root, source);
    X86Cpu cpu = X86Registers.of(section).orElseThrow();
    assertEquals(506, cpu.find("zmm5").orElseThrow().word(6));
    assertEquals(1003, cpu.find("zmm26").orElseThrow().word(3));
    assertEquals(1003, cpu.find("ymm26").orElseThrow().word(3));
    assertEquals(5, cpu.find("ymm5").orElseThrow().word(2)); // ymmh_reg's _q_ZMMReg[2]
    assertEquals(3, cpu.find("k2").orElseThrow().value());
    assertEquals(2, cpu.find("bnd2").orElseThrow().value());
    assertEquals(9, cpu.find("bnd2").orElseThrow().word(1));
    assertEquals(8, cpu.find("msr.IA32_LBR_7_TO_IP").orElseThrow().value());
    assertEquals(6, cpu.find("msr[0x30a]").orElseThrow().value());
    assertEquals(8192, cpu.find("tmm7").orElseThrow().bits());
  }

  @Test
  void anApicAndWhetherACpuIsHaltedNeedNoDescription() throws Exception {
    byte[] apic = new byte[181 + 23];
    ByteBuffer.wrap(apic).putInt(0, 0xfee00900).put(6, (byte) 0x50).putInt(109, 0x10030);
    byte[] name = "apic_sipi".getBytes(StandardCharsets.US_ASCII);
    ByteBuffer.wrap(apic, 181, 23).put((byte) 5).put((byte) 9).put(name).putInt(1).putInt(8);
    Field.Group root = builtIn("apic", 3, Arrays.copyOf(apic, 181)).orElseThrow();
    assertEquals(0x50, ((Field.Scalar) root.children().get(3)).value());
    Field.Array lvt = (Field.Array) root.children().get(10);
    assertEquals("lvt", lvt.name());
    assertEquals(START + 109, lvt.span().offset());
    Field.Group sipi = builtIn("apic", 3, apic).orElseThrow();
    assertEquals("apic_sipi", sipi.children().get(sipi.children().size() - 1).name());
    assertTrue(builtIn("apic", 2, apic).isEmpty());
    Field.Group common =
        builtIn("cpu_common", 1, new byte[] {0, 0, 0, 1, 0, 0, 0, 2}).orElseThrow();
    assertEquals(1, ((Field.Scalar) common.children().get(0)).value());
    assertTrue(builtIn("cpu_common", 1, new byte[7]).isEmpty());
  }

  /** A subsection of a later QEMU, or of a later version: known ones before it are read. */
  @Test
  void whatIsNotKnownIsKeptAsBytes() throws Exception {
    for (String unknown : List.of("cpu/new_feature", "cpu/pkru")) {
      byte[] payload =
          DeviceFields.of(
                  cpu(
                      true,
                      cpu ->
                          cpu.subsection("cpu/xss", 1, s -> s.u64("env.xss", 1))
                              .subsection(unknown, 2, s -> s.u64("a", 1).u16("b", 2))
                              .subsection("cpu/umwait", 1, s -> s.u32("env.umwait", 1))))
              .bytes();
      List<Field> children = builtIn("cpu", 12, payload).orElseThrow().children();
      Field.Group last = (Field.Group) children.get(children.size() - 1);
      assertEquals(unknown, last.name());
      Field.Raw rest = (Field.Raw) last.children().get(0);
      assertEquals(START + payload.length, rest.span().end());
      assertEquals("cpu/xss", children.get(children.size() - 2).name());
    }
  }

  @Test
  void whatIsNoCpuOfThatVersionIsNotTakenForOne() throws Exception {
    byte[] payload = DeviceFields.of(cpu(true, none -> {})).bytes();
    assertTrue(builtIn("cpu", 12, payload).isPresent());
    assertTrue(builtIn("cpu", 11, payload).isEmpty());
    assertTrue(builtIn("cpu_common", 12, payload).isEmpty());
    assertTrue(builtIn("cpu", 12, Arrays.copyOf(payload, payload.length - 1)).isEmpty());
    assertTrue(builtIn("cpu", 12, Arrays.copyOf(payload, payload.length + 1)).isEmpty());
    assertTrue(builtIn("cpu", 12, Arrays.copyOf(payload, 40)).isEmpty());
    assertTrue(builtIn("cpu", 12, new byte[0]).isEmpty());
    byte[] longer = Arrays.copyOf(payload, payload.length + 20);
    longer[payload.length] = 5;
    longer[payload.length + 1] = 4;
    System.arraycopy("gpu/".getBytes(StandardCharsets.US_ASCII), 0, longer, payload.length + 2, 4);
    assertTrue(builtIn("cpu", 12, longer).isEmpty());
  }

  @Test
  void cmosStandsAtTheFrontOfTheClock() throws Exception {
    Field.Group rtc = builtIn("mc146818rtc", 3, new byte[245]).orElseThrow();
    assertEquals("cmos_data", rtc.children().get(0).name());
    assertEquals(new Span(START, 128), rtc.children().get(0).span());
    assertTrue(builtIn("mc146818rtc", 3, new byte[127]).isEmpty());
    assertTrue(builtIn("mc146818rtc", 3, new byte[128]).isPresent());
  }

  private static byte[] pci(int version, int config, boolean express, int irq, int rest) {
    ByteBuffer bytes = ByteBuffer.allocate(4 + config + 16 + rest).putInt(version);
    if (express) {
      bytes.put(4 + 6, (byte) 0x10).put(4 + 0x34, (byte) 0x40).put(4 + 0x40, (byte) 0x10);
    }
    return bytes.putInt(4 + config + 4, irq).array();
  }

  private static long configBytes(byte[] payload) throws IOException {
    Optional<Field.Group> device = builtIn("0000:00:1f.2/ich9_ahci", 1, payload);
    return device.isPresent() ? device.get().children().get(1).span().length() : 0;
  }

  @Test
  void aPciDeviceBeginsWithItsConfigurationSpace() throws Exception {
    assertEquals(256, configBytes(pci(2, 256, false, 1, 100)));
    assertEquals(256, configBytes(pci(2, 256, false, 0, 0)));
    assertEquals(4096, configBytes(pci(2, 4096, true, 1, 7)));
    assertEquals(0, configBytes(pci(3, 256, false, 1, 100)));
    assertEquals(0, configBytes(pci(2, 256, false, 2, 100)));
    assertEquals(0, configBytes(new byte[100]));
    assertFalse(builtIn("pc.ram/x", 1, pci(2, 256, false, 1, 100)).isPresent());
  }
}
