package dev.vmstate.container;

import dev.vmstate.bytes.ByteSource;
import java.io.Closeable;
import java.util.List;
import java.util.Optional;

/** What holds a migration stream; opened read-only. */
public interface Container extends Closeable {
  /** A name and a value that {@code info} prints. */
  record Fact(String name, String value) {}

  /** The stable name {@code info --json} prints: {@code qemu-stream}, {@code qcow2} … */
  String name();

  /** What the user called it. */
  SnapshotName source();

  /** The stream; offset 0 is its magic. It may go on behind the stream's end with other bytes. */
  ByteSource stream();

  /**
   * The file offset of the stream's first byte, as the writer of the stream counted: what
   * mapped-ram writes into the stream are offsets in the file. 0 where the stream is no plain part
   * of a file.
   */
  default long streamAt() {
    return 0;
  }

  /** Bytes of the whole file when it was opened; of a pipe, once its end was reached. */
  long fileSize();

  /**
   * Bytes of the file that belong to this snapshot: all of them, unless others lie in the same
   * file. An extracted directory knows its snapshot by it.
   */
  default long ownSize() {
    return fileSize();
  }

  /** Whether {@link #stream} is read from front to back (compressed, or a pipe). */
  default boolean forward() {
    return stream().forward();
  }

  /** Where the stream is in the file, if that is one place: not in the clusters of a disk image. */
  default Optional<Payload> payload() {
    return Optional.empty();
  }

  /**
   * Whether the rest of an older stream may stand behind this one, as on a volume that is written
   * again and again: then nothing can be told from the end.
   */
  default boolean reused() {
    return false;
  }

  /** What else is to be said of it. */
  default List<Fact> facts() {
    return List.of();
  }
}
