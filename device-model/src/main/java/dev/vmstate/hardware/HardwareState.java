package dev.vmstate.hardware;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.nic.Nic;
import java.util.List;

/**
 * Everything hardware.xml shows, decoded from one snapshot.
 *
 * @param vmm who wrote the snapshot, e.g. {@code qemu}
 * @param machine machine type, e.g. {@code pc-i440fx-7.2}
 * @param arch e.g. {@code x86_64}
 * @param blocks RAM blocks in stream order
 * @param cpus views over the {@code cpu} sections
 * @param nics views over the NICs' sections
 * @param devices all device sections in stream order
 */
public record HardwareState(
    String vmm,
    String machine,
    String arch,
    List<RamBlock> blocks,
    List<X86Cpu> cpus,
    List<Nic> nics,
    List<DeviceSection> devices) {
  public HardwareState {
    blocks = List.copyOf(blocks);
    cpus = List.copyOf(cpus);
    nics = List.copyOf(nics);
    devices = List.copyOf(devices);
  }
}
