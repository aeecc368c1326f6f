package dev.vmstate.core.kdump;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.Cpus;
import dev.vmstate.core.LinuxGuest;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.kdump.Utsname;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KernelNameTest {
  private static final long PHYSICAL = 0x60_0000;
  private static final int NAMESPACE = 0x30_0000;
  private static final int FIELD = 65;

  private final ArrayMemory ram = ArrayMemory.at(0, 0xa0000, 0x10_0000, 31 << 20);
  private final LinuxGuest guest =
      new LinuxGuest(ram, false, PHYSICAL, 0).banner(LinuxGuest.RELEASE);

  private Utsname name(String more) throws Exception {
    LinuxKernel kernel = LinuxKernel.find(ram, List.of(Cpus.long4(0, guest.root()))).orElseThrow();
    String text =
        guest.vmcoreinfo(LinuxGuest.RELEASE)
            + "SYMBOL(init_uts_ns)=%x\n".formatted(guest.start() + NAMESPACE)
            + more;
    return KernelName.of(
        Optional.of(kernel), Vmcoreinfo.of(text.getBytes(StandardCharsets.US_ASCII)));
  }

  private void put(int offset) {
    String[] fields = {"Linux", "node", LinuxGuest.RELEASE, "#1 SMP", "x86_64", "(none)"};
    for (int i = 0; i < fields.length; i++) {
      ram.bytes(
          PHYSICAL + NAMESPACE + offset + (long) FIELD * i,
          fields[i].getBytes(StandardCharsets.US_ASCII));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4})
  void theNameIsFoundWhereTheKernelDoesNotSay(int offset) throws Exception {
    put(offset);
    assertEquals(
        new Utsname("Linux", "node", LinuxGuest.RELEASE, "#1 SMP", "x86_64", "(none)"), name(""));
  }

  @Test
  void whereTheKernelSaysItIsThere() throws Exception {
    put(8);
    assertEquals("#1 SMP", name("OFFSET(uts_namespace.name)=8\n").version());
  }

  @Test
  void withoutItThereIsTheReleaseOfTheBanner() throws Exception {
    assertEquals(new Utsname("Linux", "", LinuxGuest.RELEASE, "", "x86_64", ""), name(""));
  }
}
