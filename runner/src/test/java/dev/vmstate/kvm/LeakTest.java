package dev.vmstate.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeakTest {
  private static final int CYCLES = 1000;
  private static final int PAGE = 4096;

  @TempDir Path dir;

  /** Of this process, and of what is opened here; the JVM opens others as it likes. */
  private List<String> descriptors() throws IOException {
    List<String> open = new ArrayList<>();
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      for (Path fd : all.toList()) {
        try {
          String target = Files.readSymbolicLink(fd).toString();
          if (target.contains("kvm") || target.startsWith(dir.toString())) {
            open.add(target);
          }
        } catch (IOException e) {
          // The descriptor of the listing itself.
          assertTrue(e.getMessage().contains("/proc/self/fd"), e.getMessage());
        }
      }
    }
    return open;
  }

  private static int allDescriptors() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      return (int) all.count();
    }
  }

  private static List<String> mappings() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps"));
  }

  private void cycle(Kvm kvm, Path file, int number) throws IOException {
    boolean irqchip = number % 10 == 0;
    try (TinyGuest guest = new TinyGuest(kvm, "e6 80 f4", irqchip);
        Mapping shared = Mapping.shared(file, 2 * PAGE);
        Mapping copy = Mapping.copyOnWrite(file, 0, 2 * PAGE)) {
      assertTrue(guest.vcpu.run());
      // And what fails leaves nothing behind either.
      assertThrows(KvmException.class, () -> guest.vm.createVcpu(0));
      assertThrows(KvmException.class, () -> guest.vm.setUserMemory(5, 0, 0, PAGE, copy, 0));
      assertThrows(IOException.class, () -> Mapping.copyOnWrite(file, 0, 4 * PAGE));
      VcpuState.save(kvm, guest.vcpu, irqchip).restore(kvm, guest.vcpu);
      shared.write(0, copyOf(copy));
    }
  }

  private static byte[] copyOf(Mapping memory) throws IOException {
    byte[] page = new byte[PAGE];
    memory.read(0, page);
    return page;
  }

  @Test
  void aThousandMachinesLeaveNoDescriptorAndNoMapping() throws IOException {
    Path file = dir.resolve("memory");
    try (Kvm kvm = KvmHost.open()) {
      for (int i = 0; i < 20; i++) {
        cycle(kvm, file, i);
      }
      List<String> before = descriptors();
      assertEquals(List.of("/dev/kvm"), before);
      int descriptors = allDescriptors();
      int mappings = mappings().size();
      for (int i = 0; i < CYCLES; i++) {
        cycle(kvm, file, i);
      }
      assertEquals(before, descriptors());
      int more = allDescriptors() - descriptors;
      assertTrue(more < 20, more + " descriptors more");
      List<String> after = mappings();
      assertEquals(
          List.of(),
          after.stream().filter(m -> m.contains("kvm") || m.contains(dir.toString())).toList());
      // The JVM's own come and go, some dozens; one a machine would be a thousand.
      assertTrue(after.size() - mappings < 100, mappings + " before, " + after.size() + " after");
    }
    assertEquals(List.of(), descriptors());
  }

  @Test
  void whatIsClosedIsNotUsedAndIsClosedOnce() throws IOException {
    Kvm kvm = KvmHost.open();
    TinyGuest guest = new TinyGuest(kvm, "f4");
    kvm.close();
    kvm.close();
    assertThrows(IllegalStateException.class, kvm::createVm);
    // A machine does not need the device any more.
    assertTrue(guest.vcpu.run());
    guest.close();
    guest.close();
    assertThrows(IllegalStateException.class, guest.vcpu::run);
    assertThrows(IllegalStateException.class, guest.vcpu::regs);
    assertThrows(IllegalStateException.class, guest.vcpu.exit()::exitReason);
    assertThrows(IllegalStateException.class, guest.vcpu::kick);
    assertThrows(IllegalStateException.class, guest.vm::clock);
    assertEquals(List.of(), descriptors());
  }
}
