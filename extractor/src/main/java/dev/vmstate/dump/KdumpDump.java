package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.Container.Fact;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.elf.QemuCpuState;
import dev.vmstate.elf.X86Notes;
import dev.vmstate.kdump.KdumpHeader;
import dev.vmstate.kdump.PageFlags;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A kdump-compressed dump, as QEMU's {@code dump-guest-memory -z}, {@code virsh dump --memory-only
 * --format kdump-zlib} and makedumpfile write it. A page that was left out when the dump was made,
 * or for which there was no room, is absent and reads as zeros.
 */
public final class KdumpDump extends Dump {
  private final KdumpHeader header;
  private final List<CoreNote> notes = new ArrayList<>();
  private final List<X86Cpu> cpus;
  private final KdumpPages pages;
  private final DumpMemory memory;
  private final List<Fact> facts = new ArrayList<>();
  private final boolean x86;

  private KdumpDump(ByteSource source, KdumpHeader header, boolean flattened) throws IOException {
    this.header = header;
    String name = source.name();
    if (header.sub().split()) {
      throw new UnsupportedFormatException(
          name,
          header.blockSize(),
          "one part of a dump that makedumpfile --split made: put them together with"
              + " 'makedumpfile --reassemble PART… WHOLE'");
    }
    Span where = header.sub().notes();
    inFile(source, where, "notes");
    inFile(source, header.sub().vmcoreinfo(), "VMCOREINFO");
    CoreNote.decode(source, name + ": notes", where, header.order(), notes);
    this.x86 = isX86();
    this.cpus = x86 ? X86Notes.cpus(source, notes) : List.of();
    RankedBitmap dumped = new RankedBitmap(source, header.dumpedBitmap(), header.maxMapnr());
    RankedBitmap ram = new RankedBitmap(source, header.ramBitmap(), header.maxMapnr());
    DumpMemory.Ranges ranges = ranges(name, ram, dumped);
    this.pages = new KdumpPages(source, header, dumped);
    this.memory =
        ranges.memory(header.blockSize(), "the ranges are those of the dump's bitmaps", pages);
    facts.add(new Fact("form", flattened ? "flattened" : "plain"));
    facts.add(
        new Fact(
            "header",
            "version %d, %d-bit, %s"
                .formatted(
                    header.version(),
                    header.wide() ? 64 : 32,
                    header.order().toString().toLowerCase(java.util.Locale.ROOT))));
    tell(source, ram, dumped);
  }

  static KdumpDump read(ByteSource source, boolean flattened) throws IOException {
    return new KdumpDump(source, KdumpHeader.decode(source), flattened);
  }

  private static void inFile(ByteSource source, Span where, String what) throws FormatException {
    if (where.end() > source.size()) {
      throw new FormatException(
          source.name(),
          where.offset(),
          "%s of 0x%x bytes, the file ends at 0x%x (is the file cut short?)"
              .formatted(what, where.length(), source.size()));
    }
  }

  private void tell(ByteSource source, RankedBitmap ram, RankedBitmap dumped) throws IOException {
    int status = header.status();
    facts.add(new Fact("compression", PageDecompressor.name(status & PageFlags.COMPRESSED)));
    facts.add(new Fact("pages", Long.toString(dumped.total())));
    if (ram.total() > dumped.total()) {
      facts.add(
          new Fact(
              "pagesLeftOut",
              "%d (dump level %d): they read as zeros"
                  .formatted(ram.total() - dumped.total(), header.sub().dumpLevel())));
    }
    if ((status & PageFlags.DUMP_DH_COMPRESSED_INCOMPLETE) != 0) {
      facts.add(new Fact("incomplete", "there was no room for all pages: the rest reads as zeros"));
    }
    if (header.sub().physBase() != 0) {
      facts.add(new Fact("physBase", "0x" + Long.toHexString(header.sub().physBase())));
    }
    if (!header.utsname().release().isEmpty()) {
      facts.add(new Fact("kernel", printable(header.utsname().release())));
    }
    List<CoreNote> others = new ArrayList<>(notes);
    Span vmcoreinfo = header.sub().vmcoreinfo();
    if (vmcoreinfo.length() > 0) {
      others.removeIf(note -> note.is("VMCOREINFO", 0));
    }
    facts.addAll(NoteFacts.of(source, others, vmm(), cpus, x86));
    if (vmcoreinfo.length() > 0) {
      facts.add(NoteFacts.vmcoreinfo(source, vmcoreinfo));
    }
  }

  private static String printable(String text) {
    return text.replaceAll("[^ -~]", "?");
  }

  /** QEMU says "Unknown" for a processor it has no kernel's name for, never for x86. */
  private boolean isX86() {
    String machine = header.utsname().machine();
    return machine.matches("x86_64|i[3-6]86")
        || machine.isEmpty()
            && notes.stream().anyMatch(n -> n.is(QemuCpuState.OWNER, QemuCpuState.TYPE));
  }

  /** Where either bitmap has bits: a page that was dumped is there, whatever the other says. */
  private DumpMemory.Ranges ranges(String name, RankedBitmap ram, RankedBitmap dumped)
      throws IOException {
    DumpMemory.Ranges ranges = new DumpMemory.Ranges(name);
    long start = -1;
    for (long at = 0; at < ram.bits(); at += Long.SIZE) {
      long word = ram.word(at) | dumped.word(at);
      boolean all = start >= 0 ? word == -1 : word == 0;
      for (int i = 0; i < Long.SIZE && !all; i++) {
        boolean set = (word >>> i & 1) != 0;
        if (set && start < 0) {
          start = at + i;
        } else if (!set && start >= 0) {
          ranges.add(address(start), address(at + i));
          start = -1;
        }
      }
    }
    if (start >= 0) {
      ranges.add(address(start), address(ram.bits()));
    }
    return ranges;
  }

  private long address(long frame) {
    return header.base() + frame * header.blockSize();
  }

  @Override
  public String container() {
    return "kdump";
  }

  @Override
  public List<Fact> facts() {
    return List.copyOf(facts);
  }

  @Override
  public String vmm() {
    return notes.stream().anyMatch(n -> n.is(QemuCpuState.OWNER, QemuCpuState.TYPE))
        ? "qemu"
        : "unknown";
  }

  @Override
  public String arch() {
    String machine = header.utsname().machine();
    if (x86) {
      boolean small = machine.startsWith("i") && cpus.stream().noneMatch(X86Cpu::longMode);
      return small ? "i386" : "x86_64";
    }
    return machine.isEmpty() || machine.equals("Unknown") ? "unknown" : printable(machine);
  }

  @Override
  public int pageSize() {
    return header.blockSize();
  }

  @Override
  public List<X86Cpu> cpus() {
    return cpus;
  }

  @Override
  public DumpMemory memory() {
    return memory;
  }

  @Override
  public void close() {
    pages.close();
  }
}
