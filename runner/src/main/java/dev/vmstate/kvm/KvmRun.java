package dev.vmstate.kvm;

import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * {@code struct kvm_run}: the page in which the kernel says why a vCPU stopped and finds what the
 * guest reads. Numbers are little-endian and zero-extended. What an exit has is only there after
 * {@link VcpuFd#run} said true, and until it is called again: a run that was interrupted leaves the
 * exit before it standing there.
 */
public final class KvmRun {
  /** {@code KVM_EXIT_IO}: IN or OUT, see {@link #ioPort}. */
  public static final int EXIT_IO = 2;

  /** {@code KVM_EXIT_DEBUG}. */
  public static final int EXIT_DEBUG = 4;

  /** {@code KVM_EXIT_HLT}; with the kernel's interrupt controller there is none. */
  public static final int EXIT_HLT = 5;

  /** {@code KVM_EXIT_MMIO}: a load or store where there is no RAM, see {@link #mmioAddress}. */
  public static final int EXIT_MMIO = 6;

  /** {@code KVM_EXIT_IRQ_WINDOW_OPEN}: an interrupt can be given now. */
  public static final int EXIT_IRQ_WINDOW_OPEN = 7;

  /** {@code KVM_EXIT_SHUTDOWN}: a triple fault. */
  public static final int EXIT_SHUTDOWN = 8;

  /** {@code KVM_EXIT_FAIL_ENTRY}: the processor refuses the state. */
  public static final int EXIT_FAIL_ENTRY = 9;

  /** {@code KVM_EXIT_INTR}: a signal. */
  public static final int EXIT_INTR = 10;

  /** {@code KVM_EXIT_INTERNAL_ERROR}: KVM cannot go on, see {@link #suberror}. */
  public static final int EXIT_INTERNAL_ERROR = 17;

  /** {@code KVM_EXIT_SYSTEM_EVENT}. */
  public static final int EXIT_SYSTEM_EVENT = 24;

  /** {@code KVM_EXIT_X86_RDMSR}. */
  public static final int EXIT_X86_RDMSR = 29;

  /** {@code KVM_EXIT_X86_WRMSR}. */
  public static final int EXIT_X86_WRMSR = 30;

  /** {@code KVM_INTERNAL_ERROR_EMULATION}: an instruction that KVM's emulator does not know. */
  public static final int INTERNAL_ERROR_EMULATION = 1;

  static final int REQUEST_INTERRUPT_WINDOW = 0;
  static final int IMMEDIATE_EXIT = 1;
  static final int EXIT_REASON = 8;
  static final int READY_FOR_INTERRUPT_INJECTION = 12;
  static final int IF_FLAG = 13;
  static final int CR8 = 16;
  static final int APIC_BASE = 24;
  // The union, one exit each.
  static final int IO_DIRECTION = 32;
  static final int IO_SIZE = 33;
  static final int IO_PORT = 34;
  static final int IO_COUNT = 36;
  static final int IO_DATA_OFFSET = 40;
  static final int MMIO_PHYS_ADDR = 32;
  static final int MMIO_DATA = 40;
  static final int MMIO_LEN = 48;
  static final int MMIO_IS_WRITE = 52;
  static final int FAIL_ENTRY_REASON = 32;
  static final int FAIL_ENTRY_CPU = 40;
  static final int INTERNAL_SUBERROR = 32;
  static final int INTERNAL_NDATA = 36;
  static final int INTERNAL_DATA = 40;
  static final int EMULATION_FLAGS = 40;
  static final int EMULATION_INSN_SIZE = 48;
  static final int EMULATION_INSN_BYTES = 49;
  static final int DEBUG_EXCEPTION = 32;
  static final int DEBUG_PC = 40;
  static final int DEBUG_DR6 = 48;
  static final int DEBUG_DR7 = 56;
  static final int SYSTEM_EVENT_TYPE = 32;
  static final int SYSTEM_EVENT_NDATA = 36;
  static final int SYSTEM_EVENT_DATA = 40;
  static final int MSR_ERROR = 32;
  static final int MSR_REASON = 40;
  static final int MSR_INDEX = 44;
  static final int MSR_DATA = 48;

  /** {@code sizeof(struct kvm_run)}. */
  static final int SIZE = 2352;

  private static final int MOST_INTERNAL_DATA = 16;
  private static final int MOST_INSN_BYTES = 15;
  private static final int MOST_MMIO = 8;

  private final long address;
  private final int size;
  private final ByteBuffer page;
  private boolean closed;

  private KvmRun(long address, int size) {
    this.address = address;
    this.size = size;
    this.page = new Pointer(address).getByteBuffer(0, size).order(ByteOrder.LITTLE_ENDIAN);
  }

  static KvmRun map(int fd, int size) throws KvmException {
    if (size < SIZE) {
      throw new KvmException(
          "KVM_GET_VCPU_MMAP_SIZE: %d bytes, struct kvm_run has %d".formatted(size, SIZE));
    }
    long address = LibC.mmap(0, size, LibC.PROT_READ | LibC.PROT_WRITE, LibC.MAP_SHARED, fd, 0);
    if (address == -1) {
      throw KvmException.of("mmap of a vCPU", LibC.errno());
    }
    return new KvmRun(address, size);
  }

  /** Only the vCPU's thread reads and writes it, but another may kick or close: hence the locks. */
  private synchronized ByteBuffer page() {
    if (closed) {
      throw new IllegalStateException("the vCPU is closed");
    }
    return page;
  }

  private synchronized int u8(int offset) {
    return page().get(offset) & 0xff;
  }

  private synchronized int i32(int offset) {
    return page().getInt(offset);
  }

  private synchronized long u64(int offset) {
    return page().getLong(offset);
  }

  private synchronized byte[] bytes(int offset, int length) {
    byte[] bytes = new byte[length];
    page().get(offset, bytes);
    return bytes;
  }

  private synchronized void put(int offset, byte[] bytes) {
    page().put(offset, bytes);
  }

  /** Why the vCPU stopped, one of the {@code EXIT_} numbers. */
  public int exitReason() {
    return i32(EXIT_REASON);
  }

  /** Has {@link VcpuFd#run} end at once, before guest code; also for another thread to set. */
  public synchronized void immediateExit(boolean wanted) {
    page().put(IMMEDIATE_EXIT, (byte) (wanted ? 1 : 0));
  }

  /** Asks for an exit as soon as an interrupt can be given. */
  public synchronized void requestInterruptWindow(boolean wanted) {
    page().put(REQUEST_INTERRUPT_WINDOW, (byte) (wanted ? 1 : 0));
  }

  /** Whether an interrupt can be given now. */
  public boolean readyForInterrupt() {
    return u8(READY_FOR_INTERRUPT_INJECTION) != 0;
  }

  /** Whether the guest has interrupts enabled. */
  public boolean interruptFlag() {
    return u8(IF_FLAG) != 0;
  }

  /** CR8 of a guest whose APIC is not in the kernel. */
  public long cr8() {
    return u64(CR8);
  }

  /** The MSR of a guest whose APIC is not in the kernel. */
  public long apicBase() {
    return u64(APIC_BASE);
  }

  /** Whether the guest writes ({@code out}) or waits for {@link #ioData(byte[])}. */
  public boolean ioOut() {
    return u8(IO_DIRECTION) == 1;
  }

  /** 1, 2 or 4 bytes. */
  public int ioSize() {
    return u8(IO_SIZE);
  }

  /** The port. */
  public synchronized int ioPort() {
    return page().getShort(IO_PORT) & 0xffff;
  }

  /** How many values of {@link #ioSize} bytes; more than 1 of a string instruction. */
  public int ioCount() {
    return i32(IO_COUNT);
  }

  private synchronized int ioBytes() {
    if (exitReason() != EXIT_IO) {
      throw new IllegalStateException("no KVM_EXIT_IO but " + nameOf(exitReason()));
    }
    long bytes = (long) ioSize() * Integer.toUnsignedLong(ioCount());
    long offset = u64(IO_DATA_OFFSET);
    if (offset < SIZE || offset > size || bytes > size - offset) {
      throw new IllegalStateException(
          "KVM_EXIT_IO: 0x%x bytes at 0x%x of 0x%x".formatted(bytes, offset, size));
    }
    return (int) bytes;
  }

  /** What the guest writes, {@code size} times {@code count} bytes. */
  public synchronized byte[] ioData() {
    return bytes((int) u64(IO_DATA_OFFSET), ioBytes());
  }

  /** Sets what the guest reads, as many bytes. */
  public synchronized void ioData(byte[] bytes) {
    requireLength(bytes, ioBytes());
    put((int) u64(IO_DATA_OFFSET), bytes);
  }

  /** The first value the guest writes. */
  public synchronized long ioValue() {
    int length = Math.min(ioBytes(), ioSize());
    return number((int) u64(IO_DATA_OFFSET), length);
  }

  /** Sets all values the guest reads to this one. */
  public synchronized void ioValue(long value) {
    int length = ioBytes();
    int at = (int) u64(IO_DATA_OFFSET);
    for (int i = 0; i < length; i++) {
      page().put(at + i, (byte) (value >>> 8 * (i % ioSize())));
    }
  }

  private static void requireLength(byte[] bytes, int length) {
    if (bytes.length != length) {
      throw new IllegalArgumentException(
          "%d bytes where the guest moves %d".formatted(bytes.length, length));
    }
  }

  /** A number in place: an exit makes no garbage. */
  private long number(int at, int width) {
    long value = 0;
    for (int i = width; i-- > 0; ) {
      value = value << 8 | page().get(at + i) & 0xff;
    }
    return value;
  }

  /** The guest-physical address. */
  public long mmioAddress() {
    return u64(MMIO_PHYS_ADDR);
  }

  /** 1 to 8 bytes; what crosses a page comes in two exits, of 3 and 5 bytes for example. */
  public int mmioLength() {
    return Math.max(0, Math.min(MOST_MMIO, i32(MMIO_LEN)));
  }

  /** Whether the guest stores or loads. */
  public boolean mmioWrite() {
    return u8(MMIO_IS_WRITE) != 0;
  }

  /** The {@link #mmioLength} bytes that the guest stores. */
  public synchronized byte[] mmioData() {
    return bytes(MMIO_DATA, mmioLength());
  }

  /** Sets the bytes that the guest loads. */
  public synchronized void mmioData(byte[] bytes) {
    requireLength(bytes, mmioLength());
    put(MMIO_DATA, bytes);
  }

  /** What the guest stores, as a number. */
  public synchronized long mmioValue() {
    return number(MMIO_DATA, mmioLength());
  }

  /** Sets what the guest loads; higher bytes than it asks for are not looked at. */
  public synchronized void mmioValue(long value) {
    page().putLong(MMIO_DATA, value);
  }

  /** {@code hardware_entry_failure_reason}, as the processor's manual has it. */
  public long failEntryReason() {
    return u64(FAIL_ENTRY_REASON);
  }

  /** The host CPU on which that was. */
  public long failEntryCpu() {
    return Integer.toUnsignedLong(i32(FAIL_ENTRY_CPU));
  }

  /** What kind of {@link #EXIT_INTERNAL_ERROR}. */
  public int suberror() {
    return i32(INTERNAL_SUBERROR);
  }

  /** Whatever the kernel adds to an internal error. */
  public synchronized long[] internalData() {
    long[] data = new long[Math.max(0, Math.min(MOST_INTERNAL_DATA, i32(INTERNAL_NDATA)))];
    Arrays.setAll(data, i -> u64(INTERNAL_DATA + 8 * i));
    return data;
  }

  /** The instruction that could not be emulated; empty where the kernel does not say. */
  public synchronized byte[] instructionBytes() {
    boolean told =
        suberror() == INTERNAL_ERROR_EMULATION
            && i32(INTERNAL_NDATA) >= 3
            && (u64(EMULATION_FLAGS) & 1) != 0;
    return told
        ? bytes(EMULATION_INSN_BYTES, Math.min(MOST_INSN_BYTES, u8(EMULATION_INSN_SIZE)))
        : new byte[0];
  }

  /** Of {@link #EXIT_DEBUG}: 1 single step or breakpoint register, 3 INT3. */
  public int debugException() {
    return i32(DEBUG_EXCEPTION);
  }

  /** Where. */
  public long debugPc() {
    return u64(DEBUG_PC);
  }

  /** Which, as DR6 says it. */
  public long debugDr6() {
    return u64(DEBUG_DR6);
  }

  /** DR7. */
  public long debugDr7() {
    return u64(DEBUG_DR7);
  }

  /** {@code KVM_SYSTEM_EVENT_…}: 1 shutdown, 2 reset, 3 crash. */
  public int systemEventType() {
    return i32(SYSTEM_EVENT_TYPE);
  }

  /** What comes with it. */
  public synchronized long[] systemEventData() {
    long[] data = new long[Math.max(0, Math.min(MOST_INTERNAL_DATA, i32(SYSTEM_EVENT_NDATA)))];
    Arrays.setAll(data, i -> u64(SYSTEM_EVENT_DATA + 8 * i));
    return data;
  }

  /** The MSR of {@link #EXIT_X86_RDMSR} and {@link #EXIT_X86_WRMSR}. */
  public int msrIndex() {
    return i32(MSR_INDEX);
  }

  /** What the guest writes to it. */
  public long msrData() {
    return u64(MSR_DATA);
  }

  /** Sets what the guest reads from it. */
  public synchronized void msrData(long value) {
    page().putLong(MSR_DATA, value);
  }

  /** Has the instruction fault. */
  public synchronized void msrError(boolean fault) {
    page().put(MSR_ERROR, (byte) (fault ? 1 : 0));
  }

  /** The kernel's name of an exit, {@code KVM_EXIT_IO}; of one without a name here, its number. */
  public static String nameOf(int exitReason) {
    return switch (exitReason) {
      case 0 -> "KVM_EXIT_UNKNOWN";
      case 1 -> "KVM_EXIT_EXCEPTION";
      case EXIT_IO -> "KVM_EXIT_IO";
      case 3 -> "KVM_EXIT_HYPERCALL";
      case EXIT_DEBUG -> "KVM_EXIT_DEBUG";
      case EXIT_HLT -> "KVM_EXIT_HLT";
      case EXIT_MMIO -> "KVM_EXIT_MMIO";
      case EXIT_IRQ_WINDOW_OPEN -> "KVM_EXIT_IRQ_WINDOW_OPEN";
      case EXIT_SHUTDOWN -> "KVM_EXIT_SHUTDOWN";
      case EXIT_FAIL_ENTRY -> "KVM_EXIT_FAIL_ENTRY";
      case EXIT_INTR -> "KVM_EXIT_INTR";
      case 11 -> "KVM_EXIT_SET_TPR";
      case 12 -> "KVM_EXIT_TPR_ACCESS";
      case 16 -> "KVM_EXIT_NMI";
      case EXIT_INTERNAL_ERROR -> "KVM_EXIT_INTERNAL_ERROR";
      case EXIT_SYSTEM_EVENT -> "KVM_EXIT_SYSTEM_EVENT";
      case 26 -> "KVM_EXIT_IOAPIC_EOI";
      case 27 -> "KVM_EXIT_HYPERV";
      case EXIT_X86_RDMSR -> "KVM_EXIT_X86_RDMSR";
      case EXIT_X86_WRMSR -> "KVM_EXIT_X86_WRMSR";
      case 31 -> "KVM_EXIT_DIRTY_RING_FULL";
      case 33 -> "KVM_EXIT_X86_BUS_LOCK";
      case 34 -> "KVM_EXIT_XEN";
      case 37 -> "KVM_EXIT_NOTIFY";
      default -> "exit " + exitReason;
    };
  }

  synchronized void unmap() {
    if (!closed) {
      closed = true;
      LibC.munmap(address, size);
    }
  }
}
