package dev.vmstate.inject;

import java.io.IOException;

/** The pages that are to change, with old and new bytes. */
interface RamEdits {
  /** One changed page; the arrays are used again for the next one. */
  interface Visitor {
    /**
     * Told of each page, in the order of blocks and pages.
     *
     * @param dataAt where the page's bytes stand in the stream, or -1 when they stand nowhere
     * @param before the page as the snapshot has it
     * @param after the page as it is to be
     */
    void page(int block, long page, long dataAt, byte[] before, byte[] after) throws IOException;
  }

  /** How many pages are to be told of. */
  long count();

  /** Tells of every one. */
  void visit(Visitor visitor) throws IOException;
}
