package dev.vmstate.ram;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.compress.Feed;
import dev.vmstate.compress.ForwardSource;
import dev.vmstate.container.Container;
import dev.vmstate.container.SnapshotName;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Deltas of pages that passed long ago, in a stream that is read from front to back. */
class ForwardDeltaTest {
  private static final int PAGES = 2000; // 8 MiB: the window is 1 MiB

  private static final class Packed implements Container {
    private final long size;
    private final ForwardSource unpacked;

    Packed(byte[] bytes, boolean again) {
      size = bytes.length;
      unpacked = new ForwardSource("vm.mig.gz", feed(bytes, again), 1);
    }

    private static Feed feed(byte[] bytes, boolean again) {
      return new Feed() {
        @Override
        public InputStream open() {
          return new ByteArrayInputStream(bytes);
        }

        @Override
        public boolean again() {
          return again;
        }

        @Override
        public long consumed() {
          return 0;
        }
      };
    }

    @Override
    public String name() {
      return "qemu-stream";
    }

    @Override
    public SnapshotName source() {
      return SnapshotName.of(Path.of("vm.mig.gz"));
    }

    @Override
    public ByteSource stream() {
      return unpacked;
    }

    @Override
    public long fileSize() {
      return size;
    }

    @Override
    public void close() throws IOException {
      unpacked.close();
    }
  }

  private static byte[] stream() {
    return new MigrationStreamBuilder("pc-i440fx-7.2")
        .block("pc.ram", PAGES * 4096L)
        .part(p -> p.pages("pc.ram", 0, PAGES, 1))
        .part(p -> p.delta("pc.ram", 700, new byte[] {4, 1, 9}).page("pc.ram", 701, 7))
        .end(p -> p.delta("pc.ram", 700, new byte[] {5, 1, 8}))
        .globalState("paused")
        .build();
  }

  private static PageVisitor keeping(List<byte[]> seen) {
    return new PageVisitor() {
      @Override
      public void data(int block, long page, ByteBuffer bytes, int at, long offset) {
        if (page == 700) {
          byte[] copy = new byte[4096];
          bytes.get(at, copy);
          seen.add(copy);
        }
      }

      @Override
      public void fill(int block, long page, int value) {}
    };
  }

  @Test
  void theCompressedStreamIsPutIntoAFileWhenTheFirstOfThemComes() throws Exception {
    byte[] expected = PageItems.pattern(4096, 701);
    try (StreamSnapshot snapshot = StreamSnapshot.of(new Packed(stream(), true))) {
      List<byte[]> seen = new ArrayList<>();
      snapshot.scan(keeping(seen));
      assertEquals(3, seen.size());
      assertArrayEquals(expected, seen.get(0));
      expected[4] = 9;
      assertArrayEquals(expected, seen.get(1));
      expected[5] = 8;
      assertArrayEquals(expected, seen.get(2));
      ByteBuffer page = ByteBuffer.allocate(4096);
      snapshot.memory().readBlock(0, 700 * 4096, page);
      assertArrayEquals(expected, page.array());
      snapshot.memory().readBlock(0, 701 * 4096, page.clear());
      assertArrayEquals(PageItems.pattern(4096, 7), page.array());
    }
  }

  @Test
  void throughAPipeTheyHavePassed() throws Exception {
    try (StreamSnapshot snapshot = StreamSnapshot.of(new Packed(stream(), false))) {
      FormatException e =
          assertThrows(FormatException.class, () -> snapshot.scan(keeping(new ArrayList<>())));
      assertTrue(e.getMessage().contains("came through a pipe and have passed"), e.getMessage());
    }
  }
}
