package dev.vmstate.inject;

import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.Container;
import dev.vmstate.container.PlainContainer;
import dev.vmstate.kvmdir.KvmContainer;
import dev.vmstate.libvirt.LibvirtContainer;
import dev.vmstate.qcow2.Qcow2Container;
import java.io.IOException;

/**
 * Changes of a file, in file offsets: what {@link StreamEdits} come to in the container that holds
 * the stream; of a directory, in offsets of its files joined. One for each kind of container that
 * can be changed in parts.
 */
interface FileEdits extends InPlace.Plan {
  /**
   * Where appended bytes go; what stands behind moves up. The size of the file where nothing moves;
   * patches from there on then change bytes that were appended before.
   */
  long appendAt() throws IOException;

  /** No edits of a file of {@code fileSize} bytes. */
  static FileEdits none(long fileSize) {
    return new FileEdits() {
      @Override
      public long appendAt() {
        return fileSize;
      }

      @Override
      public void tell(StreamTarget target) {}
    };
  }

  /** The edits of the file that holds the stream. */
  static FileEdits of(Container container, StreamEdits edits) throws IOException {
    if (container instanceof PlainContainer || container instanceof LibvirtContainer) {
      return new PlainEdits(edits, container.streamAt());
    }
    if (container instanceof Qcow2Container qcow2) {
      return new Qcow2Edits(edits, qcow2.vmState());
    }
    if (container instanceof KvmContainer directory) {
      return new DirectoryEdits(edits, directory);
    }
    throw new UnsupportedFormatException(
        container.source().toString(),
        0,
        "a %s cannot be changed by this version".formatted(container.name()));
  }
}
