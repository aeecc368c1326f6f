package dev.vmstate.core.paging;

/**
 * Consecutive virtual addresses that stand at consecutive guest-physical addresses. Neighbouring
 * pages are one run when both are the user's or both are not; write and execute rights of a run are
 * those any page of it has, since a run per right would double the list and no debugger asks.
 *
 * @param virtual first virtual address, canonical
 * @param physical guest-physical address of {@code virtual}; need not be RAM (device memory)
 * @param bytes length
 * @param rights sum of {@link #USER}, {@link #WRITABLE}, {@link #EXECUTABLE}
 */
public record VirtualRun(long virtual, long physical, long bytes, int rights) {
  /** User mode may reach these pages. */
  public static final int USER = 1;

  /** At least one page is writable. */
  public static final int WRITABLE = 2;

  /** At least one page is executable. */
  public static final int EXECUTABLE = 4;

  /** Whether user mode may reach these pages. */
  public boolean user() {
    return (rights & USER) != 0;
  }
}
