package dev.vmstate.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Patch;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.fixtures.KvmDirectoryBuilder;
import dev.vmstate.kvmstate.StateDocument;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The state is a real one: fixtures' {@code kvm/README.md} says what the machine had done. */
class KvmCpusTest {
  private static List<X86Cpu> cpus(String text) throws IOException {
    return KvmCpus.of(document(text).sections());
  }

  private static StateDocument document(String text) throws IOException {
    return StateDocument.parse("state.json", text.getBytes(StandardCharsets.US_ASCII));
  }

  private static String real() {
    return new KvmDirectoryBuilder().state();
  }

  private static String hex(X86Cpu cpu, String register) {
    return cpu.find(register).orElseThrow(() -> new AssertionError(register)).text();
  }

  @Test
  void registersHaveTheNamesThatThoseOfAStreamHave() throws IOException {
    List<X86Cpu> cpus = cpus(real());
    assertEquals(2, cpus.size());
    X86Cpu cpu = cpus.get(0);
    Map<String, String> known =
        Map.ofEntries(
            Map.entry("rax", "0xd0000"),
            Map.entry("rbx", "0x3333333344444444"),
            Map.entry("rcx", "0xbadcafe"),
            Map.entry("rdx", "0xdeadbeefcafef00d"),
            Map.entry("rsi", "0x5151515151515151"),
            Map.entry("rsp", "0x8fff8"),
            Map.entry("r15", "0xffff"),
            Map.entry("rip", "0x8099"),
            Map.entry("rflags", "0x202"),
            Map.entry("cs.selector", "0x33"),
            Map.entry("cs.limit", "0xffffffff"),
            Map.entry("cs.flags", "0xa0fb00"),
            Map.entry("ds.flags", "0xc0f300"),
            Map.entry("tr.flags", "0x8b00"),
            Map.entry("fs.base", "0x7f0000001000"),
            Map.entry("gdt.base", "0x6000"),
            Map.entry("idt.limit", "0xfff"),
            Map.entry("cr0", "0x80050033"),
            Map.entry("cr2", "0xc2c2000"),
            Map.entry("cr3", "0x1000"),
            Map.entry("efer", "0xd01"),
            Map.entry("star", "0x23001000000000"),
            Map.entry("lstar", "0xffffffff81234560"),
            Map.entry("fmask", "0x47700"),
            Map.entry("kernel_gs_base", "0xffff888000000000"),
            Map.entry("sysenter_eip", "0xbeef"),
            Map.entry("dr3", "0x4000"),
            Map.entry("dr7", "0x401"),
            Map.entry("xcr0", "0x1"),
            Map.entry("msr.IA32_LSTAR", "0xffffffff81234560"),
            Map.entry("msr[0xC0000082]", "0xffffffff81234560"),
            Map.entry("msr[0x0000010a]", "0x400000000d08e0eb"),
            Map.entry("msr.IA32_EFER", "0xd01"),
            Map.entry("msr.IA32_APIC_BASE", "0xfee00900"),
            Map.entry("cr8", "0x0"),
            Map.entry("halted", "0x0"),
            Map.entry("apic.svr", "0xff"),
            Map.entry("apic.lvt_lint0", "0x700"),
            Map.entry("apic.isr", "0x0"));
    known.forEach((name, value) -> assertEquals(value, hex(cpu, name), name));
    assertEquals(CpuMode.LONG64, cpu.mode());
    assertEquals(CpuMode.REAL16, cpus.get(1).mode());
    assertEquals("0xffff0000", hex(cpus.get(1), "cs.base"));
    assertEquals("0x1", hex(cpus.get(1), "apic.id"));
    assertEquals("0x1", hex(cpus.get(1), "mp_state"));
  }

  /** The program ran FLDPI and FLD1, and put the halves of ymm3 together. */
  @Test
  void vectorsComeOutOfTheXsaveArea() throws IOException {
    X86Cpu cpu = cpus(real()).get(0);
    assertEquals("0x3fff8000000000000000", hex(cpu, "st0"));
    assertEquals("0x4000c90fdaa22168c235", hex(cpu, "st1"));
    assertEquals("0xc90fdaa22168c235", hex(cpu, "mm7"), "R7 was pushed first");
    assertEquals("0xc0", hex(cpu, "ftag"));
    assertEquals("0x33333333444444441111111122222222", hex(cpu, "xmm0"));
    assertEquals(
        "0x3333333344444444111111112222222233333333444444441111111122222222", hex(cpu, "ymm3"));
    assertTrue(cpu.find("zmm3").isEmpty(), "neither enabled nor in use");
    byte[] image = XsaveArea.of(cpu).orElseThrow();
    assertEquals(2696, image.length, "AVX and the protection keys are in use");
    assertArrayEquals(
        new byte[] {0x22, 0x22, 0x22, 0x22, 0x11, 0x11, 0x11, 0x11},
        Arrays.copyOfRange(image, 576 + 3 * 16, 576 + 3 * 16 + 8));
  }

  @Test
  void componentsAreWhereCpuidSaysTheyAre() throws IOException {
    String marked = real().replace("\"0x0000000000000207\"", "\"0x0000000000000227\"");
    int at = marked.indexOf("\"extended\": \"") + 13;
    assertEquals("0x0", hex(cpus(marked).get(0), "k0"), "Intel's place");
    String amd =
        marked.substring(0, at + 2 * (832 - 576)) + "5a" + marked.substring(at + 2 * (833 - 576));
    int first = amd.indexOf("\"cpuid\": [") + 10;
    amd =
        amd.substring(0, first)
            + "{\"function\": \"0x0000000d\", \"index\": \"0x00000005\", \"flags\": \"0x00000001\","
            + " \"eax\": \"0x00000040\", \"ebx\": \"0x00000340\", \"ecx\": \"0x00000000\","
            + " \"edx\": \"0x00000000\"}, "
            + amd.substring(first);
    assertEquals("0x5a", hex(cpus(amd).get(0), "k0"));
  }

  /** Every register, set to something else, is read as that, and nothing else changes. */
  @Test
  void everyRegisterCanBeSetAndChangesOnlyWhatItIsMadeOf() throws IOException {
    String text = real();
    StateDocument document = document(text);
    X86Cpu cpu = KvmCpus.of(document.sections()).get(0);
    List<Register> all = new ArrayList<>(cpu.registers());
    all.addAll(cpu.views());
    int editable = 0;
    for (Register register : all) {
      if (!register.editable()) {
        assertEquals("halted", register.name());
        continue;
      }
      editable++;
      BigInteger all1 = BigInteger.ONE.shiftLeft(register.bits()).subtract(BigInteger.ONE);
      BigInteger mask = BigInteger.ZERO;
      for (RegisterPart part : register.parts()) {
        BigInteger ones = BigInteger.ONE.shiftLeft(part.bits()).subtract(BigInteger.ONE);
        mask = mask.or(ones.shiftLeft(part.at()));
      }
      BigInteger value = register.whole().xor(mask).and(all1);
      byte[] changed = text.getBytes(StandardCharsets.US_ASCII);
      int digits = 0;
      for (FieldEdit edit : register.set(value, "test")) {
        for (Patch patch : document.inText(edit.patch())) {
          patch.with().get(changed, (int) patch.where().offset(), patch.with().remaining());
          digits += (int) patch.where().length();
        }
      }
      String again = new String(changed, StandardCharsets.US_ASCII);
      assertTrue(digits >= register.parts().size() * 2, register.name());
      X86Cpu after = cpus(again).get(0);
      if (!List.of("xstate_bv", "fstat", "apic.base", "msr.IA32_APIC_BASE")
          .contains(register.name())) {
        assertEquals(value, after.find(register.name()).orElseThrow().whole(), register.name());
      }
    }
    assertTrue(editable > 200, editable + " registers");
  }

  @Test
  void olderHostsHaveSregsAndFpu() throws IOException {
    String text =
        """
        {"id": "vmstate-kvm", "version": 1, "snapshots": {
          "memory-manager": {"memory_ranges": []}, "device-manager": {},
          "cpu-manager": {"3": {
            "regs": {"rip": "0x0000000000001234", "rflags": "0x0000000000000002"},
            "sregs": {"cs": {"base": "0x0000000000010000", "limit": "0x0000ffff",
              "selector": "0x1000", "type": "0x0b", "present": "0x01", "dpl": "0x00", "db": "0x00",
              "s": "0x01", "l": "0x00", "g": "0x00", "avl": "0x00", "unusable": "0x00"},
              "cr0": "0x0000000060000010", "cr8": "0x0000000000000005",
              "efer": "0x0000000000000000"},
            "fpu": {"fpr": ["010203040506070809aa000000000000", "11000000000000000000000000000000"],
              "fcw": "0x037f", "fsw": "0x0000", "ftwx": "0x80", "mxcsr": "0x00001f80",
              "xmm": ["0102030405060708090a0b0c0d0e0f10"]},
            "mp_state": "0x00000003"}}}}
        """;
    X86Cpu cpu = cpus(text).get(0);
    assertEquals(3, cpu.index());
    assertEquals("0x9b00", hex(cpu, "cs.flags"));
    assertEquals("0x5", hex(cpu, "cr8"));
    assertEquals("0xaa090807060504030201", hex(cpu, "st0"));
    assertEquals("0x11", hex(cpu, "mm1"));
    assertEquals("0x100f0e0d0c0b0a090807060504030201", hex(cpu, "xmm0"));
    assertEquals("0x1f80", hex(cpu, "mxcsr"));
    assertEquals("0x1", hex(cpu, "halted"));
    assertFalse(cpu.find("ymm0").isPresent());
    assertFalse(cpu.find("apic.id").isPresent());
  }
}
