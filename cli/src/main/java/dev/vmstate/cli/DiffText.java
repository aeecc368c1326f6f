package dev.vmstate.cli;

import dev.vmstate.diff.DeviceDiff;
import dev.vmstate.diff.PageDiff;
import dev.vmstate.diff.SnapshotDiff;
import java.io.PrintWriter;

/** Prints what differs between two snapshots. */
final class DiffText {
  private DiffText() {}

  static void print(SnapshotDiff diff, PrintWriter out) {
    diff.onlyInA().forEach(name -> out.println("only in the first: " + name));
    diff.onlyInB().forEach(name -> out.println("only in the second: " + name));
    for (DeviceDiff device : diff.devices()) {
      device.fields().forEach(out::println);
      device.structure().forEach(line -> out.println(device.device() + ": " + line));
    }
    diff.blocks().forEach(out::println);
    for (PageDiff pages : diff.pages()) {
      pages.ranges().forEach(range -> out.println("memory " + range));
    }
    if (diff.same()) {
      out.println("no difference");
    }
  }
}
