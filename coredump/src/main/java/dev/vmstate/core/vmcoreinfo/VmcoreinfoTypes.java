package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.core.kernel.KernelTypes;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The types that VMCOREINFO tells of, of a kernel that has no BTF: its offsets and sizes, with how
 * large a member is out of its declaration, which the text leaves out. Has what is needed for the
 * kernel's log, which is what crash tools without a vmlinux read too ({@code makedumpfile
 * --dump-dmesg}).
 *
 * <p>Source of the declarations: {@code kernel/printk/printk_ringbuffer.h}, and {@code struct
 * printk_log} of {@code kernel/printk/printk.c} before 5.10.
 */
public final class VmcoreinfoTypes implements KernelTypes {
  /** Stands for an {@code unsigned long} or a pointer. */
  private static final int WORD = 0;

  private static final Map<String, Integer> BYTES =
      Map.ofEntries(
          Map.entry("prb_desc_ring.count_bits", 4),
          Map.entry("prb_desc_ring.descs", WORD),
          Map.entry("prb_desc_ring.infos", WORD),
          Map.entry("prb_desc_ring.head_id", WORD),
          Map.entry("prb_desc_ring.tail_id", WORD),
          Map.entry("prb_desc.state_var", WORD),
          Map.entry("prb_data_blk_lpos.begin", WORD),
          Map.entry("prb_data_blk_lpos.next", WORD),
          Map.entry("prb_data_ring.size_bits", 4),
          Map.entry("prb_data_ring.data", WORD),
          Map.entry("prb_data_ring.head_lpos", WORD),
          Map.entry("prb_data_ring.tail_lpos", WORD),
          Map.entry("printk_info.seq", 8),
          Map.entry("printk_info.ts_nsec", 8),
          Map.entry("printk_info.text_len", 2),
          Map.entry("printk_info.caller_id", 4),
          Map.entry("printk_log.ts_nsec", 8),
          Map.entry("printk_log.len", 2),
          Map.entry("printk_log.text_len", 2),
          Map.entry("printk_log.dict_len", 2),
          Map.entry("printk_log.caller_id", 4));

  /** Members that are structures, and of which type. */
  private static final Map<String, String> INSIDE =
      Map.of(
          "printk_ringbuffer.desc_ring", "prb_desc_ring",
          "printk_ringbuffer.text_data_ring", "prb_data_ring",
          "prb_desc.text_blk_lpos", "prb_data_blk_lpos",
          "printk_info.dev_info", "dev_printk_info");

  /** The last member of two bytes before {@code u8 facility; u8 flags : 5; u8 level : 3}. */
  private static final Map<String, String> BEFORE_FACILITY =
      Map.of("printk_info", "printk_info.text_len", "printk_log", "printk_log.dict_len");

  private final Vmcoreinfo info;
  private final int word;

  /**
   * Of the kernel that wrote {@code info}.
   *
   * @param word bytes of its {@code unsigned long}
   */
  public VmcoreinfoTypes(Vmcoreinfo info, int word) {
    this.info = info;
    this.word = word;
  }

  @Override
  public Optional<Field> field(String type, String path) {
    String member = type + "." + path;
    OptionalLong at = info.offset(member);
    if (at.isEmpty()) {
      return undisclosed(type, path);
    }
    OptionalLong bytes = bytes(member);
    return bytes.isEmpty() || at.getAsLong() < 0 || at.getAsLong() > 1 << 16
        ? Optional.empty()
        : Optional.of(new Field(8 * at.getAsLong(), 0, bytes.getAsLong()));
  }

  private OptionalLong bytes(String member) {
    Integer bytes = BYTES.get(member);
    String inside = INSIDE.get(member);
    if (bytes != null) {
      return OptionalLong.of(bytes == WORD ? word : bytes);
    }
    if (inside != null) {
      return size(inside);
    }
    return member.startsWith("dev_printk_info.")
        ? info.length(member.replace("dev_printk_info.", "printk_info_"))
        : OptionalLong.empty();
  }

  /** VMCOREINFO does not name these; they stand behind one that it names, in every version. */
  private Optional<Field> undisclosed(String type, String path) {
    String before = BEFORE_FACILITY.get(type);
    OptionalLong from = before == null ? OptionalLong.empty() : info.offset(before);
    if (from.isEmpty() || from.getAsLong() < 0 || from.getAsLong() > 1 << 16) {
      return Optional.empty();
    }
    long bit = 8 * (from.getAsLong() + 2);
    return switch (path) {
      case "facility" -> Optional.of(new Field(bit, 0, 1));
      case "flags" -> Optional.of(new Field(bit + 8, 5, 1));
      case "level" -> Optional.of(new Field(bit + 13, 3, 1));
      default -> Optional.empty();
    };
  }

  @Override
  public OptionalLong length(String type, String path) {
    return type.equals("dev_printk_info")
        ? info.length("printk_info_" + path)
        : OptionalLong.empty();
  }

  @Override
  public OptionalLong enumerator(String name) {
    return info.number(name);
  }

  @Override
  public OptionalLong size(String type) {
    return info.size(type);
  }
}
