package dev.vmstate.kvm;

import com.sun.jna.Memory;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateValue;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A virtual machine: RAM, vCPUs and, if asked for, interrupt controllers and a timer. */
public final class VmFd extends Descriptor {
  /** {@code KVM_MEM_LOG_DIRTY_PAGES}. */
  public static final int MEM_LOG_DIRTY_PAGES = 1;

  /** {@code KVM_MEM_READONLY}: the guest's writes are exits. */
  public static final int MEM_READONLY = 2;

  /** {@code KVM_IRQCHIP_PIC_MASTER}. */
  public static final int PIC_MASTER = 0;

  /** {@code KVM_IRQCHIP_PIC_SLAVE}. */
  public static final int PIC_SLAVE = 1;

  /** {@code KVM_IRQCHIP_IOAPIC}. */
  public static final int IOAPIC = 2;

  /** {@code KVM_PIT_SPEAKER_DUMMY}: the kernel answers port 0x61 too. */
  public static final int PIT_SPEAKER_DUMMY = 1;

  private static final int ROUTING_IRQCHIP = 1;

  /** That interrupt {@code gsi} comes out at {@code pin} of {@code chip}. */
  public record Route(int gsi, int chip, int pin) {}

  private final int vcpuMappingSize;
  private final Map<Integer, Mapping> memory = new HashMap<>();
  private final List<VcpuFd> vcpus = new ArrayList<>();

  VmFd(int fd, int vcpuMappingSize) {
    super(fd);
    this.vcpuMappingSize = vcpuMappingSize;
  }

  @Override
  String what() {
    return "the machine";
  }

  /** KVM_CHECK_EXTENSION of this machine: some depend on what it was given. */
  public int checkExtension(KvmCapability capability) throws KvmException {
    return ioctl(KvmIoctl.KVM_CHECK_EXTENSION, capability.number());
  }

  /** KVM_ENABLE_CAP. */
  public void enable(KvmCapability capability, long argument) throws KvmException {
    StateValue value = KvmArguments.ENABLE_CAP.zero();
    value.set("cap", capability.number()).set("args[0]", argument);
    set(KvmIoctl.KVM_ENABLE_CAP, KvmArguments.ENABLE_CAP, value);
  }

  /**
   * KVM_SET_USER_MEMORY_REGION: {@code length} bytes of {@code from}, from {@code offset} on, are
   * the guest's RAM from {@code address} on. All three are multiples of the page size; with a
   * length of 0 the slot's RAM is taken away. As long as it is RAM the mapping cannot be closed.
   *
   * @param slot 0 to NR_MEMSLOTS - 1; one that is in use is moved, if its length stays
   * @param flags {@link #MEM_LOG_DIRTY_PAGES}, {@link #MEM_READONLY}
   */
  public synchronized void setUserMemory(
      int slot, int flags, long address, long length, Mapping from, long offset)
      throws KvmException {
    long host = length == 0 ? 0 : from.hold(offset, length);
    StateValue region = KvmArguments.MEMORY_REGION.zero();
    region.set("slot", slot).set("flags", flags).set("guest_phys_addr", address);
    region.set("memory_size", length).set("userspace_addr", host);
    try {
      set(KvmIoctl.KVM_SET_USER_MEMORY_REGION, KvmArguments.MEMORY_REGION, region);
    } catch (KvmException | RuntimeException e) {
      if (length != 0) {
        from.release();
      }
      throw e;
    }
    Mapping before = length == 0 ? memory.remove(slot) : memory.put(slot, from);
    if (before != null) {
      before.release();
    }
  }

  /** KVM_CREATE_VCPU. Closed by the caller, at the latest with the machine. */
  public synchronized VcpuFd createVcpu(int id) throws KvmException {
    int fd = ioctl(KvmIoctl.KVM_CREATE_VCPU, id);
    VcpuFd vcpu = VcpuFd.of(fd, id, vcpuMappingSize, checkExtension(KvmCapability.XSAVE2));
    vcpus.add(vcpu);
    return vcpu;
  }

  /** KVM_SET_TSS_ADDR: three pages below 4 GiB that Intel's processors need for real mode. */
  public void setTssAddress(long address) throws KvmException {
    ioctl(KvmIoctl.KVM_SET_TSS_ADDR, address);
  }

  /** KVM_SET_IDENTITY_MAP_ADDR: a page they need too; before the first vCPU. */
  public void setIdentityMapAddress(long address) throws KvmException {
    try (Memory memory = zeros(8)) {
      memory.setLong(0, address);
      ioctl(KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR, memory);
    }
  }

  /** KVM_CREATE_IRQCHIP: two PICs, an IOAPIC and an APIC for each vCPU; before the first vCPU. */
  public void createIrqchip() throws KvmException {
    ioctl(KvmIoctl.KVM_CREATE_IRQCHIP, 0);
  }

  /** KVM_CREATE_PIT2: the timer, on interrupt 0; after {@link #createIrqchip}. */
  public void createPit2(int flags) throws KvmException {
    set(
        KvmIoctl.KVM_CREATE_PIT2,
        KvmArguments.PIT_CONFIG,
        KvmArguments.PIT_CONFIG.zero().set("flags", flags));
  }

  private static StateStruct shape(int chip) {
    return chip == IOAPIC ? KvmStructs.IOAPIC : KvmStructs.PIC;
  }

  /** KVM_GET_IRQCHIP: a {@link KvmStructs#PIC} or the {@link KvmStructs#IOAPIC}. */
  public StateValue irqchip(int chip) throws KvmException {
    StateStruct shape = shape(chip);
    try (Memory memory = zeros(KvmArguments.IRQCHIP.size())) {
      memory.setInt(0, chip);
      ioctl(KvmIoctl.KVM_GET_IRQCHIP, memory);
      return shape.of(memory.getByteArray(KvmArguments.IRQCHIP_STATE, shape.size()));
    }
  }

  /** KVM_SET_IRQCHIP. */
  public void setIrqchip(int chip, StateValue state) throws KvmException {
    if (state.shape() != shape(chip)) {
      throw new IllegalArgumentException("chip %d is no %s".formatted(chip, state.shape().name()));
    }
    try (Memory memory = zeros(KvmArguments.IRQCHIP.size())) {
      memory.setInt(0, chip);
      memory.write(KvmArguments.IRQCHIP_STATE, state.bytes(), 0, state.shape().size());
      ioctl(KvmIoctl.KVM_SET_IRQCHIP, memory);
    }
  }

  /** KVM_GET_PIT2: a {@link KvmStructs#PIT}. */
  public StateValue pit2() throws KvmException {
    return get(KvmIoctl.KVM_GET_PIT2, KvmStructs.PIT);
  }

  /** KVM_SET_PIT2: counts from now on. */
  public void setPit2(StateValue pit) throws KvmException {
    set(KvmIoctl.KVM_SET_PIT2, KvmStructs.PIT, pit);
  }

  /** KVM_GET_CLOCK: a {@link KvmStructs#CLOCK}, nanoseconds. */
  public StateValue clock() throws KvmException {
    return get(KvmIoctl.KVM_GET_CLOCK, KvmStructs.CLOCK);
  }

  /** KVM_SET_CLOCK: it goes on from there. */
  public void setClock(StateValue clock) throws KvmException {
    set(KvmIoctl.KVM_SET_CLOCK, KvmStructs.CLOCK, clock);
  }

  /** KVM_REINJECT_CONTROL: whether ticks that the guest missed are made up for. */
  public void reinjectTicks(boolean wanted) throws KvmException {
    try (Memory memory =
        copy(KvmArguments.REINJECT.zero().set("pit_reinject", wanted ? 1 : 0).bytes())) {
      ioctl(KvmIoctl.KVM_REINJECT_CONTROL, memory);
    }
  }

  /** KVM_SET_GSI_ROUTING: these and no others. */
  public void setRouting(List<Route> routes) throws KvmException {
    List<StateValue> entries = new ArrayList<>();
    for (Route route : routes) {
      StateValue entry = KvmArguments.ROUTE.zero();
      entry.set("gsi", route.gsi()).set("type", ROUTING_IRQCHIP);
      entry.set("u.irqchip.irqchip", route.chip()).set("u.irqchip.pin", route.pin());
      entries.add(entry);
    }
    try (Memory memory =
        list(KvmArguments.LIST_HEADER, entries, entries.size(), KvmArguments.ROUTE)) {
      ioctl(KvmIoctl.KVM_SET_GSI_ROUTING, memory);
    }
  }

  /** KVM_IRQ_LINE: what a device outside the kernel does with its interrupt. For any thread. */
  public void irqLine(int irq, boolean high) throws KvmException {
    set(
        KvmIoctl.KVM_IRQ_LINE,
        KvmArguments.IRQ_LEVEL,
        KvmArguments.IRQ_LEVEL.zero().set("irq", irq).set("level", high ? 1 : 0));
  }

  /**
   * Closes the vCPUs and the machine, and lets its RAM be unmapped.
   *
   * @throws IllegalStateException while a vCPU runs
   */
  @Override
  public synchronized void close() {
    vcpus.forEach(VcpuFd::close);
    vcpus.clear();
    super.close();
    memory.values().forEach(Mapping::release);
    memory.clear();
  }
}
