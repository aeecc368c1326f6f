package dev.vmstate.core.modules;

import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.modules.LoadedModule.State;
import dev.vmstate.core.modules.LoadedModule.Way;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The modules of a kernel, by three ways that must agree: the list behind {@code /proc/modules},
 * the objects behind {@code /sys/module}, the tree of code addresses. What hides a module takes it
 * off the list, and often out of sysfs. Source: {@code kernel/module/procfs.c} m_show, {@code
 * kernel/params.c}.
 *
 * @param modules in the order of the list, the youngest first; then those that are not on it
 * @param ways those this kernel has
 * @param notes what is broken or does not agree, a line each
 */
public record LoadedModules(List<LoadedModule> modules, Set<Way> ways, List<String> notes) {
  private static final int MOST_MODULES = 16_384;

  /** In all lists of who uses whom together. */
  private static final int MOST_USES = 1 << 18;

  private static final int MOST_TEXT = 256;
  private static final int MODULE_REF_BASE = 1;

  public LoadedModules {
    modules = List.copyOf(modules);
    ways = Set.copyOf(ways);
    notes = List.copyOf(notes);
  }

  /** Of that kernel. */
  public static LoadedModules of(KernelObjects objects) throws IOException {
    return new Walk(objects).read();
  }

  private static final class Walk {
    private final KernelObjects objects;
    private final List<String> notes = new ArrayList<>();
    private final Map<Long, Set<Way>> found = new LinkedHashMap<>();
    private final Set<Way> ways = EnumSet.noneOf(Way.class);
    private int usesLeft = MOST_USES;

    Walk(KernelObjects objects) {
      this.objects = objects;
    }

    LoadedModules read() throws IOException {
      long head = objects.needed("modules");
      ways.add(Way.LIST);
      for (long entry : entries(head, "the list of modules")) {
        add(objects.container(entry, "module", "list").address(), Way.LIST);
      }
      sysfs();
      Set<Long> tree = ModuleTree.modules(objects, notes);
      if (!tree.isEmpty()) {
        ways.add(Way.TREE);
        tree.forEach(module -> add(module, Way.TREE));
      }
      List<LoadedModule> modules = new ArrayList<>();
      for (Map.Entry<Long, Set<Way>> each : found.entrySet()) {
        try {
          module(objects.at("module", each.getKey()), each.getValue()).ifPresent(modules::add);
        } catch (UnmappedAddressException outside) {
          notes.add(
              "a module at 0x%x %s: no RAM at 0x%x"
                  .formatted(each.getKey(), by(each.getValue()), outside.address()));
        }
      }
      modules.forEach(this::compare);
      return new LoadedModules(modules, ways, notes);
    }

    private void add(long module, Way way) {
      found.computeIfAbsent(module, none -> EnumSet.noneOf(Way.class)).add(way);
    }

    private List<Long> entries(long head, String what) throws IOException {
      ListWalk walk = objects.list(head, MOST_MODULES);
      walk.fault().ifPresent(why -> notes.add(what + " " + why));
      return walk.entries();
    }

    private void sysfs() throws IOException {
      OptionalLong at = objects.address("module_kset");
      KernelObject any = objects.at("module_kobject", 0);
      if (at.isEmpty() || !any.has("kobj.entry") || !objects.at("kset", 0).has("list")) {
        return;
      }
      try {
        long set = objects.memory().word(at.getAsLong());
        if (set == 0) {
          return; // early in the start
        }
        ways.add(Way.SYSFS);
        long head = objects.at("kset", set).at("list");
        for (long entry : entries(head, "the list of /sys/module")) {
          KernelObject object = objects.container(entry, "module_kobject", "kobj.entry");
          long module = object.number("mod");
          if (module != 0) { // else it is linked into vmlinux
            add(module, Way.SYSFS);
          }
        }
      } catch (UnmappedAddressException outside) {
        notes.add("/sys/module leads to 0x%x, where no RAM is".formatted(outside.address()));
      }
    }

    private Optional<LoadedModule> module(KernelObject module, Set<Way> by) throws IOException {
      String name = module.text("name");
      if (name.isEmpty() || name.chars().anyMatch(c -> c <= ' ' || c >= 0x7f)) {
        notes.add("a module at 0x%x %s has no name".formatted(module.address(), by(by)));
        return Optional.empty();
      }
      State state = State.values()[(int) Math.min(module.number("state"), 3)];
      boolean unloads = module.has("refcnt");
      return Optional.of(
          new LoadedModule(
              name,
              module.address(),
              bytes(module),
              base(module),
              unloads
                  ? OptionalLong.of(module.signed("refcnt") - MODULE_REF_BASE)
                  : OptionalLong.empty(),
              module.has("source_list") ? usedBy(name, module) : List.of(),
              unloads && module.number("init") != 0 && module.number("exit") == 0,
              state,
              module.number("taints"),
              text(module, "version"),
              text(module, "srcversion"),
              by));
    }

    /** The array since 6.4; before, a layout each for what stays and what goes after the start. */
    private long bytes(KernelObject module) throws IOException {
      long sum = 0;
      for (int i = 0; i < objects.types().length("module", "mem").orElse(0) && i < 64; i++) {
        sum += module.number("mem[%d].size".formatted(i));
      }
      for (String size :
          List.of(
              "core_layout.size",
              "init_layout.size",
              "data_layout.size",
              "core_size",
              "init_size")) {
        sum += module.has(size) ? module.number(size) : 0;
      }
      return sum;
    }

    private static long base(KernelObject module) throws IOException {
      for (String base : List.of("mem[0].base", "core_layout.base", "module_core")) {
        if (module.has(base)) {
          return module.number(base);
        }
      }
      return 0;
    }

    private List<String> usedBy(String name, KernelObject module) throws IOException {
      List<String> names = new ArrayList<>();
      ListWalk walk = objects.list(module.at("source_list"), Math.min(usesLeft, MOST_MODULES));
      usesLeft -= walk.entries().size();
      walk.fault().ifPresent(why -> notes.add("the list of who uses %s %s".formatted(name, why)));
      for (long entry : walk.entries()) {
        try {
          KernelObject use = objects.container(entry, "module_use", "source_list");
          names.add(objects.at("module", use.number("source")).text("name"));
        } catch (UnmappedAddressException outside) {
          notes.add(
              "a user of module %s is at 0x%x, where no RAM is".formatted(name, outside.address()));
        }
      }
      return names;
    }

    private static Optional<String> text(KernelObject module, String member) throws IOException {
      try {
        return module.has(member) ? module.textAt(member, MOST_TEXT) : Optional.empty();
      } catch (UnmappedAddressException outside) {
        return Optional.empty();
      }
    }

    private void compare(LoadedModule module) {
      if (module.state() != State.LIVE) {
        return; // loading and unloading enter and leave them one after the other
      }
      Set<Way> missing = EnumSet.copyOf(ways);
      missing.removeAll(module.foundBy());
      if (!missing.isEmpty()) {
        notes.add(
            "module %s at 0x%x is not %s: hidden, or on its way out"
                .formatted(module.name(), module.structure(), words(missing, " nor ")));
      }
    }

    private static String by(Set<Way> ways) {
      return "(%s)".formatted(words(ways, ", "));
    }

    private static String words(Set<Way> ways, String between) {
      List<String> words = new ArrayList<>();
      for (Way way : Way.values()) {
        if (ways.contains(way)) {
          words.add(
              switch (way) {
                case LIST -> "on the list";
                case SYSFS -> "in /sys/module";
                case TREE -> "in the tree of addresses";
              });
        }
      }
      return String.join(between, words);
    }
  }
}
