package dev.vmstate.core.kallsyms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.kernel.TypeLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class KernelModulesTest {
  private static final int IMAGE = 0x10000;
  private static final int MODULE_BYTES = 0x4000;
  private static final List<String> NAMES = List.of("virtio", "cdrom", "nf_tables");

  /** Where members of {@code struct module} lie here; the kernel's own order. */
  private static final int SYMS = 0x180;

  private static final int KALLSYMS = 0x300;

  private final Map<String, Long> types = new HashMap<>();
  private long head;

  /** A member is {@code struct.member}, a size the name alone. */
  private final TypeLayout layout =
      new TypeLayout() {
        @Override
        public OptionalLong offset(String type, String path) {
          return size(type + "." + path);
        }

        @Override
        public OptionalLong size(String type) {
          Long value = types.get(type);
          return value == null ? OptionalLong.empty() : OptionalLong.of(value);
        }
      };

  /** Three modules, each with code, data, an export, an unnamed symbol. */
  private MappedKernel kernel(int word) {
    MappedKernel kernel = MappedKernel.of(word);
    head = kernel.start + 0x8000;
    types.put("module.state", 0L);
    types.put("module.list", (long) word);
    types.put("module.name", 3L * word);
    types.put("module.kallsyms", (long) KALLSYMS);
    types.put("module.syms", (long) SYMS);
    types.put("module.num_syms", SYMS + 2L * word);
    types.put("mod_kallsyms.num_symtab", (long) word);
    types.put("mod_kallsyms.strtab", 2L * word);
    types.put("mod_kallsyms.typetab", 3L * word);
    types.put("kernel_symbol", 12L);
    types.put("kernel_symbol.name_offset", 4L);
    for (int i = 0; i < NAMES.size(); i++) {
      module(kernel, i);
    }
    kernel.word(head, entry(kernel, 0)).word(head + word, entry(kernel, NAMES.size() - 1));
    return kernel;
  }

  private long entry(MappedKernel kernel, int i) {
    return kernel.modules + (long) i * MODULE_BYTES + kernel.word;
  }

  private void module(MappedKernel kernel, int i) {
    int word = kernel.word;
    long at = kernel.modules + (long) i * MODULE_BYTES;
    kernel.word(at + word, i + 1 < NAMES.size() ? entry(kernel, i + 1) : head);
    kernel.word(at + 2L * word, i > 0 ? entry(kernel, i - 1) : head);
    kernel.put(at + 3L * word, (NAMES.get(i) + "\0").getBytes(StandardCharsets.US_ASCII));
    long symtab = at + 0x1000;
    int count = 4;
    int size = word == 8 ? 24 : 16;
    long strtab = symtab + (long) count * size;
    kernel.word(at + KALLSYMS, at + KALLSYMS + word);
    kernel.word(at + KALLSYMS + word, symtab);
    kernel.u32(at + KALLSYMS + 2L * word, count);
    kernel.word(at + KALLSYMS + 3L * word, strtab);
    String strings = "\0code\0data\0exported\0";
    kernel.put(strtab, strings.getBytes(StandardCharsets.US_ASCII));
    kernel.word(at + KALLSYMS + 4L * word, strtab + strings.length());
    kernel.put(strtab + strings.length(), "?tdt".getBytes(StandardCharsets.US_ASCII));
    ByteBuffer symbols = ByteBuffer.allocate(count * size).order(ByteOrder.LITTLE_ENDIAN);
    int[] names = {0, 1, 6, 11};
    for (int s = 1; s < count; s++) {
      symbols.putInt(s * size, names[s]);
      long address = at + 0x2000 + 0x10L * s;
      if (word == 8) {
        symbols.putLong(s * size + 8, address);
      } else {
        symbols.putInt(s * size + 4, (int) address);
      }
    }
    kernel.put(symtab, symbols.array());
    long syms = at + 0x2800;
    kernel.word(at + SYMS, syms).word(at + SYMS + word, at + 0x2900);
    kernel.u32(at + SYMS + 2L * word, 1);
    kernel.u32(syms, (int) (at + 0x2030 - syms));
    kernel.u32(syms + 4, (int) (strtab + 11 - (syms + 4)));
  }

  private List<KernelSymbol> expected(MappedKernel kernel) {
    List<KernelSymbol> symbols = new ArrayList<>();
    for (int i = 0; i < NAMES.size(); i++) {
      long at = kernel.modules + (long) i * MODULE_BYTES + 0x2000;
      symbols.add(new KernelSymbol("code", 't', at + 0x10, NAMES.get(i)));
      symbols.add(new KernelSymbol("data", 'd', at + 0x20, NAMES.get(i)));
      symbols.add(new KernelSymbol("exported", 'T', at + 0x30, NAMES.get(i)));
    }
    return symbols;
  }

  private SymbolTable vmlinux() {
    SymbolCollector symbols = new SymbolCollector();
    symbols.add("modules", 'd', head);
    return symbols.table();
  }

  private KernelModules.Found read(MappedKernel kernel) throws Exception {
    return KernelModules.symbols(kernel.image(IMAGE), vmlinux(), Optional.of(layout));
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 4})
  void symbolsComeInTheOrderOfTheListExportedOnesInCapitals(int word) throws Exception {
    MappedKernel kernel = kernel(word);
    KernelModules.Found found = read(kernel);
    assertEquals(List.of(), found.notes());
    assertEquals(expected(kernel), listed(found.symbols()));
    assertEquals(NAMES, found.modules().stream().map(KernelModule::name).toList());
    assertEquals(kernel.modules, found.modules().get(0).address());
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 4})
  void withoutTypesAndWithoutTheListsSymbolTheSameIsFound(int word) throws Exception {
    MappedKernel kernel = kernel(word);
    KernelModules.Found found =
        KernelModules.symbols(kernel.image(IMAGE), SymbolTable.EMPTY, Optional.empty());
    assertEquals(List.of(), found.notes());
    assertEquals(OptionalLong.of(head), found.head());
    assertEquals(expected(kernel), listed(found.symbols()));
  }

  @Test
  void typesInsideTheSymbolsAreThoseOfOldKernels() throws Exception {
    MappedKernel kernel = kernel(8);
    types.remove("mod_kallsyms.typetab");
    for (int i = 0; i < NAMES.size(); i++) {
      long symtab = kernel.modules + (long) i * MODULE_BYTES + 0x1000;
      kernel.put(symtab + 24 + 4, new byte[] {'t'}); // st_info, to 4.20
      kernel.put(symtab + 48 + 4, new byte[] {0x11}).put(symtab + 48 + 16, new byte[] {'d'});
      kernel.put(symtab + 72 + 4, new byte[] {'t'});
    }
    assertEquals(expected(kernel), listed(read(kernel).symbols()));
  }

  @Test
  void aModuleThatIsBeingMadeIsPassedOver() throws Exception {
    MappedKernel kernel = kernel(8);
    kernel.u32(kernel.modules + MODULE_BYTES, 3);
    assertEquals(
        List.of("virtio", "nf_tables"),
        read(kernel).modules().stream().map(KernelModule::name).toList());
  }

  @Test
  void aListThatComesBackElsewhereEndsAndIsTold() throws Exception {
    MappedKernel kernel = kernel(8);
    kernel.word(entry(kernel, 2), entry(kernel, 1));
    KernelModules.Found found = read(kernel);
    assertEquals(expected(kernel), listed(found.symbols()));
    assertEquals(1, found.notes().size());
    assertTrue(found.notes().get(0).contains("comes back to"), found.notes().get(0));

    MappedKernel cut = kernel(8);
    cut.word(entry(cut, 1), 0x1234_5678);
    found = read(cut);
    assertEquals(expected(cut).subList(0, 6), listed(found.symbols()));
    assertTrue(found.notes().get(0).contains("0x12345678, where no RAM is"));
  }

  @Test
  void aModuleWithoutItsSymbolsIsTold() throws Exception {
    MappedKernel kernel = kernel(8);
    kernel.word(kernel.modules + KALLSYMS + 8, 0x5000);
    KernelModules.Found found = read(kernel);
    assertEquals(expected(kernel).subList(3, 9), listed(found.symbols()));
    assertEquals(
        List.of("symbols of module virtio: no RAM at virtual address 0x5000"), found.notes());
  }

  @Test
  void anAbsurdCountEndsWhereMemoryDoes() throws Exception {
    MappedKernel kernel = kernel(8);
    kernel.u32(kernel.modules + KALLSYMS + 16, -1);
    KernelModules.Found found =
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> read(kernel));
    assertTrue(found.notes().get(0).startsWith("symbols of module virtio: no RAM"));
  }

  @Test
  void compiledBpfProgramsAreListedBehindTheModules() throws Exception {
    MappedKernel kernel = kernel(8);
    types.put("bpf_ksym.start", 0L);
    types.put("bpf_ksym.name", 16L);
    types.put("bpf_ksym.lnode", 0x100L);
    long programs = kernel.start + 0x9000;
    long program = kernel.modules + 0x20000;
    kernel.word(programs, program + 0x100).word(program + 0x100, programs);
    kernel.word(program, kernel.modules + 0x30000);
    kernel.put(
        program + 16, "bpf_prog_6deef7357e7b4530_sd_devices\0".getBytes(StandardCharsets.US_ASCII));
    SymbolCollector symbols = new SymbolCollector();
    symbols.add("modules", 'd', head);
    symbols.add("bpf_kallsyms", 'd', programs);
    symbols.add("bpf_jit_kallsyms", 'd', kernel.start + 0xa000);
    SymbolTable vmlinux = symbols.table();
    assertEquals(
        9,
        KernelModules.symbols(kernel.image(IMAGE), vmlinux, Optional.of(layout)).symbols().size(),
        "bpf_jit_kallsyms is 0");
    kernel.u32(kernel.start + 0xa000, 1);
    SymbolTable found =
        KernelModules.symbols(kernel.image(IMAGE), vmlinux, Optional.of(layout)).symbols();
    assertEquals(
        new KernelSymbol(
            "bpf_prog_6deef7357e7b4530_sd_devices", 't', kernel.modules + 0x30000, "bpf"),
        found.get(9));
    assertEquals(
        List.of("1 symbols of [bpf] left out: the kernel's types are not known"),
        KernelModules.symbols(kernel.image(IMAGE), vmlinux, Optional.empty()).notes());
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 100);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void changedBytesGiveSymbolsOrNotesAndNothingElse(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int word = random.nextBoolean() ? 8 : 4;
    MappedKernel kernel = kernel(word);
    for (int i = random.nextInt(1, 12); i > 0; i--) {
      int at =
          random.nextInt(3) * MODULE_BYTES + random.nextInt(random.nextBoolean() ? 0x400 : 0x2900);
      byte[] bytes = new byte[random.nextInt(1, 8)];
      random.nextBytes(bytes);
      kernel.put(kernel.modules + at, bytes);
    }
    boolean typed = random.nextBoolean();
    KernelModules.Found found =
        assertTimeoutPreemptively(
            Duration.ofSeconds(20),
            () ->
                KernelModules.symbols(
                    kernel.image(IMAGE),
                    vmlinux(),
                    typed ? Optional.of(layout) : Optional.empty()));
    assertEquals(found.symbols().size(), listed(found.symbols()).size());
  }

  private static List<KernelSymbol> listed(SymbolTable table) {
    List<KernelSymbol> symbols = new ArrayList<>();
    for (int i = 0; i < table.size(); i++) {
      symbols.add(table.get(i));
    }
    return symbols;
  }
}
