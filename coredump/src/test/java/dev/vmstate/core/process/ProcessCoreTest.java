package dev.vmstate.core.process;

import static dev.vmstate.core.objects.HandKernel.DIRECT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.elf.ElfNote;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A process put together by hand: two anonymous areas and one of a file, in a list and a tree. */
class ProcessCoreTest {
  private static final long MM = DIRECT + 0x20000;
  private static final long AREAS = DIRECT + 0x21000;
  private static final long PGD = 0x100000;
  private static final long FRAMES = DIRECT + 0x40000; // vmemmap: frame 0 has its page here
  private static final long SWAPPED_OUT = ~0x55L << 14 >>> 5;

  private final HandKernel kernel =
      new HandKernel()
          .type("mm_struct", 256)
          .member("mm_struct", "mmap", 0, 8)
          .member("mm_struct", "mm_rb.rb_node", 8, 8)
          .member("mm_struct", "map_count", 16, 4)
          .member("mm_struct", "pgd", 24, 8)
          .member("mm_struct", "start_brk", 32, 8)
          .member("mm_struct", "brk", 40, 8)
          .member("mm_struct", "start_stack", 48, 8)
          .member("mm_struct", "flags", 56, 8)
          .type("vm_area_struct", 256)
          .member("vm_area_struct", "vm_start", 0, 8)
          .member("vm_area_struct", "vm_end", 8, 8)
          .member("vm_area_struct", "vm_next", 16, 8)
          .member("vm_area_struct", "vm_rb", 32, 24)
          .member("vm_area_struct", "vm_flags", 64, 8)
          .member("vm_area_struct", "anon_vma", 72, 8)
          .member("vm_area_struct", "vm_ops", 80, 8)
          .member("vm_area_struct", "vm_pgoff", 88, 8)
          .member("vm_area_struct", "vm_file", 96, 8)
          .member("vm_area_struct", "vm_private_data", 104, 8)
          .type("rb_node", 24)
          .member("rb_node", "rb_right", 8, 8)
          .member("rb_node", "rb_left", 16, 8)
          .type("page", 64)
          .member("page", "flags", 0, 8)
          .member("page", "index", 32, 8)
          .enumerator("PG_locked", 0)
          .enumerator("PG_uptodate", 2)
          .symbol("vmemmap_base", DIRECT + 0x30000)
          .symbol("nr_swapfiles", DIRECT + 0x30008)
          .symbol("empty_zero_page", DIRECT + 0x200000);

  ProcessCoreTest() {
    kernel.word(DIRECT + 0x30000, FRAMES).word(DIRECT + 0x30008, 1);
    kernel.put(MM, "mm_struct", "pgd", DIRECT + PGD).put(MM, "mm_struct", "map_count", 2);
    kernel.put(MM, "mm_struct", "mmap", AREAS);
    area(0, 0x400000, 0x408000, 3, AREAS + 0x100);
    area(1, 0x7f00_0000_0000L, 0x7fff_0000_0000L, 1, 0);
    // 0x400000: level 4, 3, 2, 1 at PGD, + 0x1000, …
    kernel.ram().u64(PGD, PGD + 0x1007).u64(PGD + 0x1000, PGD + 0x2007);
    kernel.ram().u64(PGD + 0x2000 + 8 * 2, PGD + 0x3007);
  }

  private void area(int number, long start, long end, long flags, long next) {
    long at = AREAS + 0x100L * number;
    kernel.put(at, "vm_area_struct", "vm_start", start).put(at, "vm_area_struct", "vm_end", end);
    kernel.put(at, "vm_area_struct", "vm_flags", flags).put(at, "vm_area_struct", "vm_next", next);
  }

  private void entry(int page, long value) {
    kernel.ram().u64(PGD + 0x3000 + 8L * page, value);
  }

  private void frame(long physical, int value) {
    byte[] bytes = new byte[4096];
    Arrays.fill(bytes, (byte) value);
    kernel.ram().bytes(physical, bytes);
  }

  private AddressSpace space() throws IOException {
    return AddressSpace.ofMm(kernel.objects().at("mm_struct", MM));
  }

  private static List<String> pieces(ProcessCore core, int segment) throws IOException {
    List<String> found = new ArrayList<>();
    core.pieces(
        core.segments().get(segment),
        piece ->
            found.add(
                "%x+%x %s %x"
                    .formatted(piece.virtual(), piece.bytes(), piece.source(), piece.physical())));
    return found;
  }

  @Test
  void pagesComeFromWhereTheEntriesSay() throws IOException {
    entry(0, 0x300067);
    entry(1, 0x301067);
    entry(2, 0x000f_ffff_ffff_f000L & ~0x305000L | 0x160); // may not be read
    entry(3, SWAPPED_OUT);
    entry(4, 0x200025); // the zero page
    entry(6, 0x7_0000_0067L); // outside of RAM
    ProcessCore core = ProcessCore.plan(space(), DumpFilter.ALL, List.of(), false);
    assertEquals(
        List.of(
            "400000+2000 MAPPED 300000",
            "402000+1000 MAPPED 305000",
            "403000+1000 SWAPPED ffffffffffffffff",
            "404000+2000 ZERO ffffffffffffffff",
            "406000+1000 NOTHING ffffffffffffffff",
            "407000+1000 ZERO ffffffffffffffff"),
        pieces(core, 0));
    assertEquals(0x3000, core.counts().present());
    assertEquals(0x1000, core.counts().bytes(PageSource.SWAPPED));
  }

  @Test
  void aTerabyteOfNothingIsNotInTheFile() throws IOException {
    entry(0, 0x300067);
    frame(0x300000, 7);
    ProcessCore core = ProcessCore.plan(space(), DumpFilter.ALL, List.of(), false);
    CoreSegment large = core.segments().get(1);
    assertEquals(0xff_0000_0000L, large.bytes());
    assertEquals(0, large.fileBytes());
    assertEquals(0x1000 + 0x8000, core.size());
    assertTrue(core.remarks().get(0).contains("has no page"), core.remarks()::toString);
  }

  @Test
  void theFileHasHeadersNotesAndPages() throws IOException {
    entry(0, 0x300067);
    entry(7, 0x301067);
    frame(0x300000, 7);
    frame(0x301000, 9);
    ElfNote note = ElfNote.of("CORE", 1, new byte[] {1, 2, 3, 4});
    for (boolean narrow : new boolean[] {false, true}) {
      area(1, 0x7f00_0000L, 0x7f00_1000L, 0, 0);
      ProcessCore core = ProcessCore.plan(space(), DumpFilter.ALL, List.of(note), narrow);
      ByteBuffer file = ByteBuffer.allocate((int) core.size()).order(ByteOrder.LITTLE_ENDIAN);
      core.write((bytes, at) -> file.position((int) at).put(bytes));
      assertEquals(narrow ? 1 : 2, file.get(4));
      assertEquals(narrow ? 3 : 62, file.getShort(18));
      assertEquals(3, file.getShort(narrow ? 44 : 56)); // a note and two areas
      int load = narrow ? 52 + 32 : 64 + 56;
      assertEquals(1, file.getInt(load));
      assertEquals(6, file.getInt(load + (narrow ? 24 : 4))); // read, write
      long offset = narrow ? file.getInt(load + 4) : file.getLong(load + 8);
      assertEquals(0x400000, narrow ? file.getInt(load + 8) : file.getLong(load + 16));
      assertEquals(0x8000, narrow ? file.getInt(load + 16) : file.getLong(load + 32));
      byte[] page = new byte[4096];
      file.get((int) offset, page);
      assertEquals(7, page[0]);
      file.get((int) offset + 0x1000, page);
      assertArrayEquals(new byte[4096], page);
      file.get((int) offset + 0x7000, page);
      assertEquals(9, page[4095]);
    }
  }

  @Test
  void theKernelsFilterLeavesOutWhatNobodyWroteTo() throws IOException {
    entry(0, 0x300067);
    ProcessCore core = ProcessCore.plan(space(), DumpFilter.of(0x33), List.of(), false);
    assertEquals(0, core.segments().get(0).fileBytes());
    kernel.put(AREAS, "vm_area_struct", "anon_vma", 1);
    core = ProcessCore.plan(space(), DumpFilter.of(0x33), List.of(), false);
    assertEquals(0x8000, core.segments().get(0).fileBytes());
    core = ProcessCore.plan(space(), DumpFilter.of(0x32), List.of(), false);
    assertEquals(0, core.segments().get(0).fileBytes());
  }

  @Test
  void aListThatLoopsEndsAndTheTreeHasTheRest() throws IOException {
    kernel.put(AREAS, "vm_area_struct", "vm_next", AREAS);
    kernel.put(MM, "mm_struct", "mm_rb.rb_node", AREAS + 32);
    kernel.word(AREAS + 32 + 8, AREAS + 0x100 + 32); // rb_right
    AddressSpace space = space();
    assertEquals(2, space.vmas().size());
    assertTrue(space.notes().get(0).contains("comes back"), space.notes()::toString);
  }

  @Test
  void aTreeThatLoopsEndsToo() throws IOException {
    kernel.put(AREAS, "vm_area_struct", "vm_next", 0x1234);
    kernel.put(MM, "mm_struct", "mm_rb.rb_node", AREAS + 32);
    kernel.word(AREAS + 32 + 8, AREAS + 32).word(AREAS + 32 + 16, 0x5678);
    AddressSpace space = space();
    assertEquals(1, space.vmas().size());
    assertTrue(space.notes().toString().contains("mm_rb"), space.notes()::toString);
    assertTrue(space.notes().toString().contains("2 areas by its map_count, 1 were"));
  }

  @Test
  void areasThatOverlapAreLeftOut() throws IOException {
    area(1, 0x407000, 0x409000, 3, 0);
    AddressSpace space = space();
    assertEquals(1, space.vmas().size());
    assertTrue(space.notes().get(0).contains("where none can be"), space.notes()::toString);
  }

  @Test
  void tablesThatLeadToThemselvesEnd() throws IOException {
    for (int i = 0; i < 512; i++) {
      kernel.ram().u64(PGD + 8L * i, PGD | 7);
    }
    ProcessCore core = ProcessCore.plan(space(), DumpFilter.ALL, List.of(), false);
    assertTrue(core.remarks().toString().contains("left out"), core.remarks()::toString);
  }
}
