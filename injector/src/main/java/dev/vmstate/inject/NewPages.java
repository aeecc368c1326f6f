package dev.vmstate.inject;

import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;

/** Gives bytes to pages that have none in their snapshot: one for each way a snapshot keeps RAM. */
interface NewPages {
  /** Puts a page that was zero; pages come in the order of blocks and of their numbers. */
  void put(int block, long page, byte[] bytes) throws IOException;

  /** To be called after the last page. */
  void finish() throws IOException;

  /** How many pages were added to the snapshot. */
  long appended();

  /** For the pages of a snapshot, told to {@code target}. */
  static NewPages of(EditableSnapshot snapshot, StreamTarget target) {
    if (!(snapshot instanceof StreamSnapshot stream)) {
      return new Nowhere(snapshot);
    }
    return stream.ram().isMapped()
        ? new MappedPlaces(stream.stream(), stream.ram(), target)
        : new AppendedPages(stream, target);
  }

  /** Where every page has its place, no page is new. */
  record Nowhere(EditableSnapshot snapshot) implements NewPages {
    @Override
    public void put(int block, long page, byte[] bytes) throws IOException {
      throw new IOException(
          "%s: page 0x%x of '%s' has no place in it"
              .formatted(snapshot.source(), page, snapshot.blocks().get(block).name()));
    }

    @Override
    public void finish() {}

    @Override
    public long appended() {
      return 0;
    }
  }
}
