package dev.vmstate.exchange;

import dev.vmstate.core.kdump.KdumpCompression;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What the memory of a snapshot is extracted as. */
public enum CoreFormat {
  /** An ELF core, which gdb and crash open and which can be injected again. */
  ELF("core.elf", null),
  /** Compressed with zlib: for crash and makedumpfile of any age. */
  KDUMP_ZLIB("core.kdump", KdumpCompression.ZLIB),
  /** Compressed with zstd: for crash 8.0 and makedumpfile 1.7.0, or later. */
  KDUMP_ZSTD("core.kdump", KdumpCompression.ZSTD),
  /** Memory alone: the byte of physical address n is byte n of the file. */
  RAW("core.raw", null),
  /** No core. */
  NONE(null, null);

  private final @Nullable String file;
  private final @Nullable KdumpCompression compression;

  CoreFormat(@Nullable String file, @Nullable KdumpCompression compression) {
    this.file = file;
    this.compression = compression;
  }

  /** As the command line calls it: {@code kdump-zlib}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The core's name in the directory. */
  public Optional<String> file() {
    return Optional.ofNullable(file);
  }

  /** Whether it is a kdump, of which pages can be left out. */
  public boolean isKdump() {
    return compression != null;
  }

  /** How a kdump is compressed. */
  Optional<KdumpCompression> compression() {
    return Optional.ofNullable(compression);
  }
}
