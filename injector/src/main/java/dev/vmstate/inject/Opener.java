package dev.vmstate.inject;

import dev.vmstate.kvmdir.KvmDirectory;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Opens what is changed where it stands; tests put channels in between that fail or stop. */
interface Opener {
  /** Plain files; the files of a snapshot directory as one. */
  Opener PLAIN =
      path ->
          Files.isDirectory(path)
              ? JoinedFiles.open(KvmDirectory.files(path))
              : FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);

  /** An existing file, to be read and written. */
  FileChannel open(Path path) throws IOException;
}
