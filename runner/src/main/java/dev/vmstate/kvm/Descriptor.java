package dev.vmstate.kvm;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.vmstate.kvmstate.StateStruct;
import dev.vmstate.kvmstate.StateValue;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.StampedLock;

/**
 * A file descriptor of KVM's, and how it is talked to. Closing it waits for calls of other threads:
 * the number of a closed descriptor is the next file's.
 */
abstract class Descriptor implements AutoCloseable {
  private final int fd;
  private final StampedLock lock = new StampedLock();
  private boolean closed;

  Descriptor(int fd) {
    this.fd = fd;
  }

  /** What messages of a closed one call it. */
  abstract String what();

  /** One call. @return what the kernel returned, or minus {@code errno} */
  int call(KvmIoctl ioctl, long argument) {
    long stamp = lock.readLock();
    try {
      if (closed) {
        throw new IllegalStateException(what() + " is closed");
      }
      int result = LibC.ioctl(fd, ioctl.number(), argument);
      return result < 0 ? -LibC.errno() : result;
    } finally {
      lock.unlockRead(stamp);
    }
  }

  /** A call that has to succeed; one that a signal interrupts is made again. */
  final int ioctl(KvmIoctl ioctl, long argument) throws KvmException {
    int result = tried(ioctl, argument);
    if (result < 0) {
      throw KvmException.of(ioctl.name(), -result);
    }
    return result;
  }

  /** A call that may fail; one that a signal interrupts is made again. */
  final int tried(KvmIoctl ioctl, long argument) {
    int result = call(ioctl, argument);
    while (result == -LibC.EINTR) {
      result = call(ioctl, argument);
    }
    return result;
  }

  /** A call whose argument is memory. */
  final int ioctl(KvmIoctl ioctl, Memory argument) throws KvmException {
    return ioctl(ioctl, Pointer.nativeValue(argument));
  }

  final int tried(KvmIoctl ioctl, Memory argument) {
    return tried(ioctl, Pointer.nativeValue(argument));
  }

  /** The structure that the kernel fills. */
  final StateValue get(KvmIoctl ioctl, StateStruct shape) throws KvmException {
    return exchange(ioctl, shape.zero());
  }

  /** The structure that the kernel makes of {@code value}. */
  final StateValue exchange(KvmIoctl ioctl, StateValue value) throws KvmException {
    try (Memory memory = copy(value.bytes())) {
      ioctl(ioctl, memory);
      return value.shape().of(memory.getByteArray(0, value.shape().size()));
    }
  }

  /** Gives the kernel a structure of the shape it expects. */
  final int set(KvmIoctl ioctl, StateStruct expected, StateValue value) throws KvmException {
    if (value.shape().size() != expected.size() || !value.shape().name().equals(expected.name())) {
      throw new IllegalArgumentException(
          "%s takes %s of %d bytes, not %s of %d"
              .formatted(
                  ioctl,
                  expected.name(),
                  expected.size(),
                  value.shape().name(),
                  value.shape().size()));
    }
    try (Memory memory = copy(value.bytes())) {
      return ioctl(ioctl, memory);
    }
  }

  /** Zeros outside the Java heap, for the time of a call. */
  static Memory zeros(long size) {
    Memory memory = new Memory(size);
    memory.clear();
    return memory;
  }

  static Memory copy(byte[] bytes) {
    Memory memory = new Memory(bytes.length);
    memory.write(0, bytes, 0, bytes.length);
    return memory;
  }

  /** A list as KVM has them: a count, {@code header} bytes in all, then structures of one shape. */
  static Memory list(int header, Iterable<StateValue> values, int count, StateStruct shape) {
    Memory memory = zeros(header + (long) count * shape.size());
    memory.setInt(0, count);
    ByteBuffer into = memory.getByteBuffer(header, (long) count * shape.size());
    for (StateValue value : values) {
      if (value.shape() != shape) {
        memory.close();
        throw new IllegalArgumentException(
            "a list of %s does not take %s".formatted(shape.name(), value.shape().name()));
      }
      into.put(value.bytes());
    }
    return memory;
  }

  final boolean isClosed() {
    return closed;
  }

  /** Closes it; once, however often it is called. */
  @Override
  public void close() {
    long stamp = lock.writeLock();
    try {
      if (!closed) {
        closed = true;
        // What is left of the number after an error is not defined but on Linux: it is free.
        LibC.close(fd);
      }
    } finally {
      lock.unlockWrite(stamp);
    }
  }
}
