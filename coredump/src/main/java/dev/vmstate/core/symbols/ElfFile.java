package dev.vmstate.core.symbols;

import dev.vmstate.core.dwarf.LittleBytes;
import dev.vmstate.core.symbols.KernelSections.Section;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An ELF executable, little-endian, of sections whose bytes are known and sections that only have a
 * place in memory (SHT_NOBITS): System V ABI, chapters 4 and 5. Written from its start to its end.
 */
final class ElfFile {
  static final int PROGBITS = 1;
  static final int SYMTAB = 2;
  static final int STRTAB = 3;
  static final int NOTE = 7;
  static final int NOBITS = 8;

  private static final int ET_EXEC = 2;
  private static final int EM_386 = 3;
  private static final int EM_X86_64 = 62;
  private static final int SHF_WRITE = 1;
  private static final int SHF_ALLOC = 2;
  private static final int SHF_EXECINSTR = 4;
  private static final int PT_LOAD = 1;

  private final boolean wide;
  private final List<Header> headers = new ArrayList<>();
  private final LittleBytes names = new LittleBytes();

  private record Header(
      int name,
      int type,
      int flags,
      long address,
      long size,
      int link,
      int info,
      int alignment,
      int entry,
      Contents contents) {
    /** Bytes in the file. */
    long stored() {
      return type == NOBITS ? 0 : size;
    }

    boolean loaded() {
      return (flags & SHF_ALLOC) != 0;
    }
  }

  /** What a section holds: as many bytes as its size says. */
  interface Contents {
    void writeTo(OutputStream out) throws IOException;
  }

  /** {@code wide}: ELF64 for x86-64, else ELF32 for i386. */
  ElfFile(boolean wide) {
    this.wide = wide;
    names.u8(0);
    headers.add(new Header(0, 0, 0, 0, 0, 0, 0, 0, 0, out -> {}));
  }

  /** Memory; without {@code contents} only a place in it. */
  void memory(Section section, @Nullable Contents contents) {
    int flags = SHF_ALLOC;
    if (section.code()) {
      flags |= SHF_EXECINSTR;
    } else if (!section.name().equals(KernelSections.READ_ONLY)) {
      flags |= SHF_WRITE;
    }
    headers.add(
        new Header(
            names.string(section.name()),
            contents == null ? NOBITS : PROGBITS,
            flags,
            section.start(),
            section.end() - section.start(),
            0,
            0,
            1,
            0,
            contents == null ? out -> {} : contents));
  }

  /** Bytes that no address has. */
  void bytes(String name, int type, LittleBytes bytes, int link, int info, int entry) {
    headers.add(
        new Header(
            names.string(name),
            type,
            0,
            0,
            bytes.size(),
            link,
            info,
            entry == 0 ? 1 : 8,
            entry,
            bytes::writeTo));
  }

  /** Index the next section gets. */
  int next() {
    return headers.size();
  }

  void writeTo(OutputStream out) throws IOException {
    int own = headers.size();
    int nameOfNames = names.string(".shstrtab");
    headers.add(new Header(nameOfNames, STRTAB, 0, 0, names.size(), 0, 0, 1, 0, names::writeTo));
    int loads = (int) headers.stream().filter(Header::loaded).count();
    int headBytes = (wide ? 64 : 52) + loads * (wide ? 56 : 32);
    long at = headBytes;
    long[] offsets = new long[headers.size()];
    for (int i = 0; i < offsets.length; i++) {
      at = aligned(at, headers.get(i).alignment());
      offsets[i] = at;
      at += headers.get(i).stored();
    }
    offsets[0] = 0;
    long table = aligned(at, 8);
    LittleBytes head = new LittleBytes();
    fileHeader(head, loads, table, own);
    for (int i = 1; i < offsets.length; i++) {
      if (headers.get(i).loaded()) {
        programHeader(head, headers.get(i), offsets[i]);
      }
    }
    head.writeTo(out);
    at = headBytes;
    for (int i = 1; i < offsets.length; i++) {
      pad(out, offsets[i] - at);
      headers.get(i).contents().writeTo(out);
      at = offsets[i] + headers.get(i).stored();
    }
    pad(out, table - at);
    LittleBytes tail = new LittleBytes();
    for (int i = 0; i < offsets.length; i++) {
      sectionHeader(tail, headers.get(i), offsets[i]);
    }
    tail.writeTo(out);
  }

  private static long aligned(long at, int alignment) {
    return alignment < 2 ? at : (at + alignment - 1) & -alignment;
  }

  private static void pad(OutputStream out, long bytes) throws IOException {
    out.write(new byte[(int) bytes]);
  }

  private int word() {
    return wide ? 8 : 4;
  }

  private void fileHeader(LittleBytes head, int loads, long table, int nameSection) {
    int word = word();
    head.u8(0x7f).u8('E').u8('L').u8('F').u8(wide ? 2 : 1).u8(1).u8(1).u8(0).u64(0);
    head.u16(ET_EXEC).u16(wide ? EM_X86_64 : EM_386).u32(1).number(word, 0);
    head.number(word, loads == 0 ? 0 : wide ? 64 : 52).number(word, table).u32(0);
    head.u16(wide ? 64 : 52).u16(wide ? 56 : 32).u16(loads);
    head.u16(wide ? 64 : 40).u16(headers.size()).u16(nameSection);
  }

  /** What has no bytes in the file is mapped from none of it. */
  private void programHeader(LittleBytes head, Header load, long offset) {
    boolean code = (load.flags() & SHF_EXECINSTR) != 0;
    int flags = code ? 5 : (load.flags() & SHF_WRITE) == 0 ? 4 : 6;
    head.u32(PT_LOAD);
    if (wide) {
      head.u32(flags).u64(offset).u64(load.address()).u64(load.address());
      head.u64(load.stored()).u64(load.size()).u64(1);
    } else {
      head.u32(offset).u32(load.address()).u32(load.address());
      head.u32(load.stored()).u32(load.size()).u32(flags).u32(1);
    }
  }

  private void sectionHeader(LittleBytes tail, Header header, long offset) {
    int word = word();
    tail.u32(header.name()).u32(header.type()).number(word, header.flags());
    tail.number(word, header.address()).number(word, offset).number(word, header.size());
    tail.u32(header.link()).u32(header.info());
    tail.number(word, header.alignment()).number(word, header.entry());
  }
}
