package dev.vmstate.container;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a person calls a snapshot: a file, or one of several inside a file ({@code
 * disk.qcow2#before-upgrade}).
 *
 * @param file the file
 * @param inner the name behind {@code #}
 */
public record SnapshotName(Path file, Optional<String> inner) {
  /** Standard input. */
  public static final String STDIN = "-";

  /** A file that holds one snapshot. */
  public static SnapshotName of(Path file) {
    return new SnapshotName(file, Optional.empty());
  }

  /** Reads {@code FILE} or {@code FILE#NAME}; an existing file whose name has a '#' wins. */
  public static SnapshotName parse(String text) {
    int mark = text.indexOf('#');
    while (mark > 0) {
      Path file = Path.of(text.substring(0, mark));
      if (!Files.exists(Path.of(text)) && Files.exists(file) && mark + 1 < text.length()) {
        return new SnapshotName(file, Optional.of(text.substring(mark + 1)));
      }
      mark = text.indexOf('#', mark + 1);
    }
    return of(Path.of(text));
  }

  /** Whether it comes through standard input; a file called so is {@code ./-}. */
  public boolean isStandardInput() {
    return file.toString().equals(STDIN);
  }

  /** The same snapshot by an absolute path. */
  public SnapshotName absolute() {
    return isStandardInput() ? this : new SnapshotName(file.toAbsolutePath().normalize(), inner);
  }

  @Override
  public String toString() {
    return inner.map(name -> file + "#" + name).orElse(file.toString());
  }
}
