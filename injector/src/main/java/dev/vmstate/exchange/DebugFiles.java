package dev.vmstate.exchange;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.container.FileSource;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.symbols.GuestSymbols;
import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.elf.BuildId;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What gdb wants beside a core: {@code kernel.elf}, symbols and types out of the guest's own
 * memory, or a vmlinux that somebody has; and the {@link GdbInit} that loads both. A guest that is
 * no Linux gets the latter alone.
 */
final class DebugFiles {
  /** Name of the file with symbols in the directory. */
  static final String KERNEL = "kernel.elf";

  private final Path directory;
  private final DebugSymbols wanted;
  private final List<Path> files = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final Optional<String> buildId;
  private Optional<GdbInit.Symbols> symbols = Optional.empty();

  /**
   * Looks at the vmlinux that was named, so that a wrong name is told before anything is read.
   *
   * @throws IOException when it is no ELF file
   */
  DebugFiles(Path directory, DebugSymbols wanted) throws IOException {
    this.directory = directory;
    this.wanted = wanted;
    if (wanted.vmlinux().isEmpty()) {
      buildId = Optional.empty();
    } else {
      try (FileSource file = new FileSource(wanted.vmlinux().get())) {
        buildId = BuildId.of(file);
      }
    }
  }

  /** Takes symbols out of memory as long as it can be read. */
  void kernel(GuestKernel guest) throws IOException {
    if (guest.kernel().isEmpty()) {
      if (wanted.vmlinux().isPresent()) {
        notes.add("no Linux kernel found: %s is not used".formatted(wanted.vmlinux().get()));
      }
      return;
    }
    LinuxKernel kernel = guest.kernel().get();
    if (wanted.vmlinux().isPresent() && isOf(wanted.vmlinux().get(), guest)) {
      symbols =
          Optional.of(
              new GdbInit.Symbols(wanted.vmlinux().get(), kernel.kernelOffset(), title(kernel)));
    } else if (!wanted.none()) {
      fromMemory(kernel).ifPresent(this::take);
    }
  }

  private static String title(LinuxKernel kernel) {
    return "Linux " + kernel.release();
  }

  private void take(GdbInit.Symbols found) {
    symbols = Optional.of(found);
    files.add(found.file());
  }

  /** What a guest has in its memory can be anything; its core is whole without symbols. */
  private Optional<GdbInit.Symbols> fromMemory(LinuxKernel kernel) throws IOException {
    try {
      GuestSymbols found = GuestSymbols.find(kernel);
      if (found.symbols().size() == 0) {
        notes.add("no %s: %s".formatted(KERNEL, String.join("; ", found.notes())));
        return Optional.empty();
      }
      Path path = directory.resolve(KERNEL);
      SymbolOutput.elf(found, path);
      return Optional.of(new GdbInit.Symbols(path, 0, title(kernel)));
    } catch (FormatException | UnmappedAddressException broken) {
      // Of the guest alone: what a disk has to say is another exception, and ends everything.
      notes.add("no %s: %s".formatted(KERNEL, broken.getMessage()));
      return Optional.empty();
    } catch (OutOfMemoryError large) {
      notes.add("no %s: the guest's symbols and types need more memory".formatted(KERNEL));
      return Optional.empty();
    }
  }

  /** A vmlinux of another build would name everything wrongly. */
  private boolean isOf(Path vmlinux, GuestKernel guest) {
    Optional<String> own =
        guest.vmcoreinfo().map(GuestVmcoreinfo::info).flatMap(info -> info.value("BUILD-ID"));
    if (own.isPresent() && buildId.isPresent() && !own.equals(buildId)) {
      notes.add(
          "%s is of another build (%s) than the guest's kernel (%s), and not used"
              .formatted(vmlinux, buildId.get(), own.get()));
      return false;
    }
    return true;
  }

  /** Writes the commands, once the core has its name. */
  void finish(int cpus) throws IOException {
    files.add(new GdbInit(directory, cpus, symbols).write());
  }

  /** What was written; files of an earlier extraction are no part of it. */
  List<Path> files() {
    return files;
  }

  /** What is missing, a line each. */
  List<String> notes() {
    return notes;
  }

  /** An older file would be taken for this extraction's. */
  static void forget(Path directory) throws IOException {
    Files.deleteIfExists(directory.resolve(KERNEL));
    Files.deleteIfExists(directory.resolve(GdbInit.FILE));
  }
}
