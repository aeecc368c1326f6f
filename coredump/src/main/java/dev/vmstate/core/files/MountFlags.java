package dev.vmstate.core.files;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The words for bits of mounts, in the order {@code fs/proc_namespace.c} writes them. */
final class MountFlags {
  private static final long MNT_READONLY = 0x40;
  private static final long SB_RDONLY = 1;

  /** By their bit: {@code include/linux/mount.h}. */
  private static final Map<Long, String> MOUNT =
      new TreeMap<>(
          Map.of(
              0x01L, "nosuid",
              0x02L, "nodev",
              0x04L, "noexec",
              0x08L, "noatime",
              0x10L, "nodiratime",
              0x20L, "relatime",
              0x80L, "nosymfollow"));

  /** {@code include/linux/fs.h}; {@code mand} until 5.15. */
  private static final List<Map.Entry<Long, String>> SUPER =
      List.of(
          Map.entry(1L << 4, "sync"),
          Map.entry(1L << 7, "dirsync"),
          Map.entry(1L << 6, "mand"),
          Map.entry(1L << 25, "lazytime"));

  private MountFlags() {}

  /** Of {@code vfsmount.mnt_flags}: {@code ro} or {@code rw}, then what else is set. */
  static List<String> ofMount(long flags) {
    List<String> words = new ArrayList<>();
    words.add((flags & MNT_READONLY) != 0 ? "ro" : "rw");
    MOUNT.forEach(
        (bit, word) -> {
          if ((flags & bit) != 0) {
            words.add(word);
          }
        });
    return words;
  }

  /** Of {@code super_block.s_flags}. */
  static List<String> ofSuper(long flags) {
    List<String> words = new ArrayList<>();
    words.add((flags & SB_RDONLY) != 0 ? "ro" : "rw");
    for (Map.Entry<Long, String> known : SUPER) {
      if ((flags & known.getKey()) != 0) {
        words.add(known.getValue());
      }
    }
    return words;
  }
}
