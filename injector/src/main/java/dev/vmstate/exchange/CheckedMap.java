package dev.vmstate.exchange;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.physical.MapCheck;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;

/** A snapshot's memory map after its guest was asked whether it is right. */
public final class CheckedMap {
  private CheckedMap() {}

  /**
   * Lets {@link Snapshot#memoryMap} be the best there is, before anything was read.
   *
   * @param progress told while a stream is decompressed and indexed
   */
  public static void decide(Snapshot snapshot, Progress progress) throws IOException {
    snapshot.randomAccess(progress);
    if (snapshot.memoryMap().split().isPresent()) {
      snapshot.index(progress);
      decide(snapshot, snapshot.memory());
    }
  }

  /** Guest memory, in any order, by that map. */
  static GuestMemory memory(Snapshot snapshot, Progress progress) throws IOException {
    decide(snapshot, progress);
    snapshot.index(progress);
    return snapshot.memory();
  }

  /** {@code memory}: the snapshot's, wherever it can be read. */
  static void decide(Snapshot snapshot, GuestMemory memory) throws IOException {
    snapshot.decided(
        MapCheck.of(memory, snapshot.cpus(), snapshot.memoryMap(), snapshot::memoryMap));
  }
}
