package dev.vmstate.core.kallsyms;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.ListWalk;
import dev.vmstate.core.kernel.TypeLayout;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Code without a module that {@code /proc/kallsyms} lists as if it had one, behind the modules:
 * trampolines of ftrace ({@code [__builtin__ftrace]}) and compiled BPF programs ({@code [bpf]}).
 * Left out: the init functions ftrace remembers of modules, and the pages of kprobes. Source:
 * kernel/kallsyms.c {@code update_iter_mod}, kernel/bpf/core.c {@code bpf_get_kallsym},
 * kernel/trace/ftrace.c {@code ftrace_get_trampoline_kallsym}.
 */
final class PseudoModules {
  private static final int MOST_NAME = 512;

  private final KernelMemory memory;
  private final SymbolTable vmlinux;
  private final Optional<TypeLayout> types;
  private final SymbolCollector into;
  private final List<String> notes;

  private PseudoModules(
      KernelMemory memory,
      SymbolTable vmlinux,
      Optional<TypeLayout> types,
      SymbolCollector into,
      List<String> notes) {
    this.memory = memory;
    this.vmlinux = vmlinux;
    this.types = types;
    this.into = into;
    this.notes = notes;
  }

  static void add(
      KernelMemory memory,
      SymbolTable vmlinux,
      Optional<TypeLayout> types,
      SymbolCollector into,
      List<String> notes)
      throws IOException {
    PseudoModules modules = new PseudoModules(memory, vmlinux, types, into, notes);
    modules.ftrace();
    if (modules.isOn("bpf_jit_kallsyms", 1) && modules.isOn("bpf_jit_harden", 0)) {
      modules.bpf();
    }
  }

  private void ftrace() throws IOException {
    each(
        "ftrace_ops_trampoline_list",
        "__builtin__ftrace",
        offset("ftrace_ops", "list"),
        offset("ftrace_ops", "trampoline"),
        OptionalLong.empty());
  }

  private void bpf() throws IOException {
    each(
        "bpf_kallsyms",
        "bpf",
        offset("bpf_ksym", "lnode"),
        offset("bpf_ksym", "start"),
        offset("bpf_ksym", "name"));
  }

  private void each(
      String symbol, String module, OptionalLong list, OptionalLong value, OptionalLong name)
      throws IOException {
    OptionalLong head = vmlinux.address(symbol);
    if (head.isEmpty()) {
      return;
    }
    ListWalk walk = ListWalk.of(memory, head.getAsLong());
    walk.fault().ifPresent(why -> notes.add("the list %s %s".formatted(symbol, why)));
    if (walk.entries().isEmpty()) {
      return;
    }
    boolean named = !module.equals("bpf");
    if (list.isEmpty() || value.isEmpty() || !named && name.isEmpty()) {
      notes.add(
          "%d symbols of [%s] left out: the kernel's types are not known"
              .formatted(walk.entries().size(), module));
      return;
    }
    into.module(module);
    for (long entry : walk.entries()) {
      long address = entry - list.getAsLong();
      try {
        into.add(
            named ? "ftrace_trampoline" : memory.string(address + name.getAsLong(), MOST_NAME),
            't',
            memory.word(address + value.getAsLong()));
      } catch (UnmappedAddressException broken) {
        notes.add("a symbol of [%s]: %s".formatted(module, broken.getMessage()));
      }
    }
  }

  /** Whether that int has that value; also where the kernel has none such. */
  private boolean isOn(String symbol, int value) throws IOException {
    OptionalLong address = vmlinux.address(symbol);
    try {
      return address.isEmpty() || memory.u32(address.getAsLong()) == value;
    } catch (UnmappedAddressException absent) {
      return true;
    }
  }

  private OptionalLong offset(String type, String path) {
    return types.isEmpty() ? OptionalLong.empty() : types.get().offset(type, path);
  }
}
