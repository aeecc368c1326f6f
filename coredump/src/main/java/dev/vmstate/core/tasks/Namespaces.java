package dev.vmstate.core.tasks;

import dev.vmstate.core.objects.KernelObject;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The namespaces a task lives in: those of a container are not the guest's own.
 *
 * @param pids its number in each pid namespace, the first one first; {@code NSpid} of {@code
 *     /proc/PID/status}. Empty in a task that is gone already.
 * @param inodes inode number by kind ({@code mnt}, {@code net}, …), as {@code /proc/PID/ns} has
 *     them; of zombies {@code user} alone
 */
public record Namespaces(List<PidNumber> pids, Map<String, Long> inodes) {
  private static final Map<String, List<String>> KINDS =
      Map.of(
          "mnt", List.of("mnt_ns", "mnt_namespace"),
          "net", List.of("net_ns", "net"),
          "uts", List.of("uts_ns", "uts_namespace"),
          "ipc", List.of("ipc_ns", "ipc_namespace"),
          "cgroup", List.of("cgroup_ns", "cgroup_namespace"),
          "time", List.of("time_ns", "time_namespace"));

  public Namespaces {
    pids = List.copyOf(pids);
    inodes = Collections.unmodifiableMap(new TreeMap<>(inodes));
  }

  /** Of a task. */
  public static Namespaces of(Task task) throws IOException {
    KernelObject object = task.object();
    Optional<KernelObject> pid = object.follow("thread_pid", "pid");
    List<PidNumber> pids = pid.isPresent() ? PidNumber.of(pid.get()) : List.of();
    Map<String, Long> inodes = new TreeMap<>();
    if (!pids.isEmpty()) {
      inodes.put("pid", pids.get(pids.size() - 1).namespace());
    }
    Optional<KernelObject> proxy = object.follow("nsproxy", "nsproxy");
    if (proxy.isPresent()) {
      for (Map.Entry<String, List<String>> kind : KINDS.entrySet()) {
        put(inodes, kind.getKey(), proxy.get(), kind.getValue().get(0), kind.getValue().get(1));
      }
    }
    Optional<KernelObject> cred = object.follow("real_cred", "cred");
    if (cred.isPresent()) {
      put(inodes, "user", cred.get(), "user_ns", "user_namespace");
    }
    return new Namespaces(pids, inodes);
  }

  private static void put(
      Map<String, Long> inodes, String kind, KernelObject of, String member, String type)
      throws IOException {
    if (!of.has(member)) {
      return; // time namespaces came with 5.6; any kind can be left out of a kernel
    }
    Optional<KernelObject> namespace = of.follow(member, type);
    if (namespace.isPresent() && namespace.get().has("ns.inum")) {
      inodes.put(kind, namespace.get().number("ns.inum"));
    }
  }

  /** Whether it has another number in a namespace inside the first one. */
  public boolean isContained() {
    return pids.size() > 1;
  }
}
