package dev.vmstate.qcow2;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.FileSource;
import dev.vmstate.container.SnapshotName;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** One internal snapshot of a qcow2 image. */
public final class Qcow2Container implements Container {
  private final SnapshotName source;
  private final Qcow2Image image;
  private final VmState stream;

  private Qcow2Container(SnapshotName source, Qcow2Image image) throws IOException {
    this.source = source;
    this.image = image;
    if (source.inner().isEmpty()) {
      throw new FileNotFoundException(
          "%s: a qcow2 image: say which snapshot, as %s#NAME; it has %s"
              .formatted(source, source.file(), image.list()));
    }
    this.stream = image.vmState(image.find(source.inner().get()), source.toString());
  }

  /**
   * Opens the snapshot {@code source} names; the container closes {@code file}.
   *
   * @throws FileNotFoundException when it names none; the message has the names there are
   */
  public static Qcow2Container open(SnapshotName source, FileSource file) throws IOException {
    Qcow2Image image = Qcow2Image.of(source.file(), file);
    try {
      return new Qcow2Container(source, image);
    } catch (IOException | RuntimeException e) {
      image.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return "qcow2";
  }

  @Override
  public SnapshotName source() {
    return source;
  }

  @Override
  public ByteSource stream() {
    return stream;
  }

  /** The stream with its clusters, for writers. */
  public VmState vmState() {
    return stream;
  }

  @Override
  public long fileSize() {
    return image.file().size();
  }

  /** The image grows and shrinks without it. */
  @Override
  public long ownSize() {
    return stream.size();
  }

  @Override
  public List<Fact> facts() {
    Qcow2Snapshot snapshot = stream.snapshot();
    List<Fact> facts = new ArrayList<>();
    facts.add(new Fact("snapshot", SnapshotTable.shown(snapshot.name())));
    facts.add(new Fact("snapshotId", SnapshotTable.shown(snapshot.id())));
    facts.add(new Fact("date", snapshot.date().toString()));
    facts.add(new Fact("vmStateBytes", Long.toString(snapshot.vmStateSize())));
    facts.add(new Fact("clusterSize", Integer.toString(image.header().clusterSize())));
    for (String warning : image.warnings()) {
      facts.add(new Fact("warning", warning));
    }
    return facts;
  }

  @Override
  public void close() throws IOException {
    image.close();
  }
}
