package dev.vmstate.core.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.objects.HandKernel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mounts that a test has put there, in both forms kernels keep them. */
class MountsTest {
  private static List<String> points(MountNamespace namespace) {
    return namespace.mounts().stream().map(Mount::point).toList();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void mountsAreThereInOrderWithEverythingTheirLineHas(boolean tree) throws Exception {
    HandMounts hand = new HandMounts(tree);
    long ext4 = hand.fileSystem("ext4", 8 << 20 | 17, 1 | 1 << 25);
    long root = hand.dentry(0, "/");
    long mnt = hand.dentry(root, "mnt");
    long blank = hand.dentry(mnt, "a b");
    long top = hand.mount(1, 0, 0, ext4, root, 0x20 | (tree ? 0 : 0x1000), "/dev/sdb1");
    long bound = hand.mount(30, top, blank, ext4, mnt, 0x47 | (tree ? 0 : 0x2000), "/dev/sdb1");
    hand.kernel().put(top, "mount", "mnt_group_id", 5).put(bound, "mount", "mnt_master", top);
    if (tree) {
      hand.kernel().put(top, "mount", "mnt_t_flags", 1).put(bound, "mount", "mnt_t_flags", 2);
    }
    hand.all(top, bound);

    MountNamespace seen = Mounts.of(hand.process(top, root)).orElseThrow();

    assertEquals(4026531841L, seen.inode());
    List<String> supers = List.of("ro", "lazytime");
    long device = 8 << 20 | 17;
    assertEquals(
        List.of(
            new Mount(
                1,
                1,
                device,
                "/",
                "/",
                List.of("rw", "relatime"),
                List.of("shared:5"),
                "ext4",
                "/dev/sdb1",
                supers),
            new Mount(
                30,
                1,
                device,
                "/mnt",
                "/mnt/a b",
                List.of("ro", "nosuid", "nodev", "noexec"),
                List.of("master:5", "unbindable"),
                "ext4",
                "/dev/sdb1",
                supers)),
        seen.mounts());
    assertEquals(List.of(), seen.notes());
  }

  @Test
  void whoIsInADirectoryOfItsOwnSeesOnlyWhatIsInThere() throws Exception {
    HandMounts hand = new HandMounts(false);
    long sb = hand.fileSystem("tmpfs", 20, 0);
    long root = hand.dentry(0, "/");
    long jail = hand.dentry(root, "jail");
    long proc = hand.dentry(jail, "proc");
    long other = hand.dentry(root, "other");
    long top = hand.mount(1, 0, 0, sb, root, 0, "none");
    long inside = hand.mount(2, top, proc, sb, hand.dentry(0, "/"), 0, "proc");
    long outside = hand.mount(3, top, other, sb, hand.dentry(0, "/"), 0, "other");
    hand.all(top, inside, outside);

    assertEquals(List.of("/proc"), points(Mounts.of(hand.process(top, jail)).orElseThrow()));
  }

  @Test
  void aReadersPlaceInTheListIsNoMount() throws Exception {
    HandMounts hand = new HandMounts(false);
    long sb = hand.fileSystem("tmpfs", 20, 0);
    long root = hand.dentry(0, "/");
    long top = hand.mount(1, 0, 0, sb, root, 0, "none");
    long cursor = hand.room();
    hand.kernel().put(cursor, "mount", "mnt.mnt_flags", 0x1000_0000);
    hand.all(cursor, top);

    MountNamespace seen = Mounts.of(hand.process(top, root)).orElseThrow();

    assertEquals(List.of("/"), points(seen));
    assertEquals(List.of(), seen.notes());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aBrokenChainEndsWhereItBreaksAndIsReported(boolean tree) throws Exception {
    HandMounts hand = new HandMounts(tree);
    long sb = hand.fileSystem("tmpfs", 20, 0);
    long root = hand.dentry(0, "/");
    long top = hand.mount(1, 0, 0, sb, root, 0, "none");
    long lost = hand.mount(2, top, hand.dentry(root, "lost"), sb, root, 0, "none");
    hand.all(top, lost);
    long link = lost + 96 + (tree ? 8 : 0);
    hand.kernel().word(link, HandKernel.DIRECT + HandKernel.BYTES);

    MountNamespace seen = Mounts.of(hand.process(top, root)).orElseThrow();

    assertEquals(List.of("/", "/lost"), points(seen));
    assertTrue(seen.notes().get(0).contains("where no RAM is"), seen.notes().toString());

    hand.kernel().word(link, top + 96);
    seen = Mounts.of(hand.process(top, root)).orElseThrow();
    assertEquals(List.of("/", "/lost"), points(seen));
    assertTrue(seen.notes().get(0).contains("comes back"), seen.notes().toString());
  }

  @Test
  void aMountWithoutItsFileSystemDoesNotLoseTheOthers() throws Exception {
    HandMounts hand = new HandMounts(true);
    long sb = hand.fileSystem("tmpfs", 20, 0);
    long root = hand.dentry(0, "/");
    long top = hand.mount(1, 0, 0, sb, root, 0, "none");
    long bad = hand.mount(2, top, hand.dentry(root, "bad"), 0x1234, root, 0, "none");
    long loop = hand.dentry(0, "loop");
    hand.kernel().put(loop, "dentry", "d_parent", hand.dentry(loop, "pool"));
    long round = hand.mount(3, top, loop, sb, root, 0, "none");
    hand.all(top, bad, round);

    MountNamespace seen = Mounts.of(hand.process(top, root)).orElseThrow();

    assertEquals(List.of("/"), points(seen));
    assertEquals(1, seen.notes().size(), seen.notes().toString());
  }

  @Test
  void whoHasExitedSeesNothing() throws Exception {
    HandMounts hand = new HandMounts(true);
    assertTrue(Mounts.of(hand.kernel().objects().at("task_struct", hand.room())).isEmpty());
  }

  @Test
  void mountsWithNamesThatFillMemoryAreNotAllShown() throws Exception {
    HandMounts hand = new HandMounts(false);
    long name = HandKernel.DIRECT + 0xf0_0000;
    hand.kernel().bytes(name, "x".repeat(4000).getBytes(StandardCharsets.US_ASCII));
    long sb = hand.fileSystem("tmpfs", 5, 0);
    long root = hand.dentry(0, "/");
    long[] mounts = new long[7000];
    for (int i = 0; i < mounts.length; i++) {
      mounts[i] = hand.mount(i, i == 0 ? 0 : mounts[0], root, sb, root, 0, "none");
      hand.kernel().put(mounts[i], "mount", "mnt_devname", name);
    }
    hand.all(mounts);

    MountNamespace seen = Mounts.of(hand.process(mounts[0], root)).orElseThrow();

    assertTrue(seen.mounts().size() < 6000, () -> seen.mounts().size() + " mounts");
    assertTrue(seen.notes().toString().contains("more mounts than are shown"));
  }
}
