package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.kallsyms.SymbolCollector;
import dev.vmstate.core.kallsyms.SymbolTable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * .symtab of a vmlinux, by the addresses of the running kernel. What is linked into the image moves
 * with it, symbols a linker script made absolute too ({@code __init_begin}); per-CPU variables of
 * x86-64 before 6.15 are linked at 0 and do not, nor do constants.
 *
 * <pre>
 * Elf64_Sym ::= u32 st_name, u8 st_info, u8 st_other, u16 st_shndx, u64 st_value, u64 st_size
 * Elf32_Sym ::= u32 st_name, u32 st_value, u32 st_size, u8 st_info, u8 st_other, u16 st_shndx
 * </pre>
 */
final class VmlinuxSymbols {
  private static final int STT_SECTION = 3;
  private static final int STT_FILE = 4;
  private static final int SHN_LORESERVE = 0xff00;

  /** KERNEL_IMAGE_SIZE. */
  private static final long MOST_IMAGE = 1L << 30;

  /** Of kernels they have 5 MiB. */
  private static final int MOST_BYTES = 64 << 20;

  private final ElfSections elf;
  private final ByteBuffer symbols;
  private final byte[] names;
  private final int entry;

  private VmlinuxSymbols(ElfSections elf, ByteBuffer symbols, byte[] names) {
    this.elf = elf;
    this.symbols = symbols;
    this.names = names;
    this.entry = elf.wide() ? 24 : 16;
  }

  static VmlinuxSymbols of(ElfSections elf) throws IOException {
    ByteSource source = elf.source();
    ElfSections.Section table =
        elf.named(".symtab")
            .orElseThrow(
                () ->
                    new FormatException(
                        source.name(),
                        0,
                        "no .symtab: a stripped file; the debug package's vmlinux has one"));
    if (table.link() <= 0 || table.link() >= elf.all().size()) {
      throw new FormatException(
          source.name(), table.offset(), ".symtab's strings in section %d".formatted(table.link()));
    }
    byte[] names = elf.bytes(elf.all().get(table.link()), MOST_BYTES);
    ByteBuffer symbols =
        ByteBuffer.wrap(elf.bytes(table, MOST_BYTES)).order(ByteOrder.LITTLE_ENDIAN);
    return new VmlinuxSymbols(elf, symbols, names);
  }

  private int count() {
    return symbols.capacity() / entry;
  }

  private int info(int i) {
    return symbols.get(i * entry + (elf.wide() ? 4 : 12)) & 0xff;
  }

  private int section(int i) {
    return symbols.getShort(i * entry + (elf.wide() ? 6 : 14)) & 0xffff;
  }

  private long value(int i) {
    int at = i * entry;
    return elf.wide() ? symbols.getLong(at + 8) : symbols.getInt(at + 4) & 0xffff_ffffL;
  }

  private String name(int i) {
    int from = symbols.getInt(i * entry);
    if (from < 0 || from >= names.length) {
      return "";
    }
    int to = from;
    while (to < names.length && to - from < 512 && names[to] != 0) {
      to++;
    }
    return new String(names, from, to - from, StandardCharsets.ISO_8859_1);
  }

  /** The linked addresses of some names, the first of each; 0 for one that is not there. */
  long[] linked(List<String> wanted) {
    long[] found = new long[wanted.size()];
    List<byte[]> bytes = new ArrayList<>();
    for (String one : wanted) {
      bytes.add(one.getBytes(StandardCharsets.ISO_8859_1));
    }
    for (int i = 0; i < count(); i++) {
      int from = symbols.getInt(i * entry);
      for (int of = 0; of < found.length && section(i) != 0; of++) {
        if (found[of] == 0
            && from > 0
            && from < names.length
            && Strings.is(names, from, bytes.get(of))) {
          found[of] = value(i);
        }
      }
    }
    return found;
  }

  /**
   * All of them.
   *
   * @param text where the image is linked to begin
   * @param shift how far it was moved
   */
  SymbolTable moved(long text, long shift) {
    SymbolCollector into = new SymbolCollector();
    for (int i = 1; i < count(); i++) {
      int kind = info(i) & 0xf;
      int number = section(i);
      boolean absolute = number >= SHN_LORESERVE || number >= elf.all().size();
      if (kind == STT_SECTION || kind == STT_FILE || number == 0) {
        continue;
      }
      String name = name(i);
      if (name.isEmpty() || name.startsWith(".L")) {
        continue;
      }
      boolean moves = value(i) >= text && value(i) - text < MOST_IMAGE;
      long address = moves ? value(i) + shift : value(i);
      char type = !moves ? 'a' : absolute ? 'd' : letter(elf.all().get(number));
      boolean global = info(i) >> 4 != 0;
      if (!into.add(
          name,
          global ? Character.toUpperCase(type) : type,
          elf.wide() ? address : address & 0xffff_ffffL)) {
        break;
      }
    }
    return into.table();
  }

  /** As nm has it. */
  private static char letter(ElfSections.Section of) {
    if ((of.flags() & ElfSections.SHF_EXECINSTR) != 0) {
      return 't';
    }
    if ((of.flags() & ElfSections.SHF_WRITE) == 0) {
      return 'r';
    }
    return of.inFile() ? 'd' : 'b';
  }
}
