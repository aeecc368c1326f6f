package dev.vmstate.cli;

import dev.vmstate.kvmdir.KvmDirectory;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A snapshot from which a machine's RAM is mapped. A page that the guest has not written yet is the
 * file's, so a change in place would be seen by the running guest: as long as it runs, others may
 * map the snapshot too, but nobody may change it.
 *
 * <p>A process loses its lock with the first descriptor of the file that it closes (POSIX), so it
 * is taken when all others are closed. Where there are no locks (some network file systems) it goes
 * without.
 */
final class MappedSnapshot implements Closeable {
  private final Path directory;
  private final FileChannel memory;

  MappedSnapshot(Path directory) throws IOException {
    this.directory = directory;
    this.memory = FileChannel.open(directory.resolve(KvmDirectory.MEMORY), StandardOpenOption.READ);
  }

  /**
   * Takes the lock.
   *
   * @throws IOException when the snapshot is being changed
   */
  void hold() throws IOException {
    boolean held;
    try {
      held = memory.tryLock(0, Long.MAX_VALUE, true) != null;
    } catch (OverlappingFileLockException e) {
      held = true; // by another machine of this process
    } catch (IOException e) {
      held = true; // a file system without locks
    }
    if (!held) {
      throw new IOException(directory + ": is being changed in place by another program");
    }
  }

  @Override
  public void close() throws IOException {
    memory.close();
  }
}
