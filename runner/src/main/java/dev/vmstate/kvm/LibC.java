package dev.vmstate.kvm;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * The few functions of the C library that KVM needs, as on x86-64, where a variadic function takes
 * its arguments like any other. Direct mapping: a call costs a tenth of a microsecond more than in
 * C.
 *
 * <p>{@code errno} is {@link #errno}, and only means something right after a call that said -1: it
 * is not cleared by one that succeeds.
 */
final class LibC {
  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  static final int O_CREAT = 0100;
  static final int O_CLOEXEC = 02000000;

  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int MAP_SHARED = 1;
  static final int MAP_PRIVATE = 2;
  static final int MAP_ANONYMOUS = 0x20;
  static final int MAP_NORESERVE = 0x4000;
  static final int MS_SYNC = 4;

  static final int SIGUSR1 = 10;

  static final int ENOENT = 2;
  static final int EINTR = 4;
  static final int ENXIO = 6;
  static final int EAGAIN = 11;
  static final int EACCES = 13;
  static final int EPERM = 1;
  static final int EEXIST = 17;
  static final int ENODEV = 19;
  static final int EINVAL = 22;
  static final int EBUSY = 16;
  static final int ENOTTY = 25;
  static final int ESRCH = 3;

  static final int SYS_GETTID = 186;
  static final int SYS_TGKILL = 234;

  /** What this process has loaded anyway, so that no file name of a C library has to be known. */
  private static final NativeLibrary PROCESS = NativeLibrary.getProcess();

  static {
    Native.register(LibC.class, PROCESS);
  }

  private LibC() {}

  /** {@code path} ends with a zero byte: names of files are bytes. */
  static native int open(byte[] path, int flags, int mode);

  static native int close(int fd);

  static native int ioctl(int fd, long request, long argument);

  static native long mmap(long address, long length, int prot, int flags, int fd, long offset);

  static native int munmap(long address, long length);

  static native int msync(long address, long length, int flags);

  static native int ftruncate(int fd, long length);

  static native long syscall(long number, long a, long b, long c);

  static native int sigaction(int signal, Pointer action, @Nullable Pointer old);

  static native int getpid();

  static native String strerror(int errno);

  /** Why the last call on this thread failed. */
  static int errno() {
    return Native.getLastError();
  }

  /** Where a function of this process lies. */
  static long addressOf(String function) {
    return Pointer.nativeValue(PROCESS.getFunction(function));
  }
}
