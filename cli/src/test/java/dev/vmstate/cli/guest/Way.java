package dev.vmstate.cli.guest;

import java.io.IOException;
import java.nio.file.Path;

/** One way in which QEMU saves a guest and takes it back. */
interface Way {
  /** For the names of tests. */
  String name();

  /** What {@code info} calls the container. */
  String container();

  /** Whether the guest ran on before or while it was saved: QEMU's dump of before is not of it. */
  boolean ranOn();

  /**
   * Whether QEMU may have lost pages that the guest wrote meanwhile: under TCG 7.2 and before do. A
   * guest may die of that.
   */
  boolean losesPages(BootedGuest guest);

  /** Whether the stream says what its devices are made of. */
  boolean described();

  /** Whether a snapshot can be changed where it is. */
  boolean inPlace();

  /**
   * Loads the guest, lets QEMU save it in this way.
   *
   * @param folder empty
   * @return the snapshot, as our command line takes it
   */
  String save(BootedGuest guest, Path folder) throws IOException, InterruptedException;

  /** A paused machine with a snapshot of this form in it. */
  Machine load(BootedGuest guest, String snapshot) throws IOException;

  /** The file of a snapshot's name. */
  default Path file(String snapshot) {
    return Path.of(snapshot);
  }

  /** The name of the same snapshot in another file. */
  default String in(Path file) {
    return file.toString();
  }
}
