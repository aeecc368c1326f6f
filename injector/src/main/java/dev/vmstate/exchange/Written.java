package dev.vmstate.exchange;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A file as {@code extract} left it, so that the next one knows whether a person has edited it.
 *
 * @param name in the directory of the manifest
 * @param bytes its size
 * @param modified when it was written last, in ms since 1970; what tells of an edit of a core
 * @param sha256 of its content in hex, or null of a core, which is as large as the guest's memory
 */
public record Written(String name, long bytes, long modified, @Nullable String sha256) {
  static Written of(Path file) throws IOException {
    String name = file.getFileName().toString();
    return new Written(
        name,
        Files.size(file),
        Files.getLastModifiedTime(file).toMillis(),
        name.equals(Extraction.HARDWARE) ? digest(file) : null);
  }

  /**
   * Refuses a directory whose files were edited since they were extracted: another extraction would
   * write over the edits.
   *
   * @throws IOException when one was; names it and what to do
   */
  public static void refuseEdited(Path directory) throws IOException {
    if (!Files.isRegularFile(directory.resolve(Manifest.FILE))) {
      return;
    }
    List<Written> files;
    try {
      files = Manifest.read(directory).written();
    } catch (IOException e) {
      return; // of another version, or damaged: it tells nothing
    }
    List<String> edited = new ArrayList<>();
    for (Written file : files == null ? List.<Written>of() : files) {
      Path path = directory.resolve(file.name());
      if (Files.isRegularFile(path) && file.differs(path)) {
        edited.add(file.name());
      }
    }
    if (!edited.isEmpty()) {
      throw new IOException(
          "%s: %s changed since it was extracted, and would be written over: 'vmstate inject %s'"
                  .formatted(directory, String.join(" and ", edited), directory)
              + " makes a snapshot of it; name another directory, or --force to lose the change");
    }
  }

  private boolean differs(Path path) throws IOException {
    if (Files.size(path) != bytes) {
      return true;
    }
    return sha256 == null
        ? Files.getLastModifiedTime(path).toMillis() != modified
        : !sha256.equals(digest(path));
  }

  private static String digest(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file);
        DigestInputStream digest =
            new DigestInputStream(in, MessageDigest.getInstance("SHA-256"))) {
      digest.transferTo(java.io.OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(digest.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }
}
