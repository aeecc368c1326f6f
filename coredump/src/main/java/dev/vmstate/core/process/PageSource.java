package dev.vmstate.core.process;

/** Where the bytes of a page of a process are. */
public enum PageSource {
  /** In RAM, by the process's page tables; also what it may not read now (PROT_NONE). */
  MAPPED(true),
  /** In RAM, a file's page that the process has not touched: it would get this one. */
  CACHED(true),
  /** In RAM, but on its way to or from swap. */
  SWAP_CACHED(true),
  /** Nowhere: zeros, since nobody has written to it. */
  ZERO(false),
  /** On a swap device, in zswap: not in RAM as it is. */
  SWAPPED(false),
  /** In a file of which RAM has no such page. */
  ABSENT(false),
  /** There is nothing: behind the end of a file, a device's memory, poisoned. */
  NOTHING(false);

  private final boolean inRam;

  PageSource(boolean inRam) {
    this.inRam = inRam;
  }

  /** Whether a piece has a guest-physical address. */
  public boolean inRam() {
    return inRam;
  }

  /** Whether the bytes are known. */
  public boolean known() {
    return inRam || this == ZERO;
  }
}
