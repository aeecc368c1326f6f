package dev.vmstate.inject;

import dev.vmstate.qcow2.ClusterMap;
import dev.vmstate.qcow2.L2Entry;
import dev.vmstate.qcow2.Qcow2Header;
import java.io.IOException;

/**
 * The COPIED flags of the active disk. An entry reachable from the active L1 table has it exactly
 * when the refcount of what it leads to is 1 ({@code qemu-img check} insists on it), so when edits
 * take away the other user of a cluster, the active disk's entry has to be found. After loadvm it
 * is the entry with the same number; elsewhere is looked only when it is not.
 */
final class SingleUsers {
  private final Qcow2Header header;
  private final ClusterMap active;
  private final ClusterSet single = new ClusterSet();
  private final ClusterSet tables = new ClusterSet();

  SingleUsers(Qcow2Plan plan) throws IOException {
    this.header = plan.header();
    this.active = plan.active();
    ClusterSet left = new ClusterSet();
    plan.refcounts()
        .single()
        .visit(
            cluster -> {
              single.add(cluster);
              left.add(cluster);
            });
    plan.changedTables().visit(table -> look(plan.vmIndex() + table, left));
    for (long table = 0; left.size() > 0 && table < active.tableCount(); table++) {
      look(table, left);
    }
  }

  private void look(long table, ClusterSet left) throws IOException {
    if (left.size() == 0 || table >= active.tableCount() || active.tableAt((int) table) == 0) {
      return;
    }
    long before = left.size();
    left.remove(active.tableAt((int) table) >>> header.clusterBits());
    long first = table << header.l2Bits();
    for (long cluster = first; cluster < first + (1L << header.l2Bits()); cluster++) {
      long host = host(cluster);
      if (host != 0) {
        left.remove(host >>> header.clusterBits());
      }
    }
    if (left.size() < before) {
      tables.add(table);
    }
  }

  /** The host cluster of an entry that can have the flag, or 0. */
  private long host(long cluster) throws IOException {
    long entry = active.entry(cluster);
    return active.entries().kind(entry, active.bitmap(cluster)) == L2Entry.Kind.COMPRESSED
        ? 0
        : L2Entry.host(entry);
  }

  /** Sets the flags. */
  void tell(HostPatches patches) throws IOException {
    tables.visit(
        table -> {
          long at = active.tableAt((int) table);
          if (single.contains(at >>> header.clusterBits())) {
            patches.u64(active.l1EntryAt((int) table), at | L2Entry.COPIED);
          }
          long first = table << header.l2Bits();
          for (long cluster = first; cluster < first + (1L << header.l2Bits()); cluster++) {
            long host = host(cluster);
            if (host != 0 && single.contains(host >>> header.clusterBits())) {
              patches.u64(active.entryAt(cluster), active.entry(cluster) | L2Entry.COPIED);
            }
          }
        });
  }
}
