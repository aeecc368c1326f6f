package dev.vmstate.inject;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Opens what is changed where it stands; tests put channels in between that fail or stop. */
interface Opener {
  /** Plain files. */
  Opener PLAIN = path -> FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);

  /** An existing file, to be read and written. */
  FileChannel open(Path path) throws IOException;
}
