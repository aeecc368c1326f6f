package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.Container.Fact;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.elf.Elf;
import dev.vmstate.elf.LoadSegment;
import dev.vmstate.elf.PhysicalSegments;
import dev.vmstate.elf.QemuCpuState;
import dev.vmstate.elf.X86Notes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * An ELF core of a machine: QEMU's dump-guest-memory with or without paging, {@code virsh dump
 * --memory-only}, a core of ours, or the /proc/vmcore of a crashed kernel. Where the same physical
 * memory shows at several virtual addresses it is one range; p_memsz beyond p_filesz is memory
 * whose content was left out.
 */
public final class ElfDump extends Dump {
  private static final int PAGE = 4096;

  /** Notes only cores of programs have. */
  private static final int NT_AUXV = 6;

  private static final int NT_FILE = 0x4649_4c45;

  private final CoreFile core;
  private final List<X86Cpu> cpus;
  private final DumpMemory memory;
  private final List<Fact> facts = new ArrayList<>();

  private ElfDump(CoreFile core, boolean flattened) throws IOException {
    this.core = core;
    String name = core.source().name();
    requireMachine(core, name);
    boolean x86 = core.machine() == Elf.EM_X86_64 || core.machine() == Elf.EM_386;
    this.cpus = x86 ? X86Notes.cpus(core.source(), core.notes()) : List.of();
    this.memory =
        ranges(core, name)
            .memory(PAGE, "the ranges are those of the core's program headers", new Segments());
    facts.add(new Fact("form", flattened ? "flattened" : "plain"));
    facts.add(new Fact("class", (core.wide() ? "64" : "32") + "-bit, e_machine " + core.machine()));
    facts.add(new Fact("programHeaders", Long.toString(core.loads().size())));
    facts.addAll(NoteFacts.of(core.source(), core.notes(), vmm(), cpus, x86));
  }

  static ElfDump read(ByteSource source, boolean flattened) throws IOException {
    return new ElfDump(CoreFile.open(source), flattened);
  }

  /** A program's core has the same format, but its p_paddr mean nothing. */
  private static void requireMachine(CoreFile core, String name) throws UnsupportedFormatException {
    boolean noPhysical =
        core.loads().size() > 1 && core.loads().stream().allMatch(load -> load.physical() == 0);
    if (noPhysical
        || !core.notes("CORE", NT_AUXV).isEmpty()
        || !core.notes("CORE", NT_FILE).isEmpty()) {
      throw new UnsupportedFormatException(
          name,
          0,
          "the core of a program, without physical addresses; the core of a machine was expected"
              + " (QEMU's dump-guest-memory)");
    }
  }

  private static DumpMemory.Ranges ranges(CoreFile core, String name) throws FormatException {
    List<LoadSegment> loads = new ArrayList<>(core.loads());
    loads.sort(Comparator.comparingLong(LoadSegment::physical));
    DumpMemory.Ranges ranges = new DumpMemory.Ranges(name);
    for (LoadSegment load : loads) {
      long bytes = Math.max(load.fileBytes(), load.memoryBytes());
      if (bytes > 0) {
        ranges.add(load.physical(), load.physical() + bytes);
      }
    }
    return ranges;
  }

  /** Reads out of the file. */
  private final class Segments implements DumpMemory.Pages {
    @Override
    public void read(long address, ByteBuffer into) throws IOException {
      List<PhysicalSegments.Segment> segments = core.physicalSegments();
      int limit = into.limit();
      long at = address;
      int index = core.physical().firstEndingAfter(at);
      while (into.position() < limit) {
        int left = limit - into.position();
        if (index == segments.size()) {
          into.put(new byte[left]);
          return;
        }
        PhysicalSegments.Segment segment = segments.get(index);
        if (segment.physical() > at) {
          int gap = (int) Math.min(left, segment.physical() - at);
          into.put(new byte[gap]);
          at += gap;
        } else {
          int part = (int) Math.min(left, segment.end() - at);
          into.limit(into.position() + part);
          core.source().read(segment.fileOffset() + (at - segment.physical()), into);
          into.limit(limit);
          at += part;
          index++;
        }
      }
    }

    @Override
    public boolean holds(long address) {
      int index = core.physical().firstEndingAfter(address);
      return index < core.physicalSegments().size()
          && core.physicalSegments().get(index).physical() < address + PAGE;
    }
  }

  @Override
  public String container() {
    return "elf-core";
  }

  @Override
  public List<Fact> facts() {
    return List.copyOf(facts);
  }

  @Override
  public String vmm() {
    List<CoreNote> notes = core.notes(QemuCpuState.OWNER, QemuCpuState.TYPE);
    return notes.isEmpty() ? "unknown" : "qemu";
  }

  @Override
  public String arch() {
    return switch (core.machine()) {
      case Elf.EM_X86_64 -> "x86_64";
      // What QEMU writes as long as the first CPU has not left 32-bit mode.
      case Elf.EM_386 -> cpus.stream().anyMatch(X86Cpu::longMode) ? "x86_64" : "i386";
      case Elf.EM_AARCH64 -> "aarch64";
      case Elf.EM_ARM -> "arm";
      case Elf.EM_PPC64 -> "ppc64";
      case Elf.EM_PPC -> "ppc";
      case Elf.EM_S390 -> "s390x";
      case Elf.EM_RISCV -> core.wide() ? "riscv64" : "riscv32";
      case Elf.EM_LOONGARCH -> "loongarch64";
      default -> "unknown";
    };
  }

  @Override
  public int pageSize() {
    return PAGE;
  }

  @Override
  public List<X86Cpu> cpus() {
    return cpus;
  }

  @Override
  public DumpMemory memory() {
    return memory;
  }
}
