package dev.vmstate.qcow2;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Whether a program has an image open for writing. QEMU (block/file-posix.c) holds shared locks on
 * single bytes of the file: 100 + n for each permission n it uses, 200 + n for each it grants
 * nobody else. Bit 1 is writing, bit 3 resizing; a running guest holds 100, 101, 103, 201 and 203,
 * one whose disk is read-only 100, 201 and 203. An exclusive lock on 101 or 103 is refused as long
 * as somebody writes. Seen with QEMU 7.2.
 */
final class ImageLock {
  private static final List<Long> WRITERS = List.of(101L, 103L);

  private ImageLock() {}

  /** True only when it is known: a file that may only be read tells nothing. */
  static boolean heldByWriter(Path file) {
    if (!Files.isWritable(file)) {
      return false;
    }
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      for (long at : WRITERS) {
        try (FileLock lock = channel.tryLock(at, 1, false)) {
          if (lock == null) {
            return true;
          }
        } catch (OverlappingFileLockException e) {
          return false; // this program's own change in place
        }
      }
    } catch (IOException e) {
      return false; // a file system without locks, or a file that cannot be written to
    }
    return false;
  }
}
