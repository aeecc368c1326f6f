package dev.vmstate.core.process;

import dev.vmstate.core.files.FilePath;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Names of areas as in {@code /proc/PID/maps}. Source: {@code fs/proc/task_mmu.c}. */
final class VmaNames {
  /** {@code ANON_VMA_NAME_MAX_LEN}. */
  private static final int MOST_NAME = 256;

  private final KernelObjects objects;
  private final long heapStart;
  private final long heapEnd;
  private final long stack;
  private final long vdso;
  private final List<String> notes;

  /** Of all names of files. */
  private static final int MOST_BYTES = 8 << 20;

  /** Names that have no end. */
  private static final int MOST_BROKEN = 1000;

  private int room = MOST_BYTES;

  /** A program's file has several areas. */
  private final Map<Long, String> paths = new HashMap<>();

  VmaNames(KernelObject mm, List<String> notes) throws IOException {
    this.objects = mm.objects();
    this.heapStart = mm.number("start_brk");
    this.heapEnd = mm.number("brk");
    this.stack = mm.number("start_stack");
    this.vdso = mm.has("context.vdso") ? mm.number("context.vdso") : 0;
    this.notes = notes;
  }

  /**
   * The name the kernel gave to an area of its own: {@code vm_ops->name}, which special mappings
   * and vsyscall have.
   */
  Optional<String> special(KernelObject area) throws IOException {
    long operations = area.number("vm_ops");
    if (operations == 0) {
      return Optional.empty();
    }
    if (isSymbol(operations, "special_mapping_vmops")) {
      Optional<KernelObject> mapping = area.follow("vm_private_data", "vm_special_mapping");
      return mapping.isEmpty() ? Optional.empty() : mapping.get().textAt("name", MOST_NAME);
    }
    return isSymbol(operations, "gate_vma_ops") ? Optional.of("[vsyscall]") : Optional.empty();
  }

  private boolean isSymbol(long address, String name) {
    OptionalLong symbol = objects.address(name);
    return symbol.isPresent() && symbol.getAsLong() == address;
  }

  String of(
      KernelObject area, long start, long end, Optional<KernelObject> file, Optional<String> given)
      throws IOException {
    Optional<String> anonymous = anonymous(area, file.isPresent());
    if (file.isPresent()) {
      return anonymous.isPresent()
          ? "[anon_shmem:%s]".formatted(anonymous.get())
          : path(file.get());
    }
    if (given.isPresent()) {
      return given.get();
    }
    if (vdso != 0 && start == vdso) {
      return "[vdso]";
    }
    // Until 6.6 an area that merely touches the heap was called so too.
    if (start < heapEnd && end > heapStart) {
      return "[heap]";
    }
    if (start <= stack && end >= stack) {
      return "[stack]";
    }
    return anonymous.map("[anon:%s]"::formatted).orElse("");
  }

  /** {@code prctl(PR_SET_VMA_ANON_NAME)}; until 6.2 a file's area had other things there. */
  private static Optional<String> anonymous(KernelObject area, boolean file) throws IOException {
    boolean there = area.has("anon_name");
    if (there && file) {
      there = !area.has("shared") || area.at("anon_name") != area.at("shared");
    }
    Optional<KernelObject> name =
        there ? area.follow("anon_name", "anon_vma_name") : Optional.empty();
    if (name.isEmpty()) {
      return Optional.empty();
    }
    // A flexible array has no size: the text starts where it is.
    KernelObject text = name.get();
    return Optional.of(text.objects().memory().string(text.at("name"), MOST_NAME));
  }

  private String path(KernelObject file) throws IOException {
    String known = paths.get(file.address());
    if (known != null) {
      return known;
    }
    if (room < 0) {
      return "";
    }
    FilePath path = FilePath.ofFile(file, Optional.empty());
    path.fault().ifPresent(notes::add);
    paths.put(file.address(), path.bytes());
    room -= path.bytes().length() + (path.fault().isPresent() ? MOST_BYTES / MOST_BROKEN : 0);
    if (room < 0) {
      notes.add("names of mapped files end here: there are too many, or too long ones");
    }
    return path.bytes();
  }
}
