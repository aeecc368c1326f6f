package dev.vmstate.inject;

import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.FileCopy;
import dev.vmstate.exchange.OutputFile;
import dev.vmstate.kvmdir.DirectoryWriter;
import dev.vmstate.kvmdir.KvmDirectory;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A new snapshot directory: copies of the old one's files in which the edits are carried out. It
 * has its name once it is complete and on disk.
 */
final class EditedDirectory {
  private EditedDirectory() {}

  /**
   * Writes the directory.
   *
   * @throws IOException when there is something called {@code output}, or it would be inside the
   *     snapshot
   */
  static void write(Path source, Path output, FileEdits edits, EditSize size, Progress progress)
      throws IOException {
    DirectoryWriter.refuseExisting(output);
    Path parent = output.toAbsolutePath().normalize().getParent();
    if (parent != null
        && Files.exists(parent)
        && parent.toRealPath().startsWith(source.toRealPath())) {
      throw new IOException(output + ": is inside the snapshot itself: name another directory");
    }
    List<OutputFile> files = new ArrayList<>();
    try (DirectoryWriter directory = new DirectoryWriter(output)) {
      try {
        copy(source, directory, files, progress);
        List<FileChannel> channels = files.stream().map(OutputFile::channel).toList();
        EditedCopy.carryOut(new JoinedFiles(channels), edits, size, source);
        for (OutputFile file : files) {
          file.commit();
        }
      } finally {
        for (OutputFile file : files) {
          file.close();
        }
      }
      directory.permissionsOf(source);
      directory.commit();
    }
  }

  private static void copy(
      Path source, DirectoryWriter directory, List<OutputFile> files, Progress progress)
      throws IOException {
    for (String name : KvmDirectory.FILES) {
      OutputFile file = new OutputFile(directory.path(name));
      files.add(file);
      file.permissionsOf(source.resolve(name));
      FileCopy.copy(
          source.resolve(name), file, name.equals(KvmDirectory.MEMORY) ? progress : Progress.NONE);
    }
  }
}
