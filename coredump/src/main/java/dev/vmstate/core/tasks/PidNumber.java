package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A number in a pid namespace; a process in a container has one in each namespace from the first
 * on. Source: {@code struct pid}, {@code struct upid} of {@code include/linux/pid.h}.
 *
 * @param number of the process or thread
 * @param namespace inode number of the namespace, as {@code /proc/PID/ns/pid} shows it; 0 where it
 *     has none
 */
public record PidNumber(int number, long namespace) {
  /** MAX_PID_NS_LEVEL. */
  private static final int MOST_LEVELS = 32;

  /** All of a {@code struct pid}, the first namespace first. */
  static List<PidNumber> of(KernelObject pid) throws IOException {
    List<PidNumber> all = new ArrayList<>();
    long level = Math.min(pid.number("level"), MOST_LEVELS);
    for (int i = 0; i <= level; i++) {
      KernelObject number = upid(pid, i);
      Optional<KernelObject> namespace = number.follow("ns", "pid_namespace");
      all.add(
          new PidNumber(
              (int) number.signed("nr"),
              namespace.isPresent() ? namespace.get().number("ns.inum") : 0));
    }
    return all;
  }

  /** The number in the first namespace. */
  static int first(KernelObject pid) throws IOException {
    return (int) upid(pid, 0).signed("nr");
  }

  /** The array has one element in old kernels and none in new ones; it is as long as need be. */
  private static KernelObject upid(KernelObject pid, int level) throws IOException {
    KernelObjects objects = pid.objects();
    long bytes = objects.types().size("upid").orElse(0);
    return objects.at("upid", pid.at("numbers") + level * bytes);
  }
}
