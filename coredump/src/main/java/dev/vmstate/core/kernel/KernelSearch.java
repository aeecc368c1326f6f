package dev.vmstate.core.kernel;

import dev.vmstate.core.paging.PageTables;
import dev.vmstate.cpu.CpuMode;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which Linux runs: the one whose tables a CPU uses. There may be two: a kernel that crashed leaves
 * its other CPUs halted for good while a kdump kernel runs on the one that crashed.
 */
final class KernelSearch {
  /** Images looked through that are no Linux, or not the first CPU's; each CPU may have one. */
  private static final int MOST_IMAGES = 24;

  private final GuestMemory memory;
  private int images;
  private final List<Seen> seen = new ArrayList<>();
  private final List<String> others = new ArrayList<>();

  /** Another system runs: whatever Linux lies in its RAM does not. */
  private boolean other;

  /** A kernel, and whose tables map it. */
  private static final class Seen {
    private final KernelImage image;
    private final LinuxBanner banner;
    private final List<String> evidence = new ArrayList<>();
    private final List<Integer> cpus = new ArrayList<>();
    private boolean alive;
    private boolean witnessed;

    Seen(KernelImage image, LinuxBanner banner) {
      this.image = image;
      this.banner = banner;
    }

    int rank() {
      return (alive ? 2 : 0) + (witnessed ? 1 : 0);
    }
  }

  KernelSearch(GuestMemory memory) {
    this.memory = memory;
  }

  Optional<LinuxKernel> find(List<X86Cpu> cpus) throws IOException {
    Optional<LinuxKernel> running = running(cpus);
    return running.isPresent() || other ? running : inMemory();
  }

  /** The one whose tables a CPU has. */
  Optional<LinuxKernel> running(List<X86Cpu> cpus) throws IOException {
    for (X86Cpu cpu : cpus) {
      look(cpu);
    }
    if (seen.isEmpty()) {
      return Optional.empty();
    }
    // The sort is stable: of equals the first CPU's is taken.
    List<Seen> best = new ArrayList<>(seen);
    best.sort(Comparator.comparingInt(Seen::rank).reversed());
    Seen running = best.get(0);
    List<String> evidence = new ArrayList<>(running.evidence);
    if (running.cpus.size() > 1) {
      evidence.add("The same kernel is mapped on CPUs %s.".formatted(list(running.cpus)));
    }
    for (Seen other : best.subList(1, best.size())) {
      evidence.add(
          "CPUs %s have the tables of another one, %s, at 0x%x%s: it is not the one described here."
              .formatted(
                  list(other.cpus),
                  other.banner.release(),
                  other.image.physicalStart(),
                  other.alive ? "" : ", and are halted for good, as after a crash or a kexec"));
    }
    evidence.addAll(others);
    return Optional.of(LinuxKernel.of(running.image, running.banner, evidence));
  }

  private static String list(List<Integer> cpus) {
    return String.join(", ", cpus.stream().map(String::valueOf).toList());
  }

  private void look(X86Cpu cpu) throws IOException {
    List<TablesInUse> candidates = TablesInUse.of(memory, cpu);
    if (candidates.isEmpty()) {
      others.add(
          "CPU %d has paging off%s."
              .formatted(cpu.index(), cpu.mode() == CpuMode.REAL16 ? " (real mode)" : ""));
      return;
    }
    for (TablesInUse candidate : candidates) {
      Optional<Seen> found = seen(candidate);
      if (found.isPresent()) {
        found.get().cpus.add(cpu.index());
        found.get().alive |= !candidate.dead();
        return;
      }
    }
    PageTables tables = candidates.get(0).tables();
    others.add(
        "The tables of CPU %d, at 0x%x, map no Linux kernel."
            .formatted(cpu.index(), tables.root()));
    other |= EntryPoints.of(cpu, new KernelMemory(memory, tables)).call(tables);
  }

  private Optional<Seen> seen(TablesInUse candidate) throws IOException {
    PageTables tables = candidate.tables();
    for (Seen known : seen) {
      PageTables have = known.image.memory().tables();
      long banner = known.banner.address();
      if (have.mode() == tables.mode() && have.translate(banner).equals(tables.translate(banner))) {
        return Optional.of(known);
      }
    }
    Optional<Seen> proven = prove(tables);
    if (proven.isEmpty()) {
      return proven;
    }
    Seen found = proven.get();
    found.evidence.add(
        "CPU %d: %s, leads to tables at 0x%x, which map Linux %s at 0x%x (guest-physical 0x%x)."
            .formatted(
                candidate.cpu().index(),
                candidate.how(),
                tables.root(),
                found.banner.release(),
                found.image.start(),
                found.image.physicalStart()));
    EntryPoints entries = EntryPoints.of(candidate.cpu(), found.image.memory());
    List<String> inside = entries.inside(found.image);
    found.witnessed = !inside.isEmpty();
    if (found.witnessed) {
      found.evidence.add("Into its image point %s.".formatted(String.join(", ", inside)));
    } else if (!entries.points().isEmpty()) {
      found.evidence.add(
          "Its CPU is entered elsewhere: %s. Is it a guest of a hypervisor in there?"
              .formatted(entries));
    }
    seen.add(found);
    return proven;
  }

  private Optional<Seen> prove(PageTables tables) throws IOException {
    Optional<KernelImage> image = image(tables);
    return image.isEmpty()
        ? Optional.empty()
        : banner(image.get()).map(banner -> new Seen(image.get(), banner));
  }

  /** Reads the image, unless too many were read. */
  private Optional<LinuxBanner> banner(KernelImage image) throws IOException {
    return images++ < MOST_IMAGES ? LinuxBanner.in(image) : Optional.empty();
  }

  private Optional<KernelImage> image(PageTables tables) throws IOException {
    KernelMemory virtual = new KernelMemory(memory, tables);
    return tables.mode().hasKernelHalf()
        ? KernelImage.ofLinux64(virtual)
        : KernelImage.ofLinux32(virtual);
  }

  private Optional<LinuxKernel> inMemory() throws IOException {
    Set<Long> looked = new HashSet<>();
    for (TableSearch.Candidate candidate : TableSearch.in(memory)) {
      Optional<KernelImage> image = image(candidate.tables());
      if (image.isPresent()
          && candidate.agrees(image.get())
          && looked.add(image.get().physicalStart())) {
        Optional<LinuxBanner> banner = banner(image.get());
        if (banner.isPresent()) {
          Seen found = new Seen(image.get(), banner.get());
          found.evidence.add(candidate.how());
          seen.add(found);
        }
      }
    }
    if (seen.isEmpty()) {
      return Optional.empty();
    }
    Seen first = seen.get(0);
    List<String> evidence = new ArrayList<>(others);
    evidence.add(
        "No CPU has a kernel's tables, so RAM was searched: it holds Linux %s at 0x%x. It may be one"
                .formatted(first.banner.release(), first.image.physicalStart())
            + " that a reboot left behind.");
    evidence.addAll(first.evidence);
    for (Seen other : seen.subList(1, seen.size())) {
      evidence.add(
          "RAM also holds Linux %s at 0x%x."
              .formatted(other.banner.release(), other.image.physicalStart()));
    }
    return Optional.of(LinuxKernel.of(first.image, first.banner, evidence));
  }
}
