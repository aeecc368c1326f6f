package dev.vmstate.container;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** Files people may take for a snapshot, by their first bytes, so that an error can name them. */
final class KnownFiles {
  private record Kind(String magic, String name) {}

  private static final List<Kind> KINDS =
      List.of(
          new Kind("\u007fELF", "an ELF file"),
          new Kind("KDUMP   ", "a kdump-compressed dump"),
          new Kind("makedumpfile", "a flattened kdump"),
          new Kind("\u0011\"3D", "a channel of a multifd migration, which has only pages"),
          new Kind("\u0002!L\u0018", "an lz4 file in the legacy format (lz4 -l)"));

  /** Bytes needed to tell. */
  static final int LONGEST = 12;

  private KnownFiles() {}

  /** What a file that starts with {@code front} is, if it is known and no migration stream. */
  static Optional<String> name(ByteBuffer front) {
    String start = StandardCharsets.ISO_8859_1.decode(front).toString();
    return KINDS.stream()
        .filter(kind -> start.startsWith(kind.magic()))
        .map(Kind::name)
        .findFirst();
  }
}
