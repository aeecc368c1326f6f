package dev.vmstate.core.kallsyms;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.fixtures.KallsymsBuilder;
import dev.vmstate.fixtures.KallsymsBuilder.Entries;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KallsymsTest {
  private static final int TABLES = 0x8000;
  private static final int IMAGE = 0x20000;

  /** A kernel of some version: how it differs from the others. */
  private record Version(String name, int word, Entries entries, boolean old, Shape shape) {
    private interface Shape {
      KallsymsBuilder on(KallsymsBuilder builder);
    }

    KallsymsBuilder builder(MappedKernel kernel) {
      KallsymsBuilder builder = KallsymsBuilder.of(word).entries(entries, kernel.start);
      return shape.on(old ? builder.addressesFirst() : builder);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Version> versions() {
    return Stream.of(
        new Version("4.4", 8, Entries.WHOLE, true, KallsymsBuilder::wideMarkers),
        new Version("4.6", 8, Entries.PERCPU, true, KallsymsBuilder::wideMarkers),
        new Version("5.10", 8, Entries.PERCPU, true, b -> b),
        new Version("5.10, one CPU", 8, Entries.BASE, true, b -> b),
        new Version("6.1.y", 8, Entries.PERCPU, true, b -> b.seqs(3)),
        new Version("seqs of four bytes", 8, Entries.PERCPU, true, b -> b.seqs(4)),
        new Version("6.4", 8, Entries.PERCPU, false, b -> b.seqs(3)),
        new Version("6.4 without base", 8, Entries.WHOLE, false, b -> b.seqs(3)),
        new Version("6.15", 8, Entries.BASE, false, b -> b.seqs(3)),
        new Version("7.2", 8, Entries.SELF, false, b -> b.seqs(3).align(4)),
        new Version("4.4, i386", 4, Entries.WHOLE, true, b -> b),
        new Version("6.1, i386", 4, Entries.BASE, true, b -> b.seqs(3)),
        new Version("6.12, i386", 4, Entries.BASE, false, b -> b.seqs(3)),
        new Version("7.2, i386", 4, Entries.SELF, false, b -> b.seqs(3)),
        new Version("7.2, not relocatable", 4, Entries.WHOLE, false, b -> b.seqs(3)));
  }

  @ParameterizedTest
  @MethodSource("versions")
  void everyLayoutGivesEverySymbolAndWhereItStood(Version version) throws Exception {
    MappedKernel kernel = MappedKernel.of(version.word());
    List<KernelSymbol> symbols = symbols(kernel, version.entries() == Entries.PERCPU, 600);
    KallsymsBuilder builder = with(version.builder(kernel), symbols);
    long at = kernel.start + TABLES;
    kernel.put(at, builder.build(at));
    Kallsyms.Found found = Kallsyms.find(kernel.image(IMAGE));
    SymbolTable table = found.symbols().orElseThrow(() -> new AssertionError(found.report()));
    assertEquals(symbols, listed(table));
    assertEquals(List.of(), found.notes());
    KallsymsPlace place = table.place().orElseThrow();
    assertEquals(at + builder.label("num_syms"), place.numSyms());
    assertEquals(at + builder.label("names"), place.names());
    assertEquals(at + builder.label("markers"), place.markers());
    assertEquals(at + builder.label("token_table"), place.tokenTable());
    assertEquals(at + builder.label("token_index"), place.tokenIndex());
    boolean whole = version.entries() == Entries.WHOLE;
    assertEquals(
        OptionalLong.of(at + builder.label(whole ? "addresses" : "offsets")),
        whole ? place.addresses() : place.offsets());
    assertEquals(OptionalLong.empty(), whole ? place.offsets() : place.addresses());
    assertEquals(
        whole || version.entries() == Entries.SELF
            ? OptionalLong.empty()
            : OptionalLong.of(at + builder.label("relative_base")),
        place.relativeBase());
  }

  @Test
  void namesOfMoreThan127CodesHaveLengthsOfTwoBytes() throws Exception {
    MappedKernel kernel = MappedKernel.of(8);
    List<KernelSymbol> symbols = symbols(kernel, false, 300);
    SplittableRandom random = new SplittableRandom(1);
    StringBuilder name = new StringBuilder();
    random.ints(500, 0, 26).forEach(i -> name.append((char) ('a' + i)));
    symbols.add(new KernelSymbol(name.toString(), 't', kernel.start + 0x10000, ""));
    long at = kernel.start + TABLES;
    KallsymsBuilder builder =
        with(KallsymsBuilder.of(8).entries(Entries.BASE, kernel.start), symbols);
    kernel.put(at, builder.build(at));
    assertEquals(symbols, listed(Kallsyms.find(kernel.image(IMAGE)).symbols().orElseThrow()));
  }

  /** A decompressor leaves such. */
  @Test
  void aCopyThatIsOverwrittenInPartIsPassedOver() throws Exception {
    MappedKernel kernel = MappedKernel.of(8);
    List<KernelSymbol> symbols = symbols(kernel, true, 400);
    KallsymsBuilder builder =
        with(KallsymsBuilder.of(8).entries(Entries.PERCPU, kernel.start), symbols);
    byte[] stale = builder.build(kernel.start);
    Arrays.fill(stale, builder.label("names") + 1000, builder.label("names") + 1010, (byte) 7);
    kernel.put(kernel.start, stale);
    byte[] staleIndex = builder.build(kernel.start);
    staleIndex[builder.label("token_index") + 300]++;
    kernel.put(kernel.start + 0x8000, staleIndex);
    long at = kernel.start + 0x10000;
    kernel.put(at, builder.build(at));
    SymbolTable found = Kallsyms.find(kernel.image(IMAGE)).symbols().orElseThrow();
    assertEquals(symbols, listed(found));
    assertEquals(at + builder.label("names"), found.place().orElseThrow().names());
  }

  @Test
  void whatIsMissingIsSaid() throws Exception {
    MappedKernel kernel = MappedKernel.of(8);
    assertTrue(report(kernel).contains("no kallsyms token table"), report(kernel));

    List<KernelSymbol> symbols = symbols(kernel, false, 300);
    KallsymsBuilder builder =
        with(KallsymsBuilder.of(8).entries(Entries.BASE, kernel.start), symbols);
    long at = kernel.start + TABLES;
    byte[] bytes = builder.build(at);
    bytes[builder.label("markers") + 4]++;
    kernel.put(at, bytes);
    assertTrue(report(kernel).contains("no names before them"), report(kernel));

    bytes = builder.build(at);
    bytes[builder.label("offsets") + 4 * 100 + 3] = 1;
    kernel.put(at, bytes);
    assertTrue(report(kernel).contains("no addresses in ascending order"), report(kernel));
  }

  @Test
  void aKernelThatNamesOnlyFunctionsIsTold() throws Exception {
    MappedKernel kernel = MappedKernel.of(4);
    KallsymsBuilder builder = KallsymsBuilder.of(4).entries(Entries.BASE, kernel.start);
    for (int i = 0; i < 300; i++) {
      builder.symbol(kernel.start + 16L * i, i == 299 ? 'D' : 't', "function_" + i);
    }
    long at = kernel.start + TABLES;
    kernel.put(at, builder.build(at));
    List<String> notes = Kallsyms.find(kernel.image(IMAGE)).notes();
    assertEquals(1, notes.size());
    assertTrue(notes.get(0).contains("CONFIG_KALLSYMS_ALL"), notes.get(0));
  }

  @ParameterizedTest
  @MethodSource("versions")
  void noPrefixOfTheTablesIsTakenForOthers(Version version) throws Exception {
    MappedKernel kernel = MappedKernel.of(version.word());
    List<KernelSymbol> symbols = symbols(kernel, version.entries() == Entries.PERCPU, 300);
    KallsymsBuilder builder = with(version.builder(kernel), symbols);
    byte[] bytes = builder.build(kernel.start);
    for (int cut = 1; cut < bytes.length; cut += 1 + cut % 29) {
      kernel.put(kernel.start, Arrays.copyOf(Arrays.copyOf(bytes, cut), bytes.length));
      Kallsyms.Found inZeros = Kallsyms.find(kernel.image(bytes.length + 64));
      kernel.put(kernel.start, bytes);
      Kallsyms.Found atTheEnd = Kallsyms.find(kernel.image(cut));
      for (Kallsyms.Found found : List.of(inZeros, atTheEnd)) {
        if (found.symbols().isPresent()) {
          SymbolTable table = found.symbols().get();
          assertEquals(symbols.size(), table.size(), "cut at " + cut);
          assertEquals(symbols.get(299).name(), table.name(299), "cut at " + cut);
        }
      }
    }
  }

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void changedBytesGiveSymbolsOrAReasonAndNothingElse(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Version> all = versions().toList();
    Version version = all.get(random.nextInt(all.size()));
    MappedKernel kernel = MappedKernel.of(version.word());
    KallsymsBuilder builder =
        with(version.builder(kernel), symbols(kernel, version.entries() == Entries.PERCPU, 300));
    byte[] bytes = builder.build(kernel.start + TABLES);
    for (int i = random.nextInt(1, 8); i > 0; i--) {
      int at = random.nextInt(bytes.length);
      for (int run = random.nextInt(1, 40); run > 0 && at < bytes.length; run--) {
        bytes[at++] = (byte) (random.nextInt(4) == 0 ? 0xff : random.nextInt(256));
      }
    }
    kernel.put(kernel.start + TABLES, bytes);
    Kallsyms.Found found =
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> Kallsyms.find(kernel.image(IMAGE)));
    found.symbols().ifPresent(table -> assertEquals(table.size(), listed(table).size()));
    assertTrue(!found.report().isEmpty() && !found.report().contains("\n"));
  }

  /**
   * Rows of digits everywhere; then bytes of which every four are a count and a name of three codes
   * as well; then tokens that give every code a meaning, many times over.
   */
  @Test
  void anImageMadeToBeSearchedForEverHasAnEnd() throws Exception {
    MappedKernel kernel = MappedKernel.of(8);
    ByteBuffer tokens = ByteBuffer.allocate(2048).order(ByteOrder.LITTLE_ENDIAN);
    short[] index = new short[256];
    for (int code = 0; code < 256; code++) {
      index[code] = (short) tokens.position();
      boolean digit = code >= '0' && code <= '9';
      tokens.put(digit ? new byte[] {(byte) code, 0} : new byte[] {'t', 'a', 0});
    }
    tokens.position(tokens.position() + 7 & -8);
    for (short offset : index) {
      tokens.putShort(offset);
    }
    ByteBuffer image = ByteBuffer.allocate(4 << 20);
    byte[] digits = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009\000".getBytes(US_ASCII);
    while (image.position() < 1 << 19) {
      image.put(digits);
    }
    image.position(1 << 20);
    while (image.position() < (4 << 20) - 0x10000) {
      image.put(new byte[] {3, 1, 1, 0});
    }
    while (image.remaining() >= tokens.capacity()) {
      image.put(tokens.array());
    }
    kernel.put(kernel.start, image.array());
    Kallsyms.Found found =
        assertTimeoutPreemptively(
            Duration.ofSeconds(60), () -> Kallsyms.find(kernel.image(4 << 20)));
    assertTrue(found.report().contains("no kallsyms token table"), found.report());
    kernel.put(kernel.start, new byte[(1 << 19) + 20]);
    found =
        assertTimeoutPreemptively(
            Duration.ofSeconds(60), () -> Kallsyms.find(kernel.image(4 << 20)));
    assertTrue(found.report().contains("no names before them"), found.report());
  }

  /** What the kernel needed for its start only is not mapped any more. */
  @Test
  void tablesBehindAHoleAreFound() throws Exception {
    MappedKernel kernel = MappedKernel.of(8);
    List<KernelSymbol> symbols = symbols(kernel, false, 300);
    long at = kernel.start + TABLES;
    kernel.put(
        at, with(KallsymsBuilder.of(8).entries(Entries.BASE, kernel.start), symbols).build(at));
    KernelImage mapped = kernel.image(IMAGE);
    KernelImage larger =
        new KernelImage(mapped.memory(), mapped.start() - (12 << 20), mapped.end() + (64 << 20));
    assertEquals(symbols, listed(Kallsyms.find(larger).symbols().orElseThrow()));
  }

  private static String report(MappedKernel kernel) throws Exception {
    return Kallsyms.find(kernel.image(IMAGE)).report();
  }

  private static List<KernelSymbol> symbols(MappedKernel kernel, boolean percpu, int count) {
    List<KernelSymbol> symbols = new ArrayList<>();
    String[] words = {"irq", "task_", "init", "__x64_sys_", "page", ".constprop.", "cpu9", "_ops"};
    for (int i = 0; i < count; i++) {
      String name = words[i % 8] + words[i / 8 % 8] + words[i * 5 % 8] + i;
      boolean absolute = percpu && i < 20;
      long address = absolute ? 64L * i : kernel.start + 24L * (i / 2);
      symbols.add(new KernelSymbol(name, absolute ? 'A' : "TtDdbRr".charAt(i % 7), address, ""));
    }
    return symbols;
  }

  private static KallsymsBuilder with(KallsymsBuilder builder, List<KernelSymbol> symbols) {
    symbols.forEach(s -> builder.symbol(s.address(), s.type(), s.name()));
    return builder;
  }

  private static List<KernelSymbol> listed(SymbolTable table) {
    List<KernelSymbol> symbols = new ArrayList<>();
    for (int i = 0; i < table.size(); i++) {
      symbols.add(table.get(i));
    }
    return symbols;
  }
}
