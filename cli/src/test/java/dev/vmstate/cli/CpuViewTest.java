package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.fixtures.RequiredTool;
import dev.vmstate.qemu.LoadAndSave;
import dev.vmstate.qemu.QemuCommand;
import dev.vmstate.qemu.QemuProcess;
import dev.vmstate.snapshot.StreamSnapshot;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Registers and their edits with QEMU as the judge: what its monitor shows of an edited snapshot is
 * what {@code cpus} prints, and what it saves again is what was asked for.
 */
@Tag("qemu")
class CpuViewTest {
  @TempDir Path dir;

  private static QemuCommand machine(String accelerator, String cpu) {
    RequiredTool.require("qemu-system-x86_64", "qemu-system-x86");
    return new QemuCommand(
        List.of(
            "qemu-system-x86_64",
            "-machine",
            "pc,accel=" + accelerator,
            "-nodefaults",
            "-m",
            "8",
            "-cpu",
            cpu));
  }

  /** Where the registers are, how many bits of one may be anything, and what is added. */
  private static Map<String, BigInteger> randomEdits(Random random) {
    Map<String, BigInteger> edits = new TreeMap<>();
    for (int i = 0; i < 8; i++) {
      edits.put("cpu[0]/st" + i, new BigInteger(79, random).setBit(63));
      edits.put("cpu[0]/dr" + (i & 3), new BigInteger(64, random));
    }
    for (int i = 0; i < 16; i++) {
      edits.put("cpu[0]/ymm" + i, new BigInteger(256, random));
    }
    for (String name : List.of("rax", "rbx", "rsi", "r8", "r15", "rip", "cr2", "fs.base")) {
      edits.put("cpu[0]/" + name, new BigInteger(64, random));
    }
    for (String msr :
        List.of(
            "msr.IA32_LSTAR",
            "msr[0xc0000083]",
            "msr.IA32_SYSENTER_EIP",
            "msr.IA32_TSC_AUX",
            "msr.IA32_MTRR_PHYSBASE3",
            "msr.IA32_MTRR_FIX4K_D0000",
            "msr.IA32_MC2_ADDR",
            "msr.MSR_KVM_WALL_CLOCK_NEW")) {
      edits.put("cpu[0]/" + msr, new BigInteger(64, random));
    }
    edits.put("cpu[0]/xcr0", BigInteger.valueOf(7));
    edits.put("cpu[0]/ftag", new BigInteger(8, random));
    edits.put("cpu[0]/cr8", new BigInteger(4, random));
    edits.put("cpu[0]/apic.lvt_lint0", new BigInteger(8, random).setBit(16));
    edits.put("cpu[0]/apic.icr", new BigInteger(8, random).setBit(14).setBit(40));
    edits.put("cpu[0]/apic.tmr", new BigInteger(256, random));
    edits.put("cpu[0]/sipi_vector", new BigInteger(8, random));
    edits.put("cpu[0]/exception_nr", BigInteger.valueOf(random.nextInt(20)));
    return edits;
  }

  @Test
  void editsOfAnyRegisterAreWhatQemuShowsAndSaves() throws Exception {
    QemuCommand command = machine("tcg", "max");
    Path fresh = dir.resolve("fresh.mig");
    try (QemuProcess qemu = QemuProcess.startFresh(command)) {
      new LoadAndSave(qemu, Progress.NONE).save(fresh);
    }
    long seed = Long.getLong("vmstate.seed", System.nanoTime());
    Map<String, BigInteger> edits = randomEdits(new Random(seed));
    edited(command, fresh, edits, "-Dvmstate.seed=" + seed);
  }

  /** KVM has ideas of its own about most registers of a CPU at reset: few are edited. */
  @Test
  void aSnapshotOfKvmIsReadAndEditedLikeAnyOther() throws Exception {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "no /dev/kvm");
    QemuCommand command = machine("kvm", "qemu64");
    Path fresh = dir.resolve("kvm.mig");
    try (QemuProcess qemu = QemuProcess.startFresh(command)) {
      new LoadAndSave(qemu, Progress.NONE).save(fresh);
    }
    assertTrue(Cli.ok("get", fresh, "cpu[0]/env.tsc_khz").contains("="));
    Map<String, BigInteger> edits = new TreeMap<>();
    edits.put("cpu[0]/rbx", BigInteger.valueOf(0x1234));
    edits.put("cpu[0]/cr2", BigInteger.valueOf(0x5678));
    edits.put("cpu[0]/dr1", BigInteger.valueOf(0x9000));
    edits.put("cpu[0]/msr.IA32_LSTAR", BigInteger.valueOf(0x42));
    edits.put("cpu[0]/cr8", BigInteger.valueOf(3));
    edited(command, fresh, edits, "kvm");
  }

  /**
   * KVM computes hflags from the registers and saves what it has computed. So a snapshot whose
   * hflags were made wrong on purpose says what they have to be.
   */
  @Test
  void hiddenFlagsAreThoseThatKvmComputes() throws Exception {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "no /dev/kvm");
    QemuCommand command = machine("kvm", "qemu64");
    Path fresh = dir.resolve("kvm.mig");
    try (QemuProcess qemu = QemuProcess.startFresh(command)) {
      new LoadAndSave(qemu, Progress.NONE).save(fresh);
    }
    for (List<String> edits :
        List.of(
            List.of("cpu[0]/cr0=PE|EM|TS|ET", "cpu[0]/cs.flags=0xcf9b00"),
            List.of("cpu[0]/cr0=PE|ET", "cpu[0]/ss.flags=0xcff300", "cpu[0]/cs.flags=0xcffb00"),
            List.of("cpu[0]/cr0=+MP", "cpu[0]/cr4=+OSFXSR", "cpu[0]/ds.base=0x1000"))) {
      Path ours = dir.resolve("ours.mig");
      Path wrong = dir.resolve("wrong.mig");
      Path computed = dir.resolve("computed.mig");
      List<Object> set = new ArrayList<>(List.of("set", fresh));
      set.addAll(edits);
      List<Object> setWrong = new ArrayList<>(set);
      set.addAll(List.of("-o", ours));
      setWrong.addAll(List.of("cpu[0]/hflags=0x8", "-o", wrong));
      Cli.ok(set.toArray());
      Cli.ok(setWrong.toArray());
      try (StreamSnapshot snapshot = StreamSnapshot.open(wrong);
          QemuProcess qemu = QemuProcess.startIncoming(command)) {
        LoadAndSave loaded = new LoadAndSave(qemu, Progress.NONE);
        loaded.load(snapshot);
        loaded.save(computed);
      }
      // INHIBIT_IRQ, which the wrong ones have, is no copy of anything and stays.
      long said = Long.decode(value(computed, "cpu[0]/hflags")) & ~8;
      assertEquals(said, Long.decode(value(ours, "cpu[0]/hflags")), edits.toString());
      Files.delete(ours);
      Files.delete(wrong);
    }
  }

  private static String value(Path snapshot, String path) {
    String line = Cli.ok("get", snapshot, path).strip().split(" \\[")[0];
    return line.substring(line.indexOf('=') + 1);
  }

  private void edited(QemuCommand command, Path fresh, Map<String, BigInteger> edits, String which)
      throws Exception {
    Path edited = dir.resolve("edited.mig");
    List<Object> words = new ArrayList<>(List.of("set", fresh, "-o", edited));
    edits.forEach((path, value) -> words.add(path + "=0x" + value.toString(16)));
    Cli.ok(words.toArray());
    Path again = dir.resolve("again.mig");
    String shown;
    try (StreamSnapshot snapshot = StreamSnapshot.open(edited);
        QemuProcess qemu = QemuProcess.startIncoming(command)) {
      LoadAndSave loaded = new LoadAndSave(qemu, Progress.NONE);
      loaded.load(snapshot);
      shown = qemu.qmp().human("info registers -a") + "\n" + qemu.qmp().human("info lapic");
      loaded.save(again);
    }
    assertShown(shown, Cli.ok("cpus", "--all", edited), which);
    for (Map.Entry<String, BigInteger> edit : edits.entrySet()) {
      String path = edit.getKey();
      String value = Cli.ok("get", again, path).strip().split(" \\[")[0];
      BigInteger now =
          value.contains("=0x")
              ? new BigInteger(value.substring(value.indexOf("=0x") + 3), 16)
              : new BigInteger(value.substring(value.indexOf('=') + 1));
      assertEquals(edit.getValue(), now, path + ", " + which);
    }
  }

  /** Each of QEMU's lines is one of ours, which may say more at its end. */
  private static void assertShown(String qemus, String ours, String which) {
    List<String> lines = ours.lines().map(CpuViewTest::normal).toList();
    int compared = 0;
    for (String line : qemus.lines().map(CpuViewTest::normal).toList()) {
      if (line.isEmpty() || line.startsWith("CPU#") || line.startsWith("dumping")) {
        continue;
      }
      // ICR2 and the cluster of LDR say more in QEMU.
      boolean shorter = line.startsWith("ICR2") || line.startsWith("APR");
      assertTrue(
          lines.stream()
              .anyMatch(l -> !l.isEmpty() && (l.startsWith(line) || shorter && line.startsWith(l))),
          () -> "'%s' is not in\n%s\n%s".formatted(line, ours, which));
      compared++;
    }
    assertTrue(compared > 35, qemus);
  }

  private static String normal(String line) {
    return line.strip().replaceAll("\\s+", " ");
  }
}
