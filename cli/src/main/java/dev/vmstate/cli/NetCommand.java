package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.net.Interfaces;
import dev.vmstate.core.net.NetNamespace;
import dev.vmstate.core.net.NetNamespaces;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The guest's network. */
@Command(
    name = "net",
    mixinStandardHelpOptions = true,
    description = {
      "Lists the guest's network interfaces and open sockets.",
      "Interfaces have their addresses and the card of the snapshot each is (as in 'vmstate",
      "nics'), sockets the processes that have them. Sockets are looked for in the kernel's",
      "tables and among the files of processes; HIDDEN is one that should be in a table and",
      "is not."
    },
    footer = {
      "",
      "Example:",
      "  vmstate net vm.mig",
      "  vmstate net vm.mig --pid 812",
      "  vmstate net vm.mig --all --json"
    })
final class NetCommand implements Callable<Integer> {
  @Mixin private LinuxArgument linux;
  @Mixin private Output output;
  @ArgGroup private @Nullable Whose whose;

  /** One process's, or everybody's. */
  private static final class Whose {
    @Option(
        names = "--pid",
        paramLabel = "N",
        description = "The network of that process; default: of init, process 1.")
    private @Nullable Integer pid;

    @Option(names = "--all", description = "All network namespaces.")
    private boolean all;
  }

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = linux.open()) {
      GuestNet net = GuestNet.of(linux.objects(opened, output));
      List<String> notes = new ArrayList<>(net.notes());
      boolean all = whose != null && whose.all;
      List<NetNamespace> shown = all ? net.namespaces().all() : List.of(one(opened, net));
      List<Nic> nics = Nics.of(opened.devices());
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      ArrayNode namespaces = node.putArray("namespaces");
      NetText text = new NetText(net, nics, output.out());
      for (NetNamespace namespace : shown) {
        Interfaces interfaces = interfaces(namespace, notes);
        if (output.json) {
          namespaces.add(NetJson.of(namespace, interfaces, net, nics));
        } else {
          text.print(namespace, interfaces, all);
        }
      }
      notes.forEach(node.putArray("notes")::add);
      if (output.json) {
        output.print(node);
      } else {
        notes.forEach(note -> output.err().println("vmstate: " + GuestText.line(note)));
      }
      return 0;
    }
  }

  private static Interfaces interfaces(NetNamespace namespace, List<String> notes) {
    try {
      Interfaces interfaces = Interfaces.of(namespace.net());
      notes.addAll(interfaces.notes());
      return interfaces;
    } catch (IOException broken) {
      notes.add("interfaces of net:[%d]: %s".formatted(namespace.inode(), broken.getMessage()));
      return new Interfaces(List.of(), List.of());
    }
  }

  private NetNamespace one(Snapshot opened, GuestNet net) throws IOException {
    int pid = whose == null || whose.pid == null ? 1 : whose.pid;
    Task task =
        net.tasks()
            .find(pid)
            .orElseThrow(
                () ->
                    new IOException(
                        "%s: no process %d in the guest".formatted(opened.source(), pid)));
    Optional<KernelObject> its = NetNamespaces.of(task);
    return net.namespaces().all().stream()
        .filter(each -> its.isPresent() && each.net().address() == its.get().address())
        .findFirst()
        .orElseThrow(
            () ->
                new IOException(
                    "%s: process %d has exited: it has no network"
                        .formatted(opened.source(), pid)));
  }
}
