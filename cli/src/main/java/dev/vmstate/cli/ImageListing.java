package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.qcow2.Qcow2Image;
import dev.vmstate.qcow2.Qcow2Snapshot;
import java.io.PrintWriter;
import java.time.temporal.ChronoUnit;

/** The snapshots in a qcow2 image. */
final class ImageListing {
  private final SnapshotName source;
  private final Qcow2Image image;

  ImageListing(SnapshotName source, Qcow2Image image) {
    this.source = source;
    this.image = image;
  }

  ObjectNode json() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("container", "qcow2").put("version", image.header().version());
    node.put("clusterSize", image.header().clusterSize());
    node.put("diskBytes", image.header().diskSize());
    image.header().encryption().ifPresent(method -> node.put("encryption", method));
    image.warnings().forEach(node.putArray("warnings")::add);
    ArrayNode snapshots = node.putArray("snapshots");
    for (Qcow2Snapshot snapshot : image.snapshots()) {
      ObjectNode one = snapshots.addObject();
      one.put("id", snapshot.id()).put("name", snapshot.name());
      one.put("date", snapshot.date().toString());
      one.put("vmClockNanos", snapshot.vmClock());
      one.put("vmStateBytes", snapshot.vmStateSize()).put("diskBytes", snapshot.diskSize());
      snapshot.icount().ifPresent(count -> one.put("icount", count));
    }
    return node;
  }

  void text(PrintWriter out) {
    out.println(source);
    out.printf(
        "  container  qcow2, version %d, %s%n",
        image.header().version(), Sizes.text(image.file().size()));
    out.printf(
        "  disk       %s, clusters of %s%s%n",
        Sizes.text(image.header().diskSize()),
        Sizes.text(image.header().clusterSize()),
        image.header().encryption().map(method -> ", encrypted (" + method + ")").orElse(""));
    image.warnings().forEach(warning -> out.printf("  warning    %s%n", warning));
    if (image.snapshots().isEmpty()) {
      out.println("  no snapshots");
      return;
    }
    out.printf("  %-5s%-24s%-12s%-22s%s%n", "id", "snapshot", "VM state", "date", "guest ran");
    for (Qcow2Snapshot snapshot : image.snapshots()) {
      out.printf(
          "  %-5s%-24s%-12s%-22s%s%n",
          oneLine(snapshot.id()),
          oneLine(snapshot.name()),
          snapshot.hasVmState() ? Sizes.text(snapshot.vmStateSize()) : "disk only",
          snapshot.date().truncatedTo(ChronoUnit.SECONDS),
          Sizes.time(snapshot.vmClock() / 1e9));
    }
    out.printf("'vmstate info %s#NAME' shows one%n", source);
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\p{Cc}", "?");
  }
}
