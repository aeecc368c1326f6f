package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.core.modules.LoadedModule;
import dev.vmstate.core.modules.LoadedModule.State;
import dev.vmstate.core.modules.LoadedModule.Way;
import dev.vmstate.core.modules.LoadedModules;
import dev.vmstate.snapshot.Snapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What is loaded into the guest's kernel. */
@Command(
    name = "modules",
    mixinStandardHelpOptions = true,
    description = {
      "Lists the modules of the guest's Linux kernel, the youngest first.",
      "They are looked for in the kernel's list, in /sys/module and in its tree of code",
      "addresses; one that is not in all of them is marked '!'."
    },
    footer = {"", "Example:", "  vmstate modules vm.mig", "  vmstate modules vm.mig --json"})
final class ModulesCommand implements Callable<Integer> {
  @Mixin private LinuxArgument linux;
  @Mixin private Output output;

  @Option(
      names = {"-r", "--raw"},
      description = "The lines /proc/modules has for root.")
  private boolean raw;

  @Override
  public Integer call() throws Exception {
    try (Snapshot opened = linux.open()) {
      LoadedModules found = LoadedModules.of(linux.objects(opened, output));
      if (output.json) {
        output.print(json(found));
        return 0;
      }
      if (raw) {
        found.modules().forEach(this::line);
      } else {
        table(found);
      }
      found.notes().forEach(note -> output.err().println("vmstate: " + GuestText.line(note)));
      return 0;
    }
  }

  private void line(LoadedModule module) {
    if (!module.foundBy().contains(Way.LIST) || module.state() == State.UNFORMED) {
      return; // as it is not in the guest's
    }
    String taints = module.taintLetters();
    String sign = module.state() == State.COMING ? "+" : module.state() == State.GOING ? "-" : "";
    output
        .out()
        .printf(
            "%s %d %s %s %s 0x%x%s%n",
            GuestText.word(module.name()),
            module.bytes(),
            references(module),
            users(module, ",", ","),
            module.state(),
            module.base(),
            module.taints() == 0 ? "" : " (" + taints + sign + ")");
  }

  private static String references(LoadedModule module) {
    return module.references().isPresent() ? Long.toString(module.references().getAsLong()) : "-";
  }

  private static String users(LoadedModule module, String between, String behind) {
    List<String> users = new ArrayList<>(module.usedBy());
    if (module.permanent()) {
      users.add("[permanent]");
    }
    return users.isEmpty() ? "-" : GuestText.word(String.join(between, users)) + behind;
  }

  private void table(LoadedModules found) {
    TextTable table =
        new TextTable(
            "", "NAME", "SIZE", "REFS", "STATE", "TAINTS", "ADDRESS", "VERSION", "USED BY");
    for (LoadedModule module : found.modules()) {
      boolean everywhere = module.foundBy().containsAll(found.ways());
      table.add(
          everywhere ? "" : "!",
          GuestText.word(module.name()),
          module.bytes(),
          references(module),
          module.state(),
          module.taintLetters().isEmpty() ? "-" : module.taintLetters(),
          Facts.hex(module.base()),
          GuestText.word(module.version().orElse("-")),
          users(module, ",", ""));
    }
    table.print(output.out());
  }

  private static ObjectNode json(LoadedModules found) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    ArrayNode modules = node.putArray("modules");
    for (LoadedModule module : found.modules()) {
      ObjectNode each = modules.addObject();
      each.put("name", GuestText.json(module.name()));
      each.put("bytes", module.bytes());
      module.references().ifPresent(count -> each.put("references", count));
      ArrayNode users = each.putArray("usedBy");
      module.usedBy().forEach(user -> users.add(GuestText.json(user)));
      each.put("permanent", module.permanent());
      each.put("state", module.state().toString());
      each.put("taints", module.taintLetters());
      each.put("address", Facts.hex(module.base()));
      each.put("structure", Facts.hex(module.structure()));
      module.version().ifPresent(version -> each.put("version", GuestText.json(version)));
      module
          .sourceVersion()
          .ifPresent(version -> each.put("sourceVersion", GuestText.json(version)));
      ArrayNode ways = each.putArray("foundBy");
      for (Way way : Way.values()) {
        if (module.foundBy().contains(way)) {
          ways.add(way.name().toLowerCase(Locale.ROOT));
        }
      }
    }
    found.notes().forEach(node.putArray("notes")::add);
    return node;
  }
}
