package dev.vmstate.inject;

import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.Container;
import dev.vmstate.container.PlainContainer;
import dev.vmstate.libvirt.LibvirtContainer;
import java.io.IOException;

/**
 * Changes of a file, in file offsets: what {@link StreamEdits} come to in the container that holds
 * the stream. One for each kind of container that can be changed in parts.
 */
interface FileEdits extends InPlace.Plan {
  /**
   * Where appended bytes go; what stands behind moves up. The size of the file where nothing moves.
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
    throw new UnsupportedFormatException(
        container.source().toString(),
        0,
        "a %s cannot be changed by this version".formatted(container.name()));
  }
}
