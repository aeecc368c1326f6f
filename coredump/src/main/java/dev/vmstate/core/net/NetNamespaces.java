package dev.vmstate.core.net;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * All network namespaces: {@code net_namespace_list}, and those of tasks that are not in it.
 * Source: net/core/net_namespace.c.
 *
 * @param all the first one first
 * @param notes where the list broke off
 */
public record NetNamespaces(List<NetNamespace> all, List<String> notes) {
  private static final int MOST = 1 << 16;

  public NetNamespaces {
    all = List.copyOf(all);
    notes = List.copyOf(notes);
  }

  /** Walks the list and asks every task. */
  public static NetNamespaces of(KernelObjects objects, Tasks tasks) throws IOException {
    List<String> notes = new ArrayList<>();
    Map<Long, Map<Integer, String>> found = new LinkedHashMap<>();
    listed(objects, notes).forEach(net -> found.put(net.address(), new TreeMap<>()));
    for (Task task : tasks.all()) {
      try {
        Optional<KernelObject> net = of(task);
        if (net.isPresent()) {
          found
              .computeIfAbsent(net.get().address(), at -> new TreeMap<>())
              .putIfAbsent(task.tgid(), task.comm());
        }
      } catch (IOException broken) {
        notes.add("network of task at 0x%x: %s".formatted(task.address(), broken.getMessage()));
      }
    }
    List<NetNamespace> all = new ArrayList<>();
    for (Map.Entry<Long, Map<Integer, String>> each : found.entrySet()) {
      KernelObject net = objects.at("net", each.getKey());
      try {
        all.add(new NetNamespace(net, net.number("ns.inum"), each.getValue()));
      } catch (IOException broken) {
        notes.add("network namespace at 0x%x: %s".formatted(net.address(), broken.getMessage()));
      }
    }
    return new NetNamespaces(all, notes);
  }

  /** Every {@code struct net} of the kernel's list; where it broke off is noted. */
  public static List<KernelObject> listed(KernelObjects objects, List<String> notes)
      throws IOException {
    ListWalk walk = objects.list(objects.needed("net_namespace_list"), MOST);
    walk.fault().ifPresent(why -> notes.add("list of network namespaces " + why));
    List<KernelObject> all = new ArrayList<>();
    for (long entry : walk.entries()) {
      all.add(objects.container(entry, "net", "list"));
    }
    return all;
  }

  /** The {@code struct net} of a task; empty when it has exited. */
  public static Optional<KernelObject> of(Task task) throws IOException {
    Optional<KernelObject> proxy = task.object().follow("nsproxy", "nsproxy");
    return proxy.isEmpty() ? proxy : proxy.get().follow("net_ns", "net");
  }
}
