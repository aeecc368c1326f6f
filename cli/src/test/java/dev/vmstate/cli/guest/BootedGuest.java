package dev.vmstate.cli.guest;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One Linux, booted once for all tests, stopped and saved. Whatever else is saved starts from that
 * snapshot, loaded into another QEMU of the same version: then one dump by QEMU is the truth about
 * all of them.
 *
 * @param home which QEMU and which machine
 * @param version of QEMU, as it says itself
 * @param disk its disk, never written to
 * @param stopped the snapshot
 * @param dump QEMU's own dump of the same moment
 * @param registers as QEMU's monitor shows them
 * @param facts what the guest found out about itself
 * @param last its last tick
 */
record BootedGuest(
    Home home,
    String version,
    Path disk,
    Path stopped,
    Path dump,
    Map<String, Long> registers,
    Map<String, String> facts,
    Tick last) {
  static final String MAC = "52:54:00:40:00:01";

  /** Memory of every guest. */
  static final long BYTES = 128L << 20;

  private static final Map<Home, BootedGuest> BOOTED = new HashMap<>();

  /**
   * Where a guest lives.
   *
   * @param qemu a version as the cache calls it, or {@link #HOST}
   * @param machine as {@code -M} takes it
   */
  record Home(String qemu, String machine) {
    static final String HOST = "host";

    private List<String> program() {
      return qemu.equals(HOST) ? GuestMachine.hostQemu() : GuestMachine.cachedQemu(qemu);
    }

    @Override
    public String toString() {
      return "QEMU " + qemu + (machine.equals("pc") ? "" : " " + machine);
    }
  }

  static synchronized BootedGuest at(Home home) throws Exception {
    BootedGuest booted = BOOTED.get(home);
    if (booted == null) {
      booted = boot(home, SharedFolder.of(home.toString()));
      BOOTED.put(home, booted);
    }
    return booted;
  }

  private static BootedGuest boot(Home home, Path folder) throws Exception {
    Path disk = DiskImage.make(folder.resolve("disk.qcow2"), "");
    GuestKernel kernel = GuestKernel.cloud();
    List<String> words =
        machine(home, "", disk, true).boots(kernel, GuestDisk.build(kernel, folder)).words();
    Path stopped = folder.resolve("stopped.mig");
    Path dump = folder.resolve("dump.elf");
    try (Machine fresh = Machine.fresh(words)) {
      fresh.run();
      fresh.awaitTick(tick -> tick.number() >= 2 && tick.macs().size() == 1);
      fresh.stop();
      fresh.dump(dump);
      Map<String, Long> registers = fresh.registers(0);
      fresh.save(stopped);
      List<Tick> ticks = Tick.in(fresh.console());
      Tick last = ticks.get(ticks.size() - 1);
      String version = fresh.qmp().version();
      return new BootedGuest(home, version, disk, stopped, dump, registers, fresh.facts(), last);
    }
  }

  private static GuestMachine machine(Home home, String options, Path disk, boolean untouched) {
    String drive = "if=none,id=d0,format=qcow2,file=" + disk + (untouched ? ",snapshot=on" : "");
    return new GuestMachine(home.program(), home.machine() + options, "128M")
        .card("virtio-net-pci", MAC)
        .with("-drive", drive, "-device", "virtio-blk-pci,drive=d0");
  }

  /** A machine that it can go on in; what is written to the disk is forgotten. */
  GuestMachine anotherMachine() {
    return anotherMachine("");
  }

  /** The same, with {@code options} behind the machine's name: {@code ,suppress-vmdesc=on}. */
  GuestMachine anotherMachine(String options) {
    return machine(home, options, disk, true);
  }

  /** The same with another image of the disk, which is written to. */
  GuestMachine machineWithDisk(Path image) {
    return machine(home, "", image, false);
  }

  /** An address out of the guest's facts. */
  long address(String fact) {
    return Long.parseUnsignedLong(facts.get(fact).substring(2), 16);
  }
}
