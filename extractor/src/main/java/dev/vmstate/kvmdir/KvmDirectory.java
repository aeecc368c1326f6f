package dev.vmstate.kvmdir;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.container.FileSource;
import dev.vmstate.kvmstate.StateDocument;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.PageVisitor;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A snapshot directory, opened read-only: {@code config.json}, {@code state.json}, and {@code
 * memory-ranges}, which has the bytes of the ranges that {@code state.json} lists, back to back.
 */
public final class KvmDirectory implements Closeable {
  /** What the machine was doing. */
  public static final String STATE = "state.json";

  /** Its memory. */
  public static final String MEMORY = "memory-ranges";

  /** The three files, in the order in which {@link #stateAt} and {@link #memoryAt} count. */
  public static final List<String> FILES = List.of(MachineConfig.FILE, STATE, MEMORY);

  /** Where {@code "id"} has to stand by. */
  private static final int FRONT = 4096;

  private final Path path;
  private final MachineConfig config;
  private final StateDocument document;
  private final long stateAt;
  private final long memoryAt;
  private final FileSource memory;

  private KvmDirectory(
      Path path,
      MachineConfig config,
      StateDocument document,
      long stateAt,
      long memoryAt,
      FileSource memory) {
    this.path = path;
    this.config = config;
    this.document = document;
    this.stateAt = stateAt;
    this.memoryAt = memoryAt;
    this.memory = memory;
  }

  /** Whether {@code path} is a directory whose {@code state.json} says it is one of these. */
  public static boolean is(Path path) throws IOException {
    Path state = path.resolve(STATE);
    return Files.isDirectory(path) && Files.isRegularFile(state) && saysSo(state);
  }

  private static boolean saysSo(Path state) throws IOException {
    return front(state).matches("(?s)\\s*\\{.*\"id\"\\s*:\\s*\"" + StateDocument.ID + "\".*");
  }

  private static String front(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(FRONT), StandardCharsets.ISO_8859_1);
    }
  }

  /**
   * Opens one.
   *
   * @throws UnsupportedFormatException when another program wrote the directory
   * @throws FormatException when it is none, or a damaged one
   */
  public static KvmDirectory open(Path path) throws IOException {
    requireOne(path);
    byte[] config = bytes(path.resolve(MachineConfig.FILE), MachineConfig.MOST_TEXT);
    byte[] state = bytes(path.resolve(STATE), StateDocument.MOST_TEXT);
    MachineConfig machine =
        MachineConfig.parse(path.resolve(MachineConfig.FILE).toString(), config);
    StateDocument document = StateDocument.parse(path.resolve(STATE).toString(), state);
    FileSource memory = new FileSource(regular(path.resolve(MEMORY)));
    try {
      long length = document.ranges().stream().mapToLong(StateDocument.Range::length).sum();
      if (memory.size() != length) {
        throw new FormatException(
            memory.name(),
            Math.min(length, memory.size()),
            "0x%x bytes long, the ranges in %s are 0x%x".formatted(memory.size(), STATE, length));
      }
      long memoryAt = (long) config.length + state.length;
      return new KvmDirectory(path, machine, document, config.length, memoryAt, memory);
    } catch (IOException | RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  private static void requireOne(Path path) throws IOException {
    Path state = path.resolve(STATE);
    if (Files.notExists(path)) {
      throw new NoSuchFileException(path.toString());
    }
    if (!Files.isRegularFile(state)) {
      throw new FormatException(
          path.toString(),
          0,
          "a directory without %s: a snapshot that 'vmstate run' left was expected"
              .formatted(STATE));
    }
    if (!saysSo(state)) {
      boolean other = front(state).matches("(?s)\\s*\\{.*\"snapshot(s|_data)\".*");
      throw new UnsupportedFormatException(
          state.toString(),
          0,
          other
              ? "a snapshot of Cloud Hypervisor, which this version does not read"
              : "\"id\": \"%s\" was expected, as 'vmstate run' writes it"
                  .formatted(StateDocument.ID));
    }
  }

  /**
   * The paths of {@link #FILES}.
   *
   * @throws IOException when it is no such directory, or one of them is missing
   */
  public static List<Path> files(Path path) throws IOException {
    requireOne(path);
    List<Path> files = new ArrayList<>();
    for (String name : FILES) {
      files.add(regular(path.resolve(name)));
    }
    return files;
  }

  private static Path regular(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(
          file.toString(), null, "there is no such file: the snapshot is not complete");
    }
    if (!Files.isRegularFile(file)) {
      throw new IOException(file + ": is no regular file");
    }
    return file;
  }

  private static byte[] bytes(Path file, int most) throws IOException {
    try (InputStream in = Files.newInputStream(regular(file))) {
      byte[] bytes = in.readNBytes(most + 1);
      if (bytes.length > most) {
        throw new FormatException(file.toString(), most, "longer than 0x%x bytes".formatted(most));
      }
      return bytes;
    }
  }

  /** The directory. */
  public Path path() {
    return path;
  }

  /** What the machine is made of. */
  public MachineConfig config() {
    return config;
  }

  /** What it was doing. */
  public StateDocument document() {
    return document;
  }

  /** Its memory: the document's ranges, back to back. */
  public FileSource memory() {
    return memory;
  }

  /**
   * Shows every page once, in the order of the file, those of zeros as such.
   *
   * @param blocks the ranges
   * @param streamAt what to add to a place in the file for the visitor
   */
  public void showPages(
      List<RamBlock> blocks, long streamAt, PageVisitor visitor, Progress progress)
      throws IOException {
    try (MemoryPages pages = new MemoryPages(path.resolve(MEMORY), memory)) {
      pages.show(blocks, streamAt, visitor, progress);
    }
  }

  /** Where the text of {@code state.json} begins when the files stand one behind the other. */
  public long stateAt() {
    return stateAt;
  }

  /** Where {@code memory-ranges} begins when the files stand one behind the other. */
  public long memoryAt() {
    return memoryAt;
  }

  /** Bytes of the three files when they were opened; holes count. */
  public long size() {
    return memoryAt + memory.size();
  }

  @Override
  public void close() throws IOException {
    memory.close();
  }
}
