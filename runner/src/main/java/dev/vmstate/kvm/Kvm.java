package dev.vmstate.kvm;

import com.sun.jna.Memory;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateValue;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** {@code /dev/kvm}. */
public final class Kvm extends Descriptor {
  /** The version of the interface since 2007; the kernel promises that there is no other. */
  public static final int API_VERSION = 12;

  private static final Path DEVICE = Path.of("/dev/kvm");
  private static final int E2BIG = 7;
  private static final int MOST_MSRS = 1 << 16;

  private final Path device;

  private Kvm(int fd, Path device) {
    super(fd);
    this.device = device;
  }

  /**
   * Opens {@code /dev/kvm}.
   *
   * @throws KvmException when there is none or it may not be opened: one line that says what to do
   */
  public static Kvm open() throws KvmException {
    return open(DEVICE);
  }

  static Kvm open(Path device) throws KvmException {
    requireHost();
    int fd = LibC.open(bytes(device), LibC.O_RDWR | LibC.O_CLOEXEC, 0);
    if (fd < 0) {
      throw DeviceAccess.refused(device, LibC.errno());
    }
    Kvm kvm = new Kvm(fd, device);
    try {
      int version = kvm.tried(KvmIoctl.KVM_GET_API_VERSION, 0);
      if (version == -LibC.ENOTTY) {
        throw new KvmException(device + ": is not KVM's device");
      }
      if (version != API_VERSION) {
        throw new KvmException(
            "%s: version %d of KVM's interface, only %d is known"
                .formatted(device, version, API_VERSION));
      }
    } catch (KvmException | RuntimeException e) {
      kvm.close();
      throw e;
    }
    return kvm;
  }

  /** JNA and the C library, or one line instead of a stack of linkage errors. */
  private static void requireHost() throws KvmException {
    String os = System.getProperty("os.name", "");
    String cpu = System.getProperty("os.arch", "");
    if (!os.equals("Linux") || !(cpu.equals("amd64") || cpu.equals("x86_64"))) {
      throw new KvmException(
          "KVM machines need Linux on x86-64, this is %s on %s".formatted(os, cpu));
    }
    try {
      LibC.getpid();
    } catch (LinkageError e) {
      throw new KvmException(
          "Java cannot call the C library (%s): JNA unpacks a file into %s; where programs may not"
                  .formatted(reason(e), System.getProperty("jna.tmpdir", "~/.cache/JNA"))
              + " run from there, set VMSTATE_JAVA_OPTS=-Djna.tmpdir=DIR",
          e);
    }
  }

  private static String reason(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage()).lines().findFirst().orElse("no reason given");
  }

  /** The name as the kernel takes it: bytes, as Java has made the path of them, and a zero. */
  static byte[] bytes(Path path) {
    String encoding = System.getProperty("sun.jnu.encoding");
    Charset charset = encoding == null ? StandardCharsets.UTF_8 : Charset.forName(encoding);
    byte[] name = path.toString().getBytes(charset);
    return Arrays.copyOf(name, name.length + 1);
  }

  @Override
  String what() {
    return device.toString();
  }

  /** KVM_CHECK_EXTENSION. @return 0 when the host has it not, else 1 or what the kernel says */
  public int checkExtension(KvmCapability capability) throws KvmException {
    return ioctl(KvmIoctl.KVM_CHECK_EXTENSION, capability.number());
  }

  /** Bytes of a vCPU's {@link KvmRun} mapping. */
  int vcpuMappingSize() throws KvmException {
    return ioctl(KvmIoctl.KVM_GET_VCPU_MMAP_SIZE, 0);
  }

  /** KVM_GET_SUPPORTED_CPUID: entries ({@link KvmStructs#CPUID}) a vCPU can have here. */
  public List<StateValue> supportedCpuid() throws KvmException {
    return cpuid(this, KvmIoctl.KVM_GET_SUPPORTED_CPUID);
  }

  /** Asks with more room until there is enough. */
  static List<StateValue> cpuid(Descriptor of, KvmIoctl ioctl) throws KvmException {
    int size = KvmStructs.CPUID.size();
    for (int room = KvmArguments.MOST_CPUID; ; room *= 2) {
      try (Memory memory = zeros(KvmArguments.LIST_HEADER + (long) room * size)) {
        memory.setInt(0, room);
        int result = of.tried(ioctl, memory);
        if (result == -E2BIG && room < MOST_MSRS) {
          continue;
        }
        if (result < 0) {
          throw KvmException.of(ioctl.name(), -result);
        }
        List<StateValue> entries = new ArrayList<>();
        int count = Math.min(room, memory.getInt(0));
        for (int i = 0; i < count; i++) {
          long at = KvmArguments.LIST_HEADER + (long) i * size;
          entries.add(KvmStructs.CPUID.of(memory.getByteArray(at, size)));
        }
        return entries;
      }
    }
  }

  /** KVM_GET_MSR_INDEX_LIST: the MSRs that this host says are a guest's state. */
  public List<Integer> msrIndexList() throws KvmException {
    int room;
    try (Memory memory = zeros(4)) {
      // Says E2BIG, and how many there are.
      int result = tried(KvmIoctl.KVM_GET_MSR_INDEX_LIST, memory);
      if (result < 0 && result != -E2BIG) {
        throw KvmException.of(KvmIoctl.KVM_GET_MSR_INDEX_LIST.name(), -result);
      }
      room = Math.max(0, Math.min(MOST_MSRS, memory.getInt(0)));
    }
    try (Memory memory = zeros(4 + 4L * room)) {
      memory.setInt(0, room);
      ioctl(KvmIoctl.KVM_GET_MSR_INDEX_LIST, memory);
      List<Integer> indices = new ArrayList<>();
      for (int index : memory.getIntArray(4, Math.min(room, memory.getInt(0)))) {
        indices.add(index);
      }
      return indices;
    }
  }

  /** KVM_CREATE_VM. The machine is the caller's to close. */
  public VmFd createVm() throws KvmException {
    int fd = tried(KvmIoctl.KVM_CREATE_VM, 0);
    if (fd == -LibC.EBUSY) {
      throw new KvmException(
          "KVM_CREATE_VM: the processor's virtualization is in use by something else than KVM",
          LibC.EBUSY);
    }
    if (fd < 0) {
      throw KvmException.of(KvmIoctl.KVM_CREATE_VM.name(), -fd);
    }
    return new VmFd(fd, vcpuMappingSize());
  }
}
