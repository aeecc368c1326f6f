package dev.vmstate.exchange;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the symbols beside a core come from.
 *
 * @param none none are wanted
 * @param vmlinux a file of the very build the guest runs; without, the guest's memory
 */
public record DebugSymbols(boolean none, Optional<Path> vmlinux) {
  /** The guest's own memory. */
  public static final DebugSymbols FROM_MEMORY = new DebugSymbols(false, Optional.empty());

  /** No symbols. */
  public static final DebugSymbols NONE = new DebugSymbols(true, Optional.empty());

  /** A vmlinux; the guest's memory when it is of another build. */
  public static DebugSymbols of(Path vmlinux) {
    return new DebugSymbols(false, Optional.of(vmlinux));
  }
}
