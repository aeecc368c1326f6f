package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The areas of a process's memory, by address, with what the kernel itself mapped for it at the end
 * (vsyscall). Areas that overlap, or have no length, are left out and noted: then every address is
 * in one area at most.
 *
 * @param mm the {@code struct mm_struct}
 * @param vmas by start
 * @param notes what was not as it should be, for people
 */
public record AddressSpace(KernelObject mm, List<Vma> vmas, List<String> notes) {
  /** Behind the last user address with five levels of page tables. */
  private static final long USER_END = 1L << 56;

  /** What one broken area says; a thousand say no more. */
  private static final int MOST_NOTES = 100;

  public AddressSpace {
    vmas = List.copyOf(vmas);
    notes = List.copyOf(notes);
  }

  /** Of a process; empty when it has no memory of its own: a kernel thread, a zombie. */
  public static Optional<AddressSpace> of(KernelObject task) throws IOException {
    Optional<KernelObject> mm = task.follow("mm", "mm_struct");
    return mm.isEmpty() ? Optional.empty() : Optional.of(ofMm(mm.get()));
  }

  /** Of a {@code struct mm_struct}. */
  public static AddressSpace ofMm(KernelObject mm) throws IOException {
    List<String> notes = new ArrayList<>();
    VmaNames names = new VmaNames(mm, notes);
    List<Vma> vmas = new ArrayList<>();
    long end = 0;
    for (KernelObject area : VmaList.of(mm, notes).byAddress()) {
      try {
        Vma vma = vma(area, names);
        if (vma.start() < end || vma.end() <= vma.start() || vma.end() > USER_END) {
          notes.add(
              "area 0x%x-0x%x lies where none can be and is left out"
                  .formatted(vma.start(), vma.end()));
          continue;
        }
        if (((vma.start() | vma.end()) & 0xfff) != 0) {
          notes.add(
              "area 0x%x-0x%x is not of whole pages and is left out"
                  .formatted(vma.start(), vma.end()));
          continue;
        }
        end = vma.end();
        vmas.add(vma);
      } catch (UnmappedAddressException outside) {
        notes.add("area %s has no RAM at 0x%x".formatted(area, outside.address()));
      }
    }
    if (notes.size() > MOST_NOTES) {
      int more = notes.size() - MOST_NOTES;
      notes.subList(MOST_NOTES, notes.size()).clear();
      notes.add("%d more faults of areas".formatted(more));
    }
    count(mm, vmas.size(), notes);
    Gate.of(mm, names).ifPresent(vmas::add);
    return new AddressSpace(mm, vmas, notes);
  }

  static Vma vma(KernelObject area, VmaNames names) throws IOException {
    long start = area.number("vm_start");
    long end = area.number("vm_end");
    Optional<KernelObject> file = area.follow("vm_file", "file");
    Optional<String> given = names.special(area);
    return new Vma(
        area,
        start,
        end,
        area.number("vm_flags"),
        area.number("vm_pgoff"),
        file,
        names.of(area, start, end, file, given),
        given.isPresent());
  }

  private static void count(KernelObject mm, int found, List<String> notes) throws IOException {
    long told = mm.number("map_count");
    if (told != found) {
      notes.add("the process has %d areas by its map_count, %d were found".formatted(told, found));
    }
  }

  /** The area with an address. */
  public Optional<Vma> at(long address) {
    return vmas.stream().filter(v -> v.start() <= address && address < v.end()).findFirst();
  }

  /** Which kernel. */
  public KernelObjects objects() {
    return mm.objects();
  }
}
