package dev.vmstate.core.symbols;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.Tool;
import dev.vmstate.core.kallsyms.MappedKernel;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.fixtures.BtfBuilder;
import dev.vmstate.fixtures.BtfBuilder.Member;
import dev.vmstate.fixtures.BtfBuilder.Named;
import dev.vmstate.fixtures.BtfBuilder.Value;
import dev.vmstate.fixtures.BtfBuilder.Variable;
import dev.vmstate.fixtures.KallsymsBuilder;
import dev.vmstate.fixtures.KallsymsBuilder.Entries;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** gdb and readelf are the judges of what is written. */
class KernelElfTest {
  private static final int BTF = 0x40000;
  private static final int ORC_IP = 0x50000;
  private static final int ORC = 0x51000;
  private static final int IMAGE = 0x80000;

  @TempDir Path directory;

  private final MappedKernel memory = MappedKernel.of(8);
  private final long start = memory.start;

  private GuestSymbols guest(byte[] btf) throws Exception {
    memory.put(start + BTF, btf);
    KallsymsBuilder symbols = KallsymsBuilder.of(8).entries(Entries.PERCPU, start);
    symbols.symbol(0, 'A', "__per_cpu_start").symbol(0x100, 'A', "counter");
    symbols.symbol(0x1000, 'A', "__per_cpu_end");
    symbols.symbol(start, 'T', "_text");
    symbols.symbol(start + 0x100, 'T', "work").symbol(start + 0x140, 't', "twice");
    symbols.symbol(start + 0x180, 't', "twice");
    for (int i = 0; i < 300; i++) {
      symbols.symbol(start + 0x200 + 16L * i, 't', "filler_number_" + i);
    }
    symbols.symbol(start + 0x4000, 'T', "_etext");
    symbols.symbol(start + 0x20000, 'D', "_sdata").symbol(start + 0x20000, 'D', "init_task");
    symbols.symbol(start + 0x20100, 'd', "untyped").symbol(start + 0x21000, 'D', "_edata");
    symbols.symbol(start + BTF, 'R', "__start_BTF");
    symbols.symbol(start + BTF + btf.length, 'R', "__stop_BTF");
    symbols.symbol(start + ORC_IP, 'R', "__start_orc_unwind_ip");
    symbols.symbol(start + ORC_IP + 16, 'R', "__stop_orc_unwind_ip");
    symbols.symbol(start + ORC, 'R', "__start_orc_unwind");
    long at = start + 0x60000;
    memory.put(at, symbols.build(at));
    OptionalLong none = OptionalLong.empty();
    LinuxKernel kernel =
        new LinuxKernel(
            memory.image(IMAGE),
            "6.1.0",
            "Linux version 6.1.0",
            0,
            0,
            none,
            none,
            none,
            4,
            List.of());
    return GuestSymbols.find(kernel);
  }

  private static BtfBuilder types() {
    BtfBuilder types = new BtfBuilder();
    int number = types.integer("int", 4, true);
    int unsigned = types.integer("unsigned int", 4, false);
    int character = types.integer("char", 1, true);
    int word = types.integer("long unsigned int", 8, false);
    int list = types.struct("list_head", 16, Member.at("next", 6, 0), Member.at("prev", 6, 8));
    types.pointer(list);
    int states = types.enumeration("state", true, new Value("DEAD", -3), new Value("ALIVE", 2));
    int comm = types.array(character, word, 16);
    int grid = types.array(types.array(number, word, 3), word, 2);
    int unnamed = types.union("", 8, Member.at("a", word, 0), Member.at("b", number, 0));
    int task =
        types.struct(
            "task_struct",
            96,
            new Member("flag", unsigned, 0, 3),
            new Member("rest", unsigned, 3, 29),
            new Member("state", states, 32, 0),
            new Member("tasks", types.typedef("list_t", list), 64, 0),
            new Member("comm", types.qualified(10, comm), 192, 0),
            new Member("grid", grid, 320, 0),
            new Member("", unnamed, 512, 0),
            new Member("call", types.pointer(types.prototype(0, new Named("", number))), 576, 0),
            new Member("hidden", types.pointer(types.forward("secret", false)), 640, 0),
            new Member("tagged", types.pointer(types.tagged("rcu", word)), 704, 0));
    int prototype =
        types.prototype(
            number,
            new Named("who", types.pointer(task)),
            new Named("how", states),
            new Named("", 0));
    types.function("work", prototype, 1);
    types.function("twice", prototype, 0);
    int counter = types.variable("counter", word, 1);
    types.section(".data..percpu", 0x1000, new Variable(counter, 0x100, 8));
    types.struct(
        "orc_entry",
        6,
        new Member("sp_offset", types.integer("short", 2, true), 0, 0),
        new Member("sp_reg", unsigned, 32, 4),
        new Member("bp_reg", unsigned, 36, 4),
        new Member("type", unsigned, 40, 2),
        new Member("end", unsigned, 42, 1));
    return types;
  }

  private Path file(GuestSymbols guest, KernelElf.Counts expected) throws Exception {
    Path file = directory.resolve("kernel.elf");
    try (OutputStream out = Files.newOutputStream(file)) {
      assertEquals(expected, KernelElf.write(guest, out));
    }
    return file;
  }

  private static KernelElf.Counts counts(GuestSymbols guest, int types, int frames) {
    return new KernelElf.Counts(guest.symbols().size(), types, 1, 2, frames, List.of());
  }

  @Test
  void gdbPrintsTypesFunctionsAndVariables() throws Exception {
    BtfBuilder types = types();
    GuestSymbols guest = guest(types.build());
    int all = guest.types().orElseThrow().btf().count() - 1;
    Path file = file(guest, counts(guest, all, 0));
    String said =
        Tool.run(
                "gdb",
                "gdb",
                "-q",
                "-nx",
                "-batch",
                "-ex",
                "ptype /o struct task_struct",
                "-ex",
                "whatis work",
                "-ex",
                "whatis twice",
                "-ex",
                "p &init_task",
                "-ex",
                "p &counter",
                "-ex",
                "whatis init_task.comm",
                "-ex",
                "whatis init_task.grid",
                "-ex",
                "p (enum state)-3",
                "-ex",
                "info symbol " + (start + 0x148),
                "-ex",
                "p sizeof(struct task_struct)",
                file.toString())
            .replaceAll(" +", " ");
    assertTrue(said.contains(": 3 | 4 */ unsigned int rest : 29;"), said);
    assertTrue(said.contains("| 16 */ list_t tasks"), said);
    assertTrue(said.contains("int grid[2][3];"), said);
    assertTrue(said.contains("void (*call)(int);"), said);
    assertTrue(said.contains("struct secret *hidden;"), said);
    assertTrue(said.contains("= 96"), said);
    assertTrue(said.contains("type = int (struct task_struct *, enum state, ...)"), said);
    assertTrue(said.contains("type = <text variable, no debug info>"), "which of two: " + said);
    assertTrue(said.contains("(struct task_struct *) 0x%x <init_task>".formatted(start + 0x20000)));
    assertTrue(said.contains("(unsigned long *) 0x100 <counter>"), said);
    assertTrue(said.contains("type = const char [16]"), said);
    assertTrue(said.contains("= DEAD"), said);
    assertTrue(said.contains("twice + 8 in section .text"), said);
  }

  @Test
  void readelfFindsNothingToComplainOf() throws Exception {
    GuestSymbols guest = guest(types().build());
    Path file = file(guest, counts(guest, guest.types().orElseThrow().btf().count() - 1, 0));
    String said = Tool.run("binutils", "readelf", "-aW", "-wiaR", file.toString());
    assertFalse(said.toLowerCase(Locale.ROOT).contains("warning"), said);
    assertTrue(said.contains("FUNC    GLOBAL DEFAULT    2 work"), said);
    assertTrue(said.contains("OBJECT  LOCAL  DEFAULT    3 untyped"), said);
  }

  /** Three runs of code: the usual, one with rbp saved, one in an interrupt; then the end. */
  @Test
  void orcTablesAreFrames() throws Exception {
    ByteBuffer ip = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer orc = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    int[] runs = {0x100, 0x110, 0x140, 0x180};
    for (int i = 0; i < runs.length; i++) {
      ip.putInt(4 * i, runs[i] - (ORC_IP + 4 * i));
    }
    orc.putShort((short) 8).putShort((short) 0).putShort((short) 5);
    orc.putShort((short) 16).putShort((short) -16).putShort((short) (5 | 1 << 4));
    orc.putShort((short) 24).putShort((short) 0).putShort((short) (5 | 1 << 8));
    memory.put(start + ORC_IP, ip.array()).put(start + ORC, orc.array());
    GuestSymbols guest = guest(types().build());
    Path file = file(guest, counts(guest, guest.types().orElseThrow().btf().count() - 1, 2));
    String said = Tool.run("binutils", "readelf", "-wF", file.toString()).replaceAll(" +", " ");
    String from = "%016x".formatted(start + 0x100);
    assertTrue(said.contains(from + " rsp+8 "), said);
    assertTrue(said.contains("%016x rsp+16 ".formatted(start + 0x110)), said);
    assertTrue(said.contains(" c-16 "), "rbp: " + said);
    assertTrue(said.contains("%016x rsp+24 ".formatted(start + 0x140)), said);
    assertTrue(said.contains("c+128"), "rip in pt_regs: " + said);
    assertTrue(said.contains("pc=%016x..%016x".formatted(start + 0x140, start + 0x180)), said);
  }

  @Test
  void volatilitysFileHasBannerAddressesAndMembers() throws Exception {
    GuestSymbols guest = guest(types().build());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Isf.write(guest, out);
    String json = out.toString(StandardCharsets.US_ASCII);
    String address = Long.toUnsignedString(start + 0x20000);
    assertTrue(
        json.contains(
            "\"init_task\":{\"type\":{\"kind\":\"struct\",\"name\":\"task_struct\"},\"address\":"
                + address),
        json);
    assertTrue(
        json.contains(
            "\"rest\":{\"type\":{\"kind\":\"bitfield\",\"bit_position\":3,\"bit_length\":29,"
                + "\"type\":{\"kind\":\"base\",\"name\":\"unsigned int\"}},\"offset\":0}"),
        json);
    assertTrue(json.contains("\"constants\":{\"DEAD\":-3,\"ALIVE\":2}"), json);
    assertTrue(json.contains("\"secret\":{\"kind\":\"struct\",\"size\":0,\"fields\":{}}"), json);
  }

  /** Whatever BTF and ORC say: a file is written, or nothing is believed. */
  @Test
  void changedTablesAreWrittenOrRefused() throws Exception {
    byte[] whole = types().build();
    for (long seed = 0; seed < 150; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      byte[] changed = whole.clone();
      for (int i = random.nextInt(1, 3); i > 0; i--) {
        changed[random.nextInt(24, changed.length)] = (byte) random.nextInt(256);
      }
      byte[] noise = new byte[24];
      random.nextBytes(noise);
      memory.put(start + ORC, noise);
      GuestSymbols guest = guest(changed);
      KernelElf.write(guest, OutputStream.nullOutputStream());
      if (guest.types().isPresent()) {
        Isf.write(guest, OutputStream.nullOutputStream());
      }
    }
  }
}
