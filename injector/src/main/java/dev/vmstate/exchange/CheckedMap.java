package dev.vmstate.exchange;

import dev.vmstate.core.physical.MapCheck;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;

/** A snapshot's memory map after its guest was asked whether it is right. */
public final class CheckedMap {
  private CheckedMap() {}

  /**
   * Lets {@link Snapshot#memoryMap} be the best there is; needs the index. Of a snapshot that is
   * read from front to back only, guest memory cannot be looked at yet: nothing changes.
   */
  public static void decide(Snapshot snapshot) throws IOException {
    if (!CoreOutput.isForward(snapshot) && snapshot.memoryMap().split().isPresent()) {
      decide(snapshot, snapshot.memory());
    }
  }

  /** {@code memory}: the snapshot's, wherever it can be read. */
  static void decide(Snapshot snapshot, GuestMemory memory) throws IOException {
    snapshot.decided(
        MapCheck.of(memory, snapshot.cpus(), snapshot.memoryMap(), snapshot::memoryMap));
  }
}
