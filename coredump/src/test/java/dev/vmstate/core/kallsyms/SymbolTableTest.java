package dev.vmstate.core.kallsyms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.symbols.SystemMap;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SymbolTableTest {
  private static final long TEXT = 0xffff_ffff_8100_0000L;

  private static SymbolTable kernel() {
    SymbolCollector symbols = new SymbolCollector();
    symbols.add("cpu_info", 'A', 0x1000);
    symbols.add("_text", 'T', TEXT);
    symbols.add("_stext", 'T', TEXT);
    symbols.add("show", 't', TEXT + 0x100);
    symbols.add("show", 't', TEXT + 0x200);
    symbols.add("end", 'D', TEXT + 0x1000);
    return symbols.table();
  }

  private static SymbolTable modules() {
    SymbolCollector symbols = new SymbolCollector();
    symbols.module("virtio");
    symbols.add("show", 't', TEXT + 0x9000);
    symbols.add("probe", 'T', TEXT + 0x8000);
    symbols.module("bpf");
    symbols.add("prog", 't', 0x7000);
    return symbols.table();
  }

  @Test
  void aNameGivesItsFirstAddressAndAllOfThem() {
    SymbolTable all = kernel().plus(modules());
    assertEquals(9, all.size());
    assertEquals(OptionalLong.of(TEXT + 0x100), all.address("show"));
    assertEquals(
        List.of(
            new KernelSymbol("show", 't', TEXT + 0x100, ""),
            new KernelSymbol("show", 't', TEXT + 0x200, ""),
            new KernelSymbol("show", 't', TEXT + 0x9000, "virtio")),
        all.all("show"));
    assertEquals(OptionalLong.empty(), all.address("sho"));
    assertEquals(OptionalLong.empty(), all.address(""));
    assertEquals(List.of(), SymbolTable.EMPTY.all("show"));
  }

  @Test
  void anAddressGivesTheNearestSymbolBelowAndOfSeveralTheFirst() {
    SymbolTable all = kernel().plus(modules());
    assertEquals("_text", name(all, TEXT));
    assertEquals("_text", name(all, TEXT + 0xff));
    assertEquals("show", name(all, TEXT + 0x100));
    assertEquals("probe", name(all, TEXT + 0x8fff));
    assertEquals("virtio", all.at(TEXT + 0x9000).orElseThrow().module());
    assertEquals("virtio", all.at(-1).orElseThrow().module());
    assertEquals("prog", name(all, 0x7fff));
    assertEquals(Optional.empty(), all.at(0x6fff), "an offset inside a CPU's area is no address");
    assertEquals(Optional.empty(), SymbolTable.EMPTY.at(-1));
  }

  @Test
  void tablesInAnyOrderAreSearchedRight() {
    SplittableRandom random = new SplittableRandom(5);
    SymbolCollector symbols = new SymbolCollector();
    long[] addresses = random.longs(3000, -100_000, 100_000).toArray();
    for (long address : addresses) {
      symbols.add("s" + address, 'd', address);
    }
    SymbolTable table = symbols.table();
    for (long at : random.longs(3000, -100_000, 100_000).toArray()) {
      long best = 0;
      boolean any = false;
      for (long address : addresses) {
        if (Long.compareUnsigned(address, at) <= 0
            && (!any || Long.compareUnsigned(address, best) > 0)) {
          best = address;
          any = true;
        }
      }
      Optional<KernelSymbol> found = table.at(at);
      assertEquals(any, found.isPresent());
      assertTrue(!any || found.orElseThrow().address() == best);
    }
  }

  @Test
  void theMapIsWhatTheGuestWouldPrint() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SystemMap.write(kernel().plus(modules()), 8, out);
    assertEquals(
        """
        0000000000001000 A cpu_info
        ffffffff81000000 T _text
        ffffffff81000000 T _stext
        ffffffff81000100 t show
        ffffffff81000200 t show
        ffffffff81001000 D end
        ffffffff81009000 t show\t[virtio]
        ffffffff81008000 T probe\t[virtio]
        0000000000007000 t prog\t[bpf]
        """,
        out.toString(StandardCharsets.ISO_8859_1));
  }

  @Test
  void longMapsAreWritten() throws Exception {
    SymbolCollector symbols = new SymbolCollector();
    StringBuilder expected = new StringBuilder();
    for (int i = 0; i < 9000; i++) {
      symbols.add("n".repeat(i % 100 + 1), 't', 0xc100_0000L + i);
      expected.append("%08x t %s\n".formatted(0xc100_0000L + i, "n".repeat(i % 100 + 1)));
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SystemMap.write(symbols.table(), 4, out);
    assertEquals(expected.toString(), out.toString(StandardCharsets.ISO_8859_1));
  }

  private static String name(SymbolTable table, long address) {
    return table.at(address).orElseThrow().name();
  }
}
