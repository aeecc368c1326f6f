package dev.vmstate.compress;

import java.io.IOException;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.tukaani.xz.MemoryLimitException;
import org.tukaani.xz.SingleXZInputStream;
import org.tukaani.xz.UnsupportedOptionsException;

/** Members that a library reads without taking a byte more than is theirs. */
final class LibraryMembers {
  /** {@code xz -9} needs 65 MiB. */
  private static final int XZ_MEMORY_KIB = 100 << 10;

  private LibraryMembers() {}

  static Member bzip2(CompressedInput in) throws IOException {
    return new BZip2CompressorInputStream(in, false)::read;
  }

  static Member xz(CompressedInput in) throws IOException {
    SingleXZInputStream stream = new SingleXZInputStream(in, XZ_MEMORY_KIB);
    return (into, at, length) -> {
      try {
        return stream.read(into, at, length);
      } catch (MemoryLimitException e) {
        throw new TooLargeException(
            "its dictionary takes %d MiB of memory, %d are allowed"
                .formatted(e.getMemoryNeeded() >> 10, XZ_MEMORY_KIB >> 10));
      } catch (UnsupportedOptionsException e) {
        throw new TooLargeException("it uses what this reader lacks (" + e.getMessage() + ")");
      }
    };
  }
}
