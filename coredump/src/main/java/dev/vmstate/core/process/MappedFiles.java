package dev.vmstate.core.process;

import dev.vmstate.core.files.FilePath;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The content of NT_FILE. Source: {@code fs/binfmt_elf.c}, fill_files_note. */
public final class MappedFiles {
  /** {@code MAX_FILE_NOTE_SIZE}: a kernel writes no larger note. */
  private static final int MOST_BYTES = 4 << 20;

  private MappedFiles() {}

  /**
   * The areas of a process that are a file's, by address; names begin at the root the process has.
   *
   * @param task one of its threads
   */
  public static List<MappedFile> of(AddressSpace space, KernelObject task) throws IOException {
    Optional<KernelObject> fs = task.follow("fs", "fs_struct");
    Optional<KernelObject> root = fs.isEmpty() ? fs : Optional.of(fs.get().inside("root", "path"));
    Map<Long, String> known = new HashMap<>();
    List<MappedFile> files = new ArrayList<>();
    int left = MOST_BYTES;
    for (Vma vma : space.vmas()) {
      if (vma.file().isPresent()) {
        KernelObject file = vma.file().get();
        String path = known.get(file.address());
        if (left < 0) {
          path = "";
        } else if (path == null) {
          path = path(file, root);
          known.put(file.address(), path);
        }
        left -= path.length();
        files.add(new MappedFile(vma.start(), vma.end(), vma.pgoff(), path));
      }
    }
    return files;
  }

  private static String path(KernelObject file, Optional<KernelObject> root) throws IOException {
    try {
      return FilePath.of(file.inside("f_path", "path"), root).bytes();
    } catch (UnmappedAddressException broken) {
      return "";
    }
  }
}
