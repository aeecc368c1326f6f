package dev.vmstate.core.debuginfo;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelTypes;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.elf.BuildId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * A vmlinux that somebody has: what a guest's kernel was linked to, with its symbols and types.
 * Questions about types read on in the file.
 */
public final class Vmlinux {
  private static final int MOST_BTF = 64 << 20;
  private static final int MOST_ABBREVIATIONS = 128 << 20;
  private static final int MOST_STRINGS = 256 << 20;
  private static final int MOST_BANNER = 1024;

  private final ByteSource source;
  private final ElfSections elf;
  private final VmlinuxSymbols symbols;
  private final long text;
  private final Optional<String> banner;

  private Vmlinux(
      ByteSource source,
      ElfSections elf,
      VmlinuxSymbols symbols,
      long text,
      Optional<String> banner) {
    this.source = source;
    this.elf = elf;
    this.symbols = symbols;
    this.text = text;
    this.banner = banner;
  }

  /**
   * Reads its sections and symbols.
   *
   * @throws FormatException when it is no vmlinux with symbols, or cut short
   */
  public static Vmlinux open(ByteSource source) throws IOException {
    ElfSections elf = ElfSections.of(source);
    VmlinuxSymbols symbols = VmlinuxSymbols.of(elf);
    long[] linked = symbols.linked(List.of("_text", "linux_banner"));
    if (linked[0] == 0) {
      throw new FormatException(
          source.name(), 0, "no symbol _text: a vmlinux has one, its modules do not");
    }
    return new Vmlinux(source, elf, symbols, linked[0], banner(elf, linked[1]));
  }

  private static Optional<String> banner(ElfSections elf, long address) throws IOException {
    if (address == 0) {
      return Optional.empty();
    }
    return elf.at(address, MOST_BANNER)
        .map(bytes -> new String(bytes, StandardCharsets.ISO_8859_1).split("[\n\0]", 2)[0]);
  }

  /** The file's name. */
  public String name() {
    return source.name();
  }

  /** What it says of itself, as {@link LinuxKernel#banner}. */
  public Optional<String> banner() {
    return banner;
  }

  /** In hexadecimal. */
  public Optional<String> buildId() throws IOException {
    return BuildId.of(source);
  }

  /** Where it is linked to begin. */
  public long text() {
    return text;
  }

  /** Its notes, where they are linked to be: build ID and others. */
  Optional<ElfSections.Section> notes() {
    return elf.named(".notes");
  }

  /**
   * Its symbols in a running kernel.
   *
   * @param shift how far that was moved from where it is linked to be
   */
  public SymbolTable symbols(long shift) {
    return symbols.moved(text, shift);
  }

  /**
   * Its types: BTF where it has that, for it is read at once; else DWARF.
   *
   * @throws FormatException when it has neither
   */
  public KernelTypes types() throws IOException {
    Optional<ElfSections.Section> btf = elf.named(".BTF");
    return btf.isPresent()
        ? new Structs(Btf.parse(source.name() + ": .BTF", elf.bytes(btf.get(), MOST_BTF)))
        : dwarf();
  }

  /**
   * Its types out of DWARF alone. Their questions throw {@link java.io.UncheckedIOException} where
   * the file is broken.
   *
   * @throws FormatException when it has none
   */
  public DwarfTypes dwarf() throws IOException {
    ElfSections.Section info = needed(".debug_info");
    ElfSections.Section abbrev = needed(".debug_abbrev");
    Optional<ElfSections.Section> text = elf.named(".debug_str");
    Optional<ElfSections.Section> offsets = elf.named(".debug_str_offsets");
    byte[] none = new byte[0];
    Strings strings =
        new Strings(
            text.isEmpty() ? none : elf.bytes(text.get(), MOST_STRINGS),
            offsets.isEmpty() ? none : elf.bytes(offsets.get(), MOST_STRINGS));
    Units units =
        Units.of(
            elf.open(info),
            source.name() + ": .debug_abbrev",
            elf.bytes(abbrev, MOST_ABBREVIATIONS));
    return new DwarfTypes(units, strings);
  }

  private ElfSections.Section needed(String section) throws FormatException {
    return elf.named(section)
        .orElseThrow(
            () ->
                new FormatException(
                    source.name(),
                    0,
                    ("no %s and no .BTF: give vmlinux of the debug package (linux-image-...-dbg,"
                            + " kernel-debuginfo)")
                        .formatted(section)));
  }
}
