package dev.vmstate.exchange;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.process.CachedFile;
import dev.vmstate.core.process.MappedFile;
import dev.vmstate.core.process.Vma;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The program and the libraries of a process, out of the guest's page cache, in a directory that
 * gdb takes as its sysroot; and a gdbinit for them. A file is written when all of it is in RAM.
 */
public final class ProcessFiles {
  private final ProcessCores.Planned planned;
  private final Path directory;
  private final GuestTree tree;
  private final List<Result> results = new ArrayList<>();

  private ProcessFiles(ProcessCores.Planned planned, Path directory) {
    this.planned = planned;
    this.directory = directory;
    this.tree = new GuestTree(directory);
  }

  /**
   * A file of the guest.
   *
   * @param path its name there, Latin-1
   * @param bytes its length
   * @param missing pages that are not in RAM; with any it was not written
   */
  public record Result(String path, long bytes, long missing) {}

  /**
   * Writes those of a process.
   *
   * @param core the file its core was written to
   * @param directory for them, and for gdbinit
   */
  public static List<Result> write(ProcessCores.Planned planned, Path core, Path directory)
      throws IOException {
    ProcessFiles files = new ProcessFiles(planned, directory);
    Files.createDirectories(directory);
    files.all();
    files.mergedDirectories();
    files.gdbinit(core);
    return List.copyOf(files.results);
  }

  private void all() throws IOException {
    Map<Long, String> names = new HashMap<>();
    for (MappedFile file : planned.files()) {
      names.put(file.start(), file.path());
    }
    Set<Long> seen = new HashSet<>();
    for (Vma vma : planned.space().vmas()) {
      if (vma.file().isEmpty()) {
        continue;
      }
      KernelObject file = vma.file().get();
      Optional<CachedFile> cached = CachedFile.of(file, planned.core().frames());
      String name = names.getOrDefault(vma.start(), "");
      if (cached.isEmpty()
          || !name.startsWith("/")
          || !seen.add(cached.get().mapping().address())
          || !cached.get().isElf()) {
        continue;
      }
      one(name, cached.get());
    }
  }

  private void one(String name, CachedFile file) throws IOException {
    long missing = file.missing();
    results.add(new Result(name, file.size(), missing));
    if (missing == 0) {
      Path path = tree.path(name);
      tree.makeDirectories(path);
      try (OutputFile out = new OutputFile(path)) {
        file.write(out::write);
        out.commit();
      }
    }
  }

  /**
   * Programs name their libraries by /lib, and areas by /usr/lib, to which /lib is a link on most
   * systems: the link is made here too, and lib64 leads to where the dynamic linker is.
   */
  private void mergedDirectories() throws IOException {
    for (String name : List.of("lib", "lib64", "lib32", "bin", "sbin")) {
      link(directory.resolve(name), Path.of("usr", name));
    }
    Path lib64 = directory.resolve("lib64");
    for (Result result : results) {
      String file = result.path().substring(result.path().lastIndexOf('/') + 1);
      if (result.missing() == 0 && file.startsWith("ld-linux-x86-64.so")) {
        Files.createDirectories(
            Files.isSymbolicLink(lib64) ? directory.resolve("usr/lib64") : lib64);
        if (!Files.exists(lib64.resolve(GuestTree.spelt(file)), LinkOption.NOFOLLOW_LINKS)) {
          Path target = lib64.toRealPath().relativize(tree.path(result.path()).toRealPath());
          Files.createSymbolicLink(lib64.resolve(GuestTree.spelt(file)), target);
        }
      }
    }
  }

  private void link(Path link, Path target) throws IOException {
    if (Files.isDirectory(directory.resolve(target))
        && !Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
      Files.createSymbolicLink(link, target);
    }
  }

  private void gdbinit(Path core) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("# gdb -x this file\n");
    text.append("set sysroot %s\n".formatted(directory.toAbsolutePath().normalize()));
    Optional<String> program = program();
    if (program.isPresent() && Files.exists(tree.path(program.get()))) {
      text.append("file %s\n".formatted(tree.path(program.get()).toAbsolutePath().normalize()));
    }
    text.append("core-file %s\n".formatted(core.toAbsolutePath().normalize()));
    try (OutputFile out = new OutputFile(directory.resolve("gdbinit"))) {
      out.write(java.nio.ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8)), 0);
      out.commit();
    }
  }

  /** Its name among the files: {@code mm->exe_file} is the one the areas have. */
  private Optional<String> program() throws IOException {
    long exe = planned.space().mm().number("exe_file");
    Optional<Long> mapping = exe == 0 ? Optional.empty() : mapping(exe);
    for (int i = 0; i < planned.files().size() && mapping.isPresent(); i++) {
      MappedFile file = planned.files().get(i);
      Optional<Vma> vma = planned.space().at(file.start());
      if (vma.isPresent()
          && vma.get().file().isPresent()
          && vma.get().file().get().number("f_mapping") == mapping.get()) {
        return Optional.of(file.path());
      }
    }
    return Optional.empty();
  }

  private Optional<Long> mapping(long exe) throws IOException {
    return Optional.of(planned.space().objects().at("file", exe).number("f_mapping"));
  }
}
