package dev.vmstate.core.kdump;

/**
 * Pages a dump may do without, in the words and with the bits of makedumpfile's {@code -d}; the
 * last ones are no level's. Source: makedumpfile.8; {@code DL_EXCLUDE_*} in {@code makedumpfile.h}.
 */
public enum PageKind {
  /** Nothing but zeros. Such a page is not left out but shares its bytes with the others. */
  ZERO("zero", 1),
  /** Page cache without buffers or the like. */
  CACHE("cache", 2),
  /** Page cache with private data, a file system's buffers mostly. */
  CACHE_PRIVATE("cache-private", 4),
  /** Memory of processes that belongs to no file, and hugetlbfs. */
  USER("user", 8),
  /** Free: the buddy allocator has it, or it was never accepted from the hypervisor. */
  FREE("free", 16),
  /** Broken, says the guest; left out by every level that asks the guest's kernel. */
  HWPOISON("hwpoison", 0),
  /** Given back to the hypervisor, by a balloon or virtio-mem; left out as hwpoison is. */
  OFFLINE("offline", 0);

  private final String word;
  private final int bit;

  PageKind(String word, int bit) {
    this.word = word;
    this.bit = bit;
  }

  /** As it is asked for on the command line: {@code cache-private}. */
  public String word() {
    return word;
  }

  /** Its bit in a dump level; 0 when none asks for it. */
  int bit() {
    return bit;
  }
}
