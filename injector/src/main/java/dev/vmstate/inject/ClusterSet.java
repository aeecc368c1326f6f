package dev.vmstate.inject;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/**
 * A sorted set of cluster numbers, a bit each in pieces of 4096, that knows how many of its numbers
 * are smaller than another.
 */
final class ClusterSet {
  private static final int BITS = 12;
  private static final int WORDS = 1 << BITS - 6;

  private static final class Piece {
    private final long[] words = new long[WORDS];
    private long before;
  }

  /** Takes numbers. */
  interface Visitor {
    void take(long cluster) throws IOException;
  }

  private final TreeMap<Long, Piece> pieces = new TreeMap<>();
  private long size;
  private boolean counted = true;

  /** Adds {@code cluster}; false when it is there already. */
  boolean add(long cluster) {
    Piece piece = pieces.computeIfAbsent(cluster >>> BITS, key -> new Piece());
    int word = word(cluster);
    long bit = 1L << cluster;
    if ((piece.words[word] & bit) != 0) {
      return false;
    }
    piece.words[word] |= bit;
    size++;
    counted = false;
    return true;
  }

  /** Takes {@code cluster} out, if it is there. */
  void remove(long cluster) {
    Piece piece = pieces.get(cluster >>> BITS);
    if (piece != null && contains(cluster)) {
      piece.words[word(cluster)] &= ~(1L << cluster);
      size--;
      counted = false;
    }
  }

  boolean contains(long cluster) {
    Piece piece = pieces.get(cluster >>> BITS);
    return piece != null && (piece.words[word(cluster)] >>> cluster & 1) != 0;
  }

  long size() {
    return size;
  }

  /** How many numbers are smaller than {@code cluster}. */
  long rank(long cluster) {
    count();
    Map.Entry<Long, Piece> floor = pieces.floorEntry(cluster >>> BITS);
    if (floor == null) {
      return 0;
    }
    Piece piece = floor.getValue();
    boolean inside = floor.getKey() == cluster >>> BITS;
    int words = inside ? word(cluster) : WORDS;
    long rank = piece.before;
    for (int i = 0; i < words; i++) {
      rank += Long.bitCount(piece.words[i]);
    }
    return inside ? rank + Long.bitCount(piece.words[words] & (1L << cluster) - 1) : rank;
  }

  private void count() {
    if (!counted) {
      long before = 0;
      for (Piece piece : pieces.values()) {
        piece.before = before;
        for (long word : piece.words) {
          before += Long.bitCount(word);
        }
      }
      counted = true;
    }
  }

  private static int word(long cluster) {
    return (int) (cluster & (1 << BITS) - 1) >>> 6;
  }

  /** Shows every number in {@code [from, to)}, the smallest first. */
  void visit(long from, long to, Visitor visitor) throws IOException {
    if (from >= to) {
      return;
    }
    for (Map.Entry<Long, Piece> entry :
        pieces.subMap(from >>> BITS, true, to - 1 >>> BITS, true).entrySet()) {
      for (int i = 0; i < WORDS; i++) {
        for (long word = entry.getValue().words[i]; word != 0; word &= word - 1) {
          long cluster = (entry.getKey() << BITS) + (i << 6) + Long.numberOfTrailingZeros(word);
          if (cluster >= from && cluster < to) {
            visitor.take(cluster);
          }
        }
      }
    }
  }

  /** Shows every number, the smallest first. */
  void visit(Visitor visitor) throws IOException {
    visit(0, Long.MAX_VALUE, visitor);
  }
}
