package dev.vmstate.core.layouts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.core.debuginfo.LinkedFixture;
import dev.vmstate.core.debuginfo.Vmlinux;
import dev.vmstate.core.kernel.KernelTypes;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayoutTableTest {
  @TempDir Path directory;

  @Test
  void aTableAnswersAsTheVmlinuxItWasMadeOf() throws Exception {
    Vmlinux vmlinux = Vmlinux.open(LinkedFixture.linked(directory, "-gdwarf-5"));
    KernelTypes types = vmlinux.types();
    Path file = directory.resolve("table");
    Files.write(file, LayoutWriter.lines(vmlinux));
    LayoutTable table = LayoutTable.read(file).orElseThrow();

    assertEquals(vmlinux.banner().orElseThrow(), table.banner());
    assertEquals(types.size("task_struct"), table.size("task_struct"));
    for (String member : LinkedFixture.members()) {
      if (!member.equals("table[1][3]")) { // a table has one dimension
        assertEquals(
            types.field("task_struct", member), table.field("task_struct", member), member);
        assertEquals(
            member.equals("table[1]") ? OptionalLong.empty() : types.length("task_struct", member),
            table.length("task_struct", member),
            member);
      }
    }
    assertEquals(types.enumerator("PIDTYPE_MAX"), table.enumerator("PIDTYPE_MAX"));
    long task = vmlinux.symbols(0).address("init_task").orElseThrow();
    assertEquals(task - vmlinux.text(), table.symbols().get("init_task"));
    for (String none :
        List.of("nothing", "tasks.nothing", "comm.x", "tasks[1]", "links.prev", "")) {
      assertEquals(Optional.empty(), table.field("task_struct", none), none);
    }
    assertEquals(Optional.empty(), table.field("nothing", "x"));
    assertEquals(OptionalLong.empty(), table.size("nothing"));
  }

  @Test
  void whatIsNoTableIsSaidByLine() throws Exception {
    Path other = directory.resolve("other");
    Files.writeString(other, "\177ELF");
    assertEquals(Optional.empty(), LayoutTable.read(other));
    for (String line : List.of("tape x 1", "type x", "enum A b", " x 1 2 3", "")) {
      List<String> lines = List.of(LayoutTable.FIRST, "banner x", line);
      FormatException e =
          assertThrows(FormatException.class, () -> LayoutTable.parse("table", lines));
      assertEquals(3, e.offset(), line);
    }
  }

  /** Of every table that comes with this: what the walks over tasks, modules and slabs need. */
  @Test
  void shippedTablesAreWhole() throws Exception {
    List<String> files = lines("known.txt");
    assertTrue(!files.isEmpty());
    for (String file : files) {
      LayoutTable table = LayoutTable.parse(file, lines(file));
      assertTrue(table.banner().startsWith("Linux version "), table.banner());
      assertTrue(file.equals("linux-" + table.banner().split(" ")[2] + ".layout"), file);
      assertTrue(table.symbols().containsKey("init_task"), file);
      for (String path : List.of("tasks.next", "mm", "comm", "signal", "thread_pid", "cred")) {
        assertTrue(table.field("task_struct", path).isPresent(), file + " " + path);
      }
      assertEquals(OptionalLong.of(16), table.length("task_struct", "comm"));
      for (String member :
          List.of(
              "latch_tree_root tree",
              "mod_tree_root root",
              "slab slab_cache",
              "kmem_cache object_size")) {
        String[] words = member.split(" ");
        assertTrue(table.field(words[0], words[1]).isPresent(), file + " " + member);
      }
    }
  }

  private static List<String> lines(String resource) throws Exception {
    try (InputStream in = KnownLayouts.class.getResourceAsStream(resource)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }
}
