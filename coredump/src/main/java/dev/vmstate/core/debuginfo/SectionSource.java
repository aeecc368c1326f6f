package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.ByteSource;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The bytes of one section.
 *
 * @param file which has it
 * @param section inside the file, as was checked
 */
record SectionSource(ByteSource file, ElfSections.Section section) implements ByteSource {
  @Override
  public String name() {
    return file.name() + ": " + section.name();
  }

  @Override
  public long size() {
    return section.bytes();
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    if (offset < 0 || offset > size() - into.remaining()) {
      throw new EOFException(
          "%s: 0x%x+0x%x is past the end 0x%x".formatted(name(), offset, into.remaining(), size()));
    }
    file.read(section.offset() + offset, into);
  }
}
