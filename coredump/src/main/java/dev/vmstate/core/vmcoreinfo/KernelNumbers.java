package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The values of VMCOREINFO that follow from no symbol or type alone: macros of the kernel's headers
 * and contents of its variables. The words are those of {@code lines.txt}. Source of x86's numbers:
 * {@code arch/x86/include/asm/sparsemem.h}, {@code page_64_types.h}, {@code pgtable_32_areas.h}.
 */
final class KernelNumbers {
  private static final int PAGE_SIZE = 4096;
  private static final int MOST_NOTES = 1 << 16;
  private static final int NT_GNU_BUILD_ID = 3;

  /** VMALLOC_OFFSET of 32-bit x86. */
  private static final long VMALLOC_OFFSET = 8L << 20;

  /** KERNEL_IMAGE_SIZE with and without address space layout randomization. */
  private static final long IMAGE_BYTES = 1L << 30;

  private final KernelFacts kernel;
  private final PageTypes pageTypes;

  KernelNumbers(KernelFacts kernel) {
    this.kernel = kernel;
    this.pageTypes = new PageTypes(kernel);
  }

  private boolean wide() {
    return kernel.memory().wordBytes() == 8;
  }

  /** The value as the kernel would write it; empty when it has none. */
  Optional<String> value(String rule) throws IOException {
    try {
      return switch (rule) {
        case "release" -> Optional.of(kernel.release());
        case "build-id" -> buildId();
        case "pae" -> kernel.pagingLevels() == 3 ? Optional.of("y") : Optional.empty();
        case "vmalloc-start" -> hex(vmallocStart()).map(text -> "0x" + text);
        case "page-directory" -> hex(pageDirectory());
        case "online-nodes" -> hex(onlineNodes());
        case "vmemmap" -> hex(pointer("vmemmap_base"));
        case "mem-section" -> hex(wide() ? pointer("mem_section") : kernel.symbol("mem_section"));
        case "kernel-offset" -> hex(OptionalLong.of(kernel.kernelOffset()));
        default -> rule.startsWith("kallsyms-") ? symbols(rule) : decimal(number(rule));
      };
    } catch (UnmappedAddressException absent) {
      return Optional.empty();
    }
  }

  private Optional<String> symbols(String rule) {
    return hex(kernel.symbolTable(rule.replace('-', '_')));
  }

  private OptionalLong number(String rule) throws IOException {
    return switch (rule) {
      case "page-size" -> OptionalLong.of(PAGE_SIZE);
      case "section-roots" -> sectionRoots();
      case "section-size-bits" -> ifSections(sectionSizeBits());
      case "max-physmem-bits" -> ifSections(maxPhysmemBits());
      case "printk-subsystem" -> kernel.elements("dev_printk_info", "subsystem");
      case "printk-device" -> kernel.elements("dev_printk_info", "device");
      case "head-mask" -> mask(kernel.enumerator("PG_head"));
      case "slab-value" -> pageTypes.value("slab");
      case "buddy-value" -> pageTypes.value("buddy");
      case "hugetlb-value" -> pageTypes.value("hugetlb");
      case "offline-value" -> pageTypes.value("offline");
      case "unaccepted-value" -> pageTypes.value("unaccepted");
      case "phys-base" -> OptionalLong.of(kernel.physBase());
      case "five-levels" -> OptionalLong.of(kernel.pagingLevels() == 5 ? 1 : 0);
      case "nodes" -> nodes();
      case "image-size" -> OptionalLong.of(IMAGE_BYTES);
      case "sme-mask" -> smeMask();
      default -> throw new IllegalArgumentException("no such rule: " + rule);
    };
  }

  private static Optional<String> hex(OptionalLong value) {
    return value.isPresent() ? Optional.of(Long.toHexString(value.getAsLong())) : Optional.empty();
  }

  private static Optional<String> decimal(OptionalLong value) {
    return value.isPresent() ? Optional.of(Long.toString(value.getAsLong())) : Optional.empty();
  }

  private static OptionalLong mask(OptionalLong bit) {
    return bit.isPresent() ? OptionalLong.of(1L << bit.getAsLong()) : OptionalLong.empty();
  }

  private OptionalLong pointer(String symbol) throws IOException {
    OptionalLong at = kernel.symbol(symbol);
    return at.isPresent()
        ? OptionalLong.of(kernel.memory().word(at.getAsLong()))
        : OptionalLong.empty();
  }

  /** On x86-64 swapper_pg_dir is a macro for it; its name was init_level4_pgt until 4.13. */
  private OptionalLong pageDirectory() {
    OptionalLong found = OptionalLong.empty();
    for (String name : new String[] {"swapper_pg_dir", "init_top_pgt", "init_level4_pgt"}) {
      found = found.isPresent() ? found : kernel.symbol(name);
    }
    return found;
  }

  /** A macro for one element of an array of masks. */
  private OptionalLong onlineNodes() {
    OptionalLong masks = kernel.symbol("node_states");
    OptionalLong index = kernel.enumerator("N_ONLINE");
    OptionalLong bytes = kernel.size("nodemask_t");
    return masks.isPresent() && index.isPresent() && bytes.isPresent()
        ? OptionalLong.of(masks.getAsLong() + index.getAsLong() * bytes.getAsLong())
        : OptionalLong.empty();
  }

  private OptionalLong vmallocStart() throws IOException {
    if (wide()) {
      return pointer("vmalloc_base");
    }
    OptionalLong highMemory = pointer("high_memory");
    return highMemory.isPresent()
        ? OptionalLong.of(highMemory.getAsLong() + VMALLOC_OFFSET)
        : OptionalLong.empty();
  }

  private OptionalLong ifSections(int value) {
    return kernel.symbol("mem_section").isPresent() ? OptionalLong.of(value) : OptionalLong.empty();
  }

  private boolean pae() {
    return kernel.pagingLevels() == 3;
  }

  private int sectionSizeBits() {
    return wide() ? 27 : pae() ? 29 : 26;
  }

  private int maxPhysmemBits() {
    if (!wide()) {
      return pae() ? 36 : 32;
    }
    return kernel.pagingLevels() == 5 ? 52 : 46;
  }

  /** CONFIG_SPARSEMEM_EXTREME (every 64-bit kernel) keeps a page of sections for each root. */
  private OptionalLong sectionRoots() {
    OptionalLong bytes = kernel.size("mem_section");
    if (kernel.symbol("mem_section").isEmpty() || bytes.isEmpty() || bytes.getAsLong() <= 0) {
      return OptionalLong.empty();
    }
    long perRoot = wide() ? Math.max(1, PAGE_SIZE / bytes.getAsLong()) : 1;
    long sections = 1L << (maxPhysmemBits() - sectionSizeBits());
    return OptionalLong.of((sections + perRoot - 1) / perRoot);
  }

  /** MAX_NUMNODES: a nodemask_t has a bit for each. */
  private OptionalLong nodes() {
    OptionalLong bytes = kernel.size("nodemask_t");
    return bytes.isPresent() ? OptionalLong.of(8 * bytes.getAsLong()) : OptionalLong.empty();
  }

  /** A kernel without memory encryption has no such variable, and 0 in its place. */
  private OptionalLong smeMask() throws IOException {
    OptionalLong at = kernel.symbol("sme_me_mask");
    return OptionalLong.of(at.isPresent() ? kernel.memory().u64(at.getAsLong()) : 0);
  }

  private Optional<String> buildId() throws IOException {
    OptionalLong copy = kernel.symbol("vmlinux_build_id");
    if (copy.isPresent()) {
      return Optional.of(HexFormat.of().formatHex(kernel.memory().bytes(copy.getAsLong(), 20)));
    }
    OptionalLong start = kernel.symbol("__start_notes");
    OptionalLong stop = kernel.symbol("__stop_notes");
    if (start.isEmpty() || stop.isEmpty()) {
      return Optional.empty();
    }
    long end = stop.getAsLong();
    long at = start.getAsLong();
    if (end - at < 0 || end - at > MOST_NOTES) {
      return Optional.empty();
    }
    while (end - at >= 12) {
      long name = kernel.memory().u32(at);
      long bytes = kernel.memory().u32(at + 4);
      long descriptor = at + 12 + (name + 3 & ~3L);
      long next = descriptor + (bytes + 3 & ~3L);
      if (end - next < 0) {
        break;
      }
      if (kernel.memory().u32(at + 8) == NT_GNU_BUILD_ID
          && bytes <= 32
          && kernel.memory().string(at + 12, 4).equals("GNU")) {
        return Optional.of(
            HexFormat.of().formatHex(kernel.memory().bytes(descriptor, (int) bytes)));
      }
      at = next;
    }
    return Optional.empty();
  }
}
