package dev.vmstate.core.vmcoreinfo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.core.ArrayMemory;
import dev.vmstate.core.btf.Btf;
import dev.vmstate.core.btf.Structs;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.core.paging.PagingMode;
import dev.vmstate.fixtures.BtfBuilder;
import dev.vmstate.fixtures.BtfBuilder.Member;
import dev.vmstate.fixtures.BtfBuilder.Value;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/**
 * The text against what the kernel's sources say; against what real kernels wrote it is held where
 * guests are booted.
 */
class MadeVmcoreinfoTest {
  private static final long BASE = 0xffff_ffff_8000_0000L;

  private final ArrayMemory ram =
      ArrayMemory.at(0, 1 << 20)
          .u64(0x1000 + 8 * 511, 0x2003)
          .u64(0x2000 + 8 * 510, 0x3003)
          .u64(0x3000, 0x4003)
          .u64(0x4000, 0x9003);

  /** A kernel of which only this much is known. */
  private final class Kernel implements KernelFacts {
    private final String release;
    private final int levels;
    private final Map<String, Long> symbols = new HashMap<>();
    private Optional<Structs> types = Optional.empty();

    Kernel(String release, int levels) {
      this.release = release;
      this.levels = levels;
    }

    Kernel symbol(String name, long address) {
      symbols.put(name, address);
      return this;
    }

    Kernel types(BtfBuilder builder) throws Exception {
      types = Optional.of(new Structs(Btf.parse("test", builder.build())));
      return this;
    }

    List<String> lines() throws Exception {
      return MadeVmcoreinfo.text(this).lines().toList();
    }

    @Override
    public String release() {
      return release;
    }

    @Override
    public KernelMemory memory() {
      return new KernelMemory(ram, new PageTables(ram, PagingMode.LONG4, 0x1000));
    }

    @Override
    public long physBase() {
      return -0x200_0000;
    }

    @Override
    public long kernelOffset() {
      return 0x2aa0_0000;
    }

    @Override
    public int pagingLevels() {
      return levels;
    }

    @Override
    public OptionalLong symbol(String name) {
      return symbols.containsKey(name) ? OptionalLong.of(symbols.get(name)) : OptionalLong.empty();
    }

    @Override
    public OptionalLong symbolTable(String name) {
      return name.equals("kallsyms_names") ? OptionalLong.of(BASE + 0x77) : OptionalLong.empty();
    }

    @Override
    public Optional<Structs> types() {
      return types;
    }
  }

  @Test
  void aKernelWithoutTypesSaysWhereItIsAllTheSame() throws Exception {
    List<String> lines = new Kernel("6.1.0-56-cloud-amd64", 4).symbol("_stext", BASE).lines();
    assertEquals(
        List.of(
            "OSRELEASE=6.1.0-56-cloud-amd64",
            "PAGESIZE=4096",
            "SYMBOL(_stext)=ffffffff80000000",
            "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129",
            "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257",
            "SYMBOL(kallsyms_names)=ffffffff80000077",
            "NUMBER(phys_base)=-33554432",
            "NUMBER(pgtable_l5_enabled)=0",
            "KERNELOFFSET=2aa00000",
            "NUMBER(KERNEL_IMAGE_SIZE)=1073741824",
            "NUMBER(sme_mask)=0"),
        lines);
  }

  @Test
  void membersSizesArraysAndEnumeratorsComeFromTheTypes() throws Exception {
    BtfBuilder types = new BtfBuilder();
    int u64 = types.integer("long unsigned int", 8, false);
    int list = types.struct("list_head", 16, Member.at("next", u64, 0), Member.at("prev", u64, 8));
    int area = types.struct("free_area", 88, Member.at("free_list", types.array(list, u64, 5), 0));
    types.struct("zone", 1536, Member.at("free_area", types.array(area, u64, 11), 256));
    int mask = types.struct("", 128, Member.at("bits", types.array(u64, u64, 16), 0));
    types.typedef("nodemask_t", mask);
    types.enumeration("pageflags", false, new Value("PG_lru", 5), new Value("PG_head", 6));
    types.enumeration("pagetype", false, new Value("PGTY_buddy", 0xf0));
    types.enumeration("node_states", false, new Value("N_ONLINE", 1));
    List<String> lines =
        new Kernel("6.12.3", 5)
            .types(types)
            .symbol("node_states", BASE + 0x400)
            .symbol("node_data", BASE)
            .lines();
    assertTrue(
        lines.containsAll(
            List.of(
                "SYMBOL(node_online_map)=ffffffff80000480",
                "SIZE(list_head)=16",
                "OFFSET(list_head.prev)=8",
                "OFFSET(zone.free_area)=256",
                "LENGTH(zone.free_area)=11",
                "LENGTH(free_area.free_list)=5",
                "NUMBER(PG_lru)=5",
                "NUMBER(PG_head_mask)=64",
                "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456",
                "NUMBER(pgtable_l5_enabled)=1",
                "LENGTH(node_data)=1024")),
        lines.toString());
  }

  @Test
  void sectionsFollowPagingAndTheStructuresSize() throws Exception {
    BtfBuilder types = new BtfBuilder();
    int u64 = types.integer("long unsigned int", 8, false);
    types.struct("mem_section", 32, Member.at("section_mem_map", u64, 0));
    ram.u64(0x9100, 0xffff_9c80_cfbd_b000L);
    List<String> four =
        new Kernel("5.10.0", 4).types(types).symbol("mem_section", BASE + 0x100).lines();
    assertTrue(four.contains("SYMBOL(mem_section)=ffff9c80cfbdb000"), four.toString());
    assertTrue(four.contains("LENGTH(mem_section)=4096"), four.toString());
    assertTrue(four.contains("NUMBER(MAX_PHYSMEM_BITS)=46"), four.toString());
    List<String> five =
        new Kernel("5.10.0", 5).types(types).symbol("mem_section", BASE + 0x100).lines();
    assertTrue(five.contains("LENGTH(mem_section)=262144"), five.toString());
    List<String> none = new Kernel("5.10.0", 4).types(types).lines();
    assertFalse(none.stream().anyMatch(line -> line.contains("mem_section")), none.toString());
  }

  @Test
  void theBuildIdIsTheCopyOrElseTheNote() throws Exception {
    byte[] id = new byte[20];
    id[0] = 0x3b;
    id[19] = (byte) 0xaf;
    ram.bytes(0x9200, id);
    String line = "BUILD-ID=3b" + "00".repeat(18) + "af";
    assertTrue(
        new Kernel("6.1.0", 4).symbol("vmlinux_build_id", BASE + 0x200).lines().contains(line));
    ram.bytes(
        0x9300, new byte[] {4, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 'X', 'e', 'n', 0, 9, 9, 9, 9});
    ram.bytes(0x9314, new byte[] {4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0});
    ram.bytes(0x9324, id);
    Kernel kernel = new Kernel("5.10.0", 4).symbol("__start_notes", BASE + 0x300);
    assertTrue(kernel.symbol("__stop_notes", BASE + 0x338).lines().contains(line));
    // An end before the note's own, and lengths that lead nowhere.
    assertFalse(kernel.symbol("__stop_notes", BASE + 0x330).lines().contains(line));
    ram.u32(0x9304, -1);
    assertFalse(kernel.symbol("__stop_notes", BASE + 0x338).lines().contains(line));
  }

  @Test
  void oldKernelsHaveNoneOfTheLaterLines() throws Exception {
    List<String> lines =
        new Kernel("4.17.0", 4).symbol("vmlinux_build_id", BASE).symbol("prb", BASE).lines();
    assertFalse(lines.stream().anyMatch(line -> line.startsWith("BUILD-ID")), lines.toString());
    assertFalse(lines.stream().anyMatch(line -> line.contains("kallsyms")), lines.toString());
    assertTrue(lines.contains("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-128"), lines.toString());
  }
}
