package dev.vmstate.core.process;

import java.util.EnumMap;
import java.util.Map;

/** Bytes of a core's areas, by where they are. */
public final class CoreCounts {
  private final Map<PageSource, Long> bytes = new EnumMap<>(PageSource.class);
  private long filtered;

  void add(Piece piece) {
    bytes.merge(piece.source(), piece.bytes(), Long::sum);
  }

  void addFiltered(long more) {
    filtered += more;
  }

  /** Bytes that come from there. */
  public long bytes(PageSource source) {
    return bytes.getOrDefault(source, 0L);
  }

  /** Bytes that the filter left out, unlooked at. */
  public long filtered() {
    return filtered;
  }

  /** Bytes that are in RAM, and so in the core. */
  public long present() {
    return bytes.entrySet().stream()
        .filter(entry -> entry.getKey().inRam())
        .mapToLong(Map.Entry::getValue)
        .sum();
  }
}
