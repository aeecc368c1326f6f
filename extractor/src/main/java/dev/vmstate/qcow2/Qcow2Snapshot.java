package dev.vmstate.qcow2;

import dev.vmstate.bytes.Span;
import java.time.Instant;
import java.util.OptionalLong;

/**
 * An entry of the snapshot table.
 *
 * <pre>
 *  0 u64 l1_table_offset   14 u16 name length      32 u32 vm_state_size
 *  8 u32 l1_size           16 u32 seconds          36 u32 extra_data_size
 * 12 u16 id length         20 u32 nanoseconds      40 extra: u64 vm_state_size_large
 *                          24 u64 vm_clock_nsec       u64 disk_size, u64 icount
 * then id, name, padding to 8
 * </pre>
 *
 * @param id text, a number where QEMU chose it
 * @param name what the user called it
 * @param l1 where its L1 table stands
 * @param date when it was taken
 * @param vmClock how long the guest had run, in nanoseconds
 * @param vmStateSize bytes of VM state; 0 when only the disk was kept
 * @param diskSize bytes of the virtual disk when it was taken; the disk may have another size now
 * @param icount instructions executed, with {@code -icount}
 * @param entry where the entry stands, padding included
 * @param extraSize bytes of extra data; a writer may change what they cover
 */
public record Qcow2Snapshot(
    String id,
    String name,
    Span l1,
    Instant date,
    long vmClock,
    long vmStateSize,
    long diskSize,
    OptionalLong icount,
    Span entry,
    int extraSize) {
  /** Where a writer finds what it changes, from the start of the entry. */
  public static final int L1_SIZE_AT = 8;

  /** The 32-bit size; the 64-bit one is the first extra field. */
  public static final int VM_STATE_SIZE_AT = 32;

  /** The first extra field, where {@link #extraSize} is 8 or more. */
  public static final int EXTRA_AT = 40;

  /** Whether it has VM state. */
  public boolean hasVmState() {
    return vmStateSize > 0;
  }
}
