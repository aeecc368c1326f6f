package dev.vmstate.core.process;

import static dev.vmstate.core.objects.HandKernel.DIRECT;

import dev.vmstate.core.objects.HandKernel;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.tasks.HandTasks;
import dev.vmstate.core.tasks.Tasks;
import java.io.IOException;

/**
 * Two processes put together by hand, 10 and 11, each with one area of 16 anonymous pages at {@link
 * #START} and page tables of its own.
 */
final class HandProcess {
  static final long START = 0x400000;
  static final int FIRST = 10;
  static final int SECOND = 11;
  private static final long FRAMES = DIRECT + 0x800000;
  private static final long ZERO_PAGE = 0x7000;
  private static final long TABLES = 0x300000;
  private static final long MMS = DIRECT + 0x400000;

  private final HandTasks tasks = new HandTasks().process(FIRST, "first").process(SECOND, "second");
  final HandKernel kernel = tasks.kernel;

  HandProcess() {
    kernel
        .type("mm_struct", 0x100)
        .member("mm_struct", "mmap", 0, 8)
        .member("mm_struct", "map_count", 8, 4)
        .member("mm_struct", "pgd", 16, 8)
        .member("mm_struct", "start_brk", 24, 8)
        .member("mm_struct", "brk", 32, 8)
        .member("mm_struct", "start_stack", 40, 8)
        .member("mm_struct", "task_size", 48, 8)
        .type("vm_area_struct", 0x80)
        .member("vm_area_struct", "vm_start", 0, 8)
        .member("vm_area_struct", "vm_end", 8, 8)
        .member("vm_area_struct", "vm_next", 16, 8)
        .member("vm_area_struct", "vm_flags", 24, 8)
        .member("vm_area_struct", "vm_pgoff", 32, 8)
        .member("vm_area_struct", "vm_file", 40, 8)
        .member("vm_area_struct", "vm_ops", 48, 8)
        .type("page", 64)
        .member("page", "flags", 0, 8)
        .member("page", "compound_head", 8, 8)
        .member("page", "mapping", 24, 8)
        .member("page", "_mapcount", 48, 4)
        .member("page", "index", 32, 8)
        .type("swap_info_struct", 64)
        .member("swap_info_struct", "cluster_info", 0, 8)
        .member("swap_info_struct", "max", 8, 4)
        .symbol("vmemmap_base", DIRECT + 0x6000)
        .word(DIRECT + 0x6000, FRAMES)
        .symbol("empty_zero_page", DIRECT + ZERO_PAGE)
        .symbol("nr_swapfiles", DIRECT + 0x6010)
        .word(DIRECT + 0x6010, 1)
        .symbol("swap_info", DIRECT + 0x6020)
        .word(DIRECT + 0x6020, DIRECT + 0x6100);
    for (int pid : new int[] {FIRST, SECOND}) {
      long mm = mm(pid);
      long tables = tables(pid);
      kernel
          .put(HandTasks.at(pid), "task_struct", "mm", mm)
          .put(mm, "mm_struct", "mmap", mm + 0x100)
          .put(mm, "mm_struct", "map_count", 1)
          .put(mm, "mm_struct", "pgd", DIRECT + tables)
          .put(mm, "mm_struct", "start_brk", START)
          .put(mm, "mm_struct", "brk", START + 16 * 4096)
          .put(mm, "mm_struct", "task_size", 0x7fff_ffff_f000L)
          .put(mm + 0x100, "vm_area_struct", "vm_start", START)
          .put(mm + 0x100, "vm_area_struct", "vm_end", START + 16 * 4096)
          .put(mm + 0x100, "vm_area_struct", "vm_flags", 3)
          .word(DIRECT + tables, tables + 0x1007)
          .word(DIRECT + tables + 0x1000, tables + 0x2007)
          .word(DIRECT + tables + 0x2000 + 8 * 2, tables + 0x3007);
    }
  }

  private static long mm(int pid) {
    return MMS + 0x1000L * pid;
  }

  private static long tables(int pid) {
    return TABLES + 0x10000L * pid;
  }

  /** Puts an entry into a process's page table. */
  HandProcess entry(int pid, int page, long value) {
    kernel.word(DIRECT + tables(pid) + 0x3000 + 8L * page, value);
    return this;
  }

  /** A page of the process alone; what is in it is its frame's number. */
  HandProcess page(int pid, int page, long frame, boolean anonymous, int mappings) {
    kernel
        .word(DIRECT + frame, frame)
        .put(FRAMES + 64 * (frame >> 12), "page", "mapping", anonymous ? 0x1001 : 0x1000)
        .put(FRAMES + 64 * (frame >> 12), "page", "_mapcount", mappings - 1);
    return entry(pid, page, frame | 7);
  }

  HandProcess zeros(int pid, int page) {
    return entry(pid, page, ZERO_PAGE | 5);
  }

  /** On the first swap device; type and the inverted offset of such an entry. */
  HandProcess swapped(int pid, int page, long offset) {
    return entry(pid, page, ~(offset << 9) >>> 9 << 9 & (1L << 59) - 1);
  }

  KernelObjects objects() {
    return kernel.objects();
  }

  AddressSpace space(KernelObjects objects) throws IOException {
    return AddressSpace.of(Tasks.of(objects).find(FIRST).orElseThrow().object()).orElseThrow();
  }
}
