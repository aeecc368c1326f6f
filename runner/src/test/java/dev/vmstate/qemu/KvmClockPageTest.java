package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.diff.PageDiff;
import dev.vmstate.diff.SnapshotDiff;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.fixtures.PageItems;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KvmClockPageTest {
  /** Two CPUs, their clocks side by side in page 3; bit 0 says that the clock is on. */
  private static final long[] CLOCKS = {0x3c21, 0x3c41};

  @TempDir Path dir;
  private final List<Verification.Drift> drifts = new ArrayList<>();

  private Path stream(String name, long[] clocks, int... changed) throws IOException {
    byte[] page = PageItems.pattern(4096, 1);
    for (int at : changed) {
      page[at]++;
    }
    MigrationStreamBuilder builder =
        new MigrationStreamBuilder("pc-i440fx-7.2")
            .block("pc.ram", 0x200000)
            .end(pages -> pages.page("pc.ram", 3, page));
    for (int i = 0; i < clocks.length; i++) {
      long msr = clocks[i];
      builder.device(
          "cpu",
          i,
          12,
          "cpu",
          cpu ->
              cpu.array("env.regs", "uint64", new long[16])
                  .u64("env.eip", 0)
                  .u64("env.system_time_msr", msr));
    }
    return builder.writeTo(dir.resolve(name));
  }

  private List<PageDiff> left(long[] clocks, int... changed) throws IOException {
    try (StreamSnapshot fresh = StreamSnapshot.open(stream("fresh", clocks));
        StreamSnapshot again = StreamSnapshot.open(stream("again", clocks, changed))) {
      return KvmClockPage.explain(
          SnapshotDiff.between(fresh, again).pages(), fresh, again, drifts::add);
    }
  }

  @Test
  void clocksMayDiffer() throws IOException {
    assertTrue(left(CLOCKS, 0xc20, 0xc3d, 0xc40).isEmpty());
    assertEquals(
        List.of("pc.ram+0x3c20", "pc.ram+0x3c40"),
        drifts.stream().map(drift -> drift.change().path()).toList());
    assertEquals(32, drifts.get(0).change().inA().length());
  }

  @Test
  void whatStandsBesideAClockMayNot() throws IOException {
    assertEquals(1, left(CLOCKS, 0xc20, 0xc60).get(0).count());
    assertEquals(1, left(CLOCKS, 0xc1f).get(0).count());
    assertTrue(drifts.isEmpty());
  }

  @Test
  void aClockThatIsOffIsMemoryLikeAnyOther() throws IOException {
    assertEquals(1, left(new long[] {0x3c20}, 0xc20).get(0).count());
  }
}
