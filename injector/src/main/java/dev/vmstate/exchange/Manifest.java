package dev.vmstate.exchange;

import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code manifest.json}: what was extracted from what. Enough to inject later and to notice that
 * the snapshot has changed in between.
 *
 * @param format {@link #FORMAT}
 * @param snapshot the source's absolute path
 * @param size its size; of one inside an image, the size of its stream
 * @param container e.g. {@code qemu-stream}
 * @param machine machine type
 * @param devices fingerprint of everything behind RAM; null of a dump, which has no devices
 * @param pages fingerprint of the page records; null when no core was written
 * @param below4g the override that was given, or null
 * @param blocks RAM blocks and where they lie in the core
 * @param memoryMap guest-physical ranges
 * @param core the name of an ELF core, the one kind that can be injected, or null
 * @param hardware the XML's file name, or null
 * @param written the files as they were written, or null in a manifest of an older version
 */
@JsonPropertyOrder({
  "format",
  "snapshot",
  "size",
  "container",
  "machine",
  "devices",
  "pages",
  "below4g",
  "blocks",
  "memoryMap",
  "core",
  "hardware",
  "written"
})
public record Manifest(
    String format,
    String snapshot,
    long size,
    String container,
    String machine,
    @Nullable String devices,
    @Nullable String pages,
    @Nullable Long below4g,
    List<Block> blocks,
    List<Range> memoryMap,
    @Nullable String core,
    @Nullable String hardware,
    @Nullable List<Written> written) {
  /** The only format there is. */
  public static final String FORMAT = "vmstate-manifest-1";

  /** The file's name in the directory. */
  public static final String FILE = "manifest.json";

  private static final long MAX_SIZE = 16 << 20;

  /** A RAM block; {@code coreOffset} is where its first byte lies in the core, or null. */
  public record Block(String name, long bytes, int pageSize, @Nullable Long coreOffset) {}

  /** A guest-physical range; numbers in hex. */
  public record Range(String start, String end, String block, String offset) {}

  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /** Writes the file into {@code directory}. */
  public void write(Path directory) throws IOException {
    try (OutputFile file = new OutputFile(directory.resolve(FILE))) {
      file.write(ByteBuffer.wrap(MAPPER.writeValueAsBytes(this)), 0);
      file.commit();
    }
  }

  /** Reads the file of a directory {@code extract} wrote. */
  public static Manifest read(Path directory) throws IOException {
    Path file = directory.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          "%s: there is no %s: is this a directory 'vmstate extract' wrote?"
              .formatted(directory, FILE));
    }
    if (Files.size(file) > MAX_SIZE) {
      throw new IOException("%s: too large for a manifest".formatted(file));
    }
    Manifest manifest;
    try {
      manifest = MAPPER.readValue(Files.readAllBytes(file), Manifest.class);
    } catch (JsonProcessingException e) {
      throw new IOException(
          "%s: at offset 0x%x: %s"
              .formatted(
                  file,
                  e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getByteOffset()),
                  e.getOriginalMessage().replaceAll("\\p{Cntrl}+", " ")),
          e);
    }
    if (manifest == null || !FORMAT.equals(manifest.format())) {
      throw new IOException(
          "%s: its format is %s, '%s' was expected"
              .formatted(file, manifest == null ? null : quoted(manifest.format()), FORMAT));
    }
    manifest.check(file);
    return manifest;
  }

  /** The file may come from anybody: what names a file must be a name and nothing more. */
  private void check(Path file) throws IOException {
    for (String name : new String[] {core, hardware}) {
      if (name != null && !name.equals(Path.of(name(file, name)).getFileName().toString())) {
        throw new IOException("%s: %s is not a plain file name".formatted(file, quoted(name)));
      }
    }
    for (Written one : written == null ? List.<Written>of() : written) {
      String name = one == null || one.name() == null ? "" : name(file, one.name());
      if (name.isEmpty() || !name.equals(Path.of(name).getFileName().toString())) {
        throw new IOException("%s: %s is not a plain file name".formatted(file, quoted(name)));
      }
    }
    if (snapshot == null || snapshot.isEmpty()) {
      throw new IOException("%s: it does not say which snapshot it is of".formatted(file));
    }
    name(file, snapshot);
    if (size < 0 || below4g != null && below4g < 0) {
      throw new IOException("%s: a negative size in it".formatted(file));
    }
  }

  private static String name(Path file, String name) throws IOException {
    if (name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf('\0') >= 0) {
      throw new IOException("%s: %s is no file's name".formatted(file, quoted(name)));
    }
    return name;
  }

  /** Cut short, and on one line. */
  private static String quoted(@Nullable String text) {
    if (text == null) {
      return "not given";
    }
    String line = text.replaceAll("\\p{Cntrl}", "?");
    return "'" + (line.length() > 80 ? line.substring(0, 80) + "…" : line) + "'";
  }
}
