package dev.vmstate.core.modules;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A module, as {@code /proc/modules} has it. Texts are one char for each byte of the guest's.
 *
 * @param name of the module
 * @param structure address of its {@code struct module}
 * @param bytes of code and data, those that are only needed to start it too
 * @param base where its code is
 * @param references how many use it, modules and others; empty in a kernel whose modules stay
 *     (without CONFIG_MODULE_UNLOAD)
 * @param usedBy names of modules that use it
 * @param permanent whether it cannot be unloaded: it has no exit function
 * @param state what it is doing
 * @param taints bits of {@code taints}, see {@link #taintLetters}
 * @param version what its author said
 * @param sourceVersion a checksum of its sources
 * @param foundBy where it was found
 */
public record LoadedModule(
    String name,
    long structure,
    long bytes,
    long base,
    OptionalLong references,
    List<String> usedBy,
    boolean permanent,
    State state,
    long taints,
    Optional<String> version,
    Optional<String> sourceVersion,
    Set<Way> foundBy) {
  /** The letters of {@code taint_flags} in kernel/panic.c; bit 0 is P or, unset, G. */
  private static final String LETTERS = "PFSRMBUDAWCIOELKXTNJ";

  /** {@code enum module_state}; what {@code /proc/modules} calls it. */
  public enum State {
    LIVE("Live"),
    COMING("Loading"),
    GOING("Unloading"),
    /** Not filled in yet; {@code /proc/modules} passes over these. */
    UNFORMED("Unformed");

    private final String word;

    State(String word) {
      this.word = word;
    }

    @Override
    public String toString() {
      return word;
    }
  }

  /** Where modules are found. */
  public enum Way {
    /** The list behind {@code /proc/modules}. */
    LIST,
    /** {@code /sys/module}. */
    SYSFS,
    /** The tree in which the kernel looks for the module an address belongs to. */
    TREE
  }

  public LoadedModule {
    usedBy = List.copyOf(usedBy);
    foundBy = Set.copyOf(foundBy);
  }

  /** {@code OE} for one from elsewhere that nobody signed; empty for one that taints nothing. */
  public String taintLetters() {
    StringBuilder letters = new StringBuilder();
    for (int bit = 0; bit < LETTERS.length(); bit++) {
      if ((taints >> bit & 1) != 0) {
        letters.append(LETTERS.charAt(bit));
      }
    }
    return letters.toString();
  }
}
