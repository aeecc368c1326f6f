package dev.vmstate.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MsrTableTest {
  @Test
  void everyNameAndEveryNumberStandsForOneRegister() {
    Set<Long> numbers = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (MsrTable.Msr msr : MsrTable.ALL) {
      assertTrue(numbers.add(msr.number()), msr.toString());
      assertTrue(names.add(msr.name()), msr.toString());
    }
  }

  /** Numbers as the SDM and asm/kvm_para.h have them. */
  @Test
  void rangesCountUpInNumberNameAndField() {
    assertEquals(0xc0000082L, MsrTable.number("msr.IA32_LSTAR"));
    assertEquals(0x20fL, MsrTable.number("msr.IA32_MTRR_PHYSMASK7"));
    assertEquals(0x427L, MsrTable.number("msr.IA32_MC9_MISC"));
    assertEquals("IA32_MC2_ADDR", MsrTable.name(0x40a).orElseThrow());
    assertEquals("HV_X64_MSR_STIMER3_COUNT", MsrTable.name(0x400000b7L).orElseThrow());
    assertEquals("MSR_KVM_STEAL_TIME", MsrTable.name(0x4b564d03L).orElseThrow());
    assertTrue(
        MsrTable.ALL.contains(new MsrTable.Msr(0x40a, "IA32_MC2_ADDR", "env.mce_banks[10]")));
    assertThrows(IllegalArgumentException.class, () -> MsrTable.number("msr.IA32_NOTHING"));
  }

  @Test
  void bitsAreNamedAsTheManualsNameThem() {
    assertEquals(List.of("PE", "MP", "ET", "PG"), BitNames.set("cr0", 0x80000013L));
    assertEquals(List.of("PF", "ZF", "IF"), BitNames.set("rflags", 0x246));
    assertEquals(List.of("IOPL=3", "VM"), BitNames.set("rflags", 0x23000));
    assertEquals(
        List.of("VECTOR=236", "MASKED", "TSC_DEADLINE"), BitNames.set("apic.lvt_timer", 0x500ec));
    assertEquals(
        List.of("A", "RW", "CODE", "S", "P", "L", "G"), BitNames.set("cs.flags", 0xa09b00));
    assertEquals(List.of(), BitNames.set("rax", -1));
  }
}
