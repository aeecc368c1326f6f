package dev.vmstate.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.QemuImage;
import dev.vmstate.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** New snapshots in images made by qemu-img, judged by qemu-img and qemu-io. */
class Qcow2SnapshotWriterTest {
  private static final long DISK = 3_000_000 / 512 * 512;

  @TempDir Path directory;

  private static byte[] noise(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  private QemuImage add(QemuImage image, String name, byte[] stream) throws Exception {
    Path out = directory.resolve("out");
    Files.deleteIfExists(out);
    Files.copy(image.file(), out);
    try (Qcow2Image read = Qcow2Image.open(image.file());
        FileChannel file =
            FileChannel.open(out, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      Qcow2SnapshotWriter.check(read, name);
      Qcow2SnapshotWriter.write(
          read,
          file,
          new Qcow2SnapshotWriter.Label(
              name, Instant.ofEpochSecond(1_700_000_000), 90_000_000_000L),
          target -> target.write(stream));
    }
    return new QemuImage(out);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "cluster_size=64k; 300000",
        "cluster_size=512; 300000",
        "cluster_size=4k,refcount_bits=64; 5000000",
        "cluster_size=1k,refcount_bits=8; 1",
        "cluster_size=2M; 4096",
        "cluster_size=64k,extended_l2=on; 200000",
        "compat=0.10; 300000",
        "refcount_bits=4,cluster_size=4k; 4096",
        "preallocation=metadata; 4096",
      })
  void qemuSeesTheDiskTheOldSnapshotAndTheNewOne(String options, int length) throws Exception {
    QemuImage image = QemuImage.create(directory.resolve("disk"), DISK, options);
    image.io("write -q -P 0x11 0 200k", "write -q -P 0x22 1M 100k");
    image.save("first", noise(70_000));
    image.io("write -q -P 0x33 100k 200k", "write -q -z 1M 64k");
    byte[] disk = image.disk("");
    byte[] firstDisk = image.disk("first");
    byte[] stream = noise(length);
    QemuImage out = add(image, "fresh", stream);
    out.check();
    assertArrayEquals(disk, out.disk(""));
    assertArrayEquals(disk, out.disk("fresh"));
    assertArrayEquals(firstDisk, out.disk("first"));
    assertArrayEquals(stream, out.vmState("fresh", length));
    assertArrayEquals(noise(70_000), out.vmState("first", 70_000));
    assertTrue(out.list().contains("fresh"), out.list());
    assertTrue(out.list().contains("00:01:30.000"), out.list());
    out.io("write -q -P 0x44 0 64k");
    out.check();
    assertArrayEquals(disk, out.disk("fresh"));
    out.snapshot("-d", "first").snapshot("-a", "fresh").snapshot("-d", "fresh").check();
    assertArrayEquals(disk, out.disk(""));
  }

  /** 512-byte clusters with 64-bit refcounts: 64 to a block, 64 blocks to a table's cluster. */
  @Test
  void theRefcountTableMovesWhenItIsTooShort() throws Exception {
    QemuImage image =
        QemuImage.create(directory.resolve("disk"), DISK, "cluster_size=512,refcount_bits=64");
    byte[] stream = noise(6_000_000);
    QemuImage out = add(image, "large", stream);
    out.check();
    assertArrayEquals(stream, out.vmState("large", stream.length));
  }

  @Test
  void compressedClustersOfTheDiskAreShared() throws Exception {
    QemuImage image = QemuImage.create(directory.resolve("disk"), DISK, "");
    image.io("write -q -c -P 0x11 0 64k", "write -q -c -P 0x22 64k 64k", "write -q -P 0x33 1M 64k");
    byte[] disk = image.disk("");
    QemuImage out = add(image, "fresh", noise(100_000));
    out.check();
    assertArrayEquals(disk, out.disk("fresh"));
    out.io("write -q -P 0x44 0 128k").check();
    assertArrayEquals(disk, out.disk("fresh"));
  }

  @Test
  void aNameOrIdThatIsThereAlreadyIsRefused() throws Exception {
    QemuImage image = QemuImage.create(directory.resolve("disk"), DISK, "");
    image.snapshot("-c", "first");
    for (String name : new String[] {"first", "1", "", "x".repeat(256)}) {
      IOException refused =
          assertThrows(IOException.class, () -> add(image, name, new byte[1]), name);
      assertTrue(refused.getMessage().contains("'" + name + "'"), refused.getMessage());
    }
  }

  @Test
  void aClusterThatCannotBeSharedOnceMoreIsNamed() throws Exception {
    QemuImage image = QemuImage.create(directory.resolve("disk"), DISK, "refcount_bits=1");
    image.io("write -q -P 0x11 0 64k");
    IOException refused = assertThrows(IOException.class, () -> add(image, "x", new byte[1]));
    assertTrue(refused.getMessage().contains("refcount_bits is too small"), refused.getMessage());
    assertEquals(1, refused.getMessage().lines().count());
  }
}
