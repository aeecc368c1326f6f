package dev.vmstate.core.debuginfo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.kallsyms.SymbolTable;
import dev.vmstate.core.kernel.KernelTypes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DwarfTypesTest {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-gdwarf-5",
        "-gdwarf-4",
        "-gdwarf-3 -gstrict-dwarf",
        "-gdwarf-2 -gstrict-dwarf",
        "-gdwarf-5 -gdwarf64",
        "-gdwarf-5 -gz=zlib",
        "-gdwarf-5 -flto -O2"
      })
  void membersAreWhereTheCompilerPutThem(String options) throws Exception {
    List<String> truth = LinkedFixture.truth(directory);
    KernelTypes types = dwarf(LinkedFixture.linked(directory, options.split(" ")));
    List<String> said = new ArrayList<>();
    for (String member : LinkedFixture.members()) {
      KernelTypes.Field field = types.field("task_struct", member).orElseThrow();
      said.add("%s %d %d %d".formatted(member, field.bit(), field.bits(), field.bytes()));
    }
    said.add(String.valueOf(types.size("task_struct").orElseThrow()));
    assertEquals(truth, said);
  }

  @Test
  void namesOfOtherThingsThanMembers() throws Exception {
    KernelTypes types = dwarf(LinkedFixture.linked(directory, "-gdwarf-5"));
    assertEquals(OptionalLong.of(16), types.length("task_struct", "comm"));
    assertEquals(OptionalLong.of(3), types.length("task_struct", "table"));
    assertEquals(OptionalLong.of(7), types.length("task_struct", "table[1]"));
    assertEquals(OptionalLong.of(0), types.length("task_struct", "open"));
    assertEquals(OptionalLong.empty(), types.length("task_struct", "tasks"));
    assertEquals(OptionalLong.of(4), types.enumerator("PIDTYPE_MAX"));
    assertEquals(OptionalLong.of(-3), types.enumerator("PIDTYPE_ODD"));
    assertEquals(OptionalLong.of(0x7fff_ffff), types.enumerator("UNNAMED_FIRST"));
    assertEquals(OptionalLong.empty(), types.enumerator("PIDTYPE_NONE"));
    assertEquals(OptionalLong.of(8), types.size("atomic64_t"));
    assertEquals(OptionalLong.of(4), types.size("u32"));
    assertEquals(OptionalLong.of(4), types.size("pid_type"));
    assertEquals(OptionalLong.of(0), types.offset("atomic64_t", "counter"));
    assertEquals(OptionalLong.empty(), types.size("forward"));
    assertEquals(OptionalLong.empty(), types.size("hidden"));
    assertEquals(Optional.empty(), types.field("task_struct", "forward.x"));
    assertEquals(Optional.empty(), types.field("task_struct", "comm.x"));
    assertEquals(Optional.empty(), types.field("task_struct", "tasks[1]"));
    assertEquals(Optional.empty(), types.field("task_struct", "nothing"));
    assertEquals(Optional.empty(), types.field("task_struct", ""));
  }

  @Test
  void symbolsMoveWithTheImage() throws Exception {
    Vmlinux vmlinux = Vmlinux.open(LinkedFixture.linked(directory, "-gdwarf-5"));
    SymbolTable symbols = vmlinux.symbols(0x20_0000);
    assertEquals(OptionalLong.of(vmlinux.text() + 0x20_0000), symbols.address("_text"));
    assertTrue(symbols.address("init_task").isPresent());
    assertEquals('T', symbols.all("_text").get(0).type());
    assertEquals(
        Optional.of("Linux version 6.1.0-test (a@b) (gcc) #1 SMP today"), vmlinux.banner());
    assertEquals(40, vmlinux.buildId().orElseThrow().length());
  }

  @Test
  void aFileWithoutDebugInformationNamesTheOneThatHasIt() throws Exception {
    Vmlinux vmlinux = Vmlinux.open(LinkedFixture.linked(directory, "-g0"));
    FormatException none = assertThrows(FormatException.class, vmlinux::types);
    assertTrue(none.getMessage().contains("debug package"), none.getMessage());
    FormatException stripped =
        assertThrows(
            FormatException.class,
            () -> Vmlinux.open(LinkedFixture.linked(directory, "-g0", "-s")));
    assertTrue(stripped.getMessage().contains("no .symtab"), stripped.getMessage());
  }

  /** Whatever is in the file: an answer or an error with its place, soon. */
  @ParameterizedTest
  @ValueSource(strings = {"-gdwarf-5", "-gdwarf-3 -gstrict-dwarf", "-gdwarf-5 -gz=zlib"})
  void damagedFilesAreRefusedOrAnswerSomething(String options) throws Exception {
    byte[] whole = Files.readAllBytes(LinkedFixture.link(directory, options.split(" ")));
    long seed = Long.getLong("vmstate.seed", 20261121);
    Random random = new Random(seed);
    int errors = 0;
    for (int round = 0; round < 400; round++) {
      byte[] bytes = whole.clone();
      if (round % 10 == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
      }
      for (int i = random.nextInt(6); i >= 0 && bytes.length > 0; i--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      errors += ask(ByteSource.of("damaged", bytes), seed, round);
    }
    assertTrue(errors > 20, "damage was noticed " + errors + " times");
  }

  private static int ask(ByteSource source, long seed, int round) {
    try {
      KernelTypes types = dwarf(source);
      for (String member : LinkedFixture.members()) {
        types.field("task_struct", member);
        types.length("task_struct", member);
      }
      types.size("nothing");
      types.enumerator("NOTHING");
      return 0;
    } catch (IOException | UncheckedIOException located) {
      assertTrue(located.getMessage().contains("damaged"), located.getMessage());
      return 1;
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError bug) {
      throw new AssertionError("-Dvmstate.seed=%d, round %d".formatted(seed, round), bug);
    }
  }

  private static KernelTypes dwarf(ByteSource source) throws IOException {
    return Vmlinux.open(source).dwarf();
  }
}
