package dev.vmstate.core.kallsyms;

import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * {@code kallsyms_num_syms}, {@code kallsyms_names} and {@code kallsyms_markers}, which stand in
 * front of the tokens in this order, each aligned to a word (to 4 bytes from 7.0 on):
 *
 * <pre>
 * NumSyms ::= u32                       (a word before Linux 4.20)
 * Names   ::= (Length Code{Length}){NumSyms}    one byte a code; its tokens are type and name
 * Length  ::= u8 | 1xxxxxxx u8          the latter since 6.1: 7 low bits, then the high ones
 * Markers ::= u32{⌈NumSyms / 256⌉}      (words before 4.20) where every 256th name begins
 * </pre>
 *
 * Behind the markers the tokens follow, or in 6.2, 6.3 and stable kernels with that backport
 * (6.1.y) {@code kallsyms_seqs_of_names}, three bytes a symbol. Names are believed when the markers
 * are right. Source: scripts/kallsyms.c, {@code write_src}.
 */
final class NameTable {
  /** Two markers at least, as the first one is zero and proves nothing. */
  static final int FEWEST = 257;

  private static final int MOST = 1_500_000;
  private static final int MOST_TEXT = 24 << 20;

  /** KSYM_NAME_LEN is 512 since 6.1, 128 before; there are kernels with more. */
  private static final int LONGEST = 2048;

  /** As {@code nm} prints them, and what modules and linkers add. */
  private static final String TYPES = "aAbBcCdDgGiInNpPrRsStTuUvVwW-?";

  private static final int[] WINDOWS = {8 << 20, 40 << 20};

  /** Names looked at before giving up: an image made to be searched for ever has an end too. */
  private static final long MOST_WORK = 6_000_000;

  private final TokenTable tokens;
  private final byte[] window;
  private final int wordBytes;
  private final boolean[] typeTokens = new boolean[256];
  private long work = MOST_WORK;

  private int[] markers = new int[1024];
  private int end;
  private long textBytes;

  /**
   * What was found; places are offsets in the image.
   *
   * @param align what tables begin at a multiple of
   * @param packed the names as they stand there
   * @param textBytes length of all of them unpacked, types left out
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  record Found(
      TokenTable tokens,
      int align,
      long numSyms,
      long names,
      long markers,
      boolean bigSymbols,
      int count,
      byte[] packed,
      int textBytes) {}

  private NameTable(TokenTable tokens, byte[] window, int wordBytes) {
    this.tokens = tokens;
    this.window = window;
    this.wordBytes = wordBytes;
    for (int code = 0; code < 256; code++) {
      typeTokens[code] = tokens.length(code) > 0 && TYPES.indexOf(tokens.first(code)) >= 0;
    }
  }

  /** Looks downwards from the tokens. */
  static Optional<Found> find(ImageBytes image, TokenTable tokens) throws IOException {
    for (int size : WINDOWS) {
      int bytes = (int) Math.min(size, tokens.table());
      long start = tokens.table() - bytes;
      NameTable table = new NameTable(tokens, image.read(start, bytes), image.wordBytes());
      Optional<Found> found = table.search(start, true).or(() -> table.search(start, false));
      if (found.isPresent() || bytes < size) {
        return found;
      }
    }
    return Optional.empty();
  }

  private Optional<Found> search(long start, boolean bigSymbols) {
    int last = window.length - (int) (start + window.length & 3);
    for (int names = last; names >= wordBytes && work > 0; names -= 4) {
      for (int align = 4; align <= wordBytes; align += 4) {
        int count = u32(names - align);
        if (count < FEWEST
            || count > Math.min(MOST, (window.length - names) / 2)
            || align == 8 && (u32(names - 4) != 0 || (start + names & 7) != 0)
            || !walk(names, count, bigSymbols)) {
          continue;
        }
        int at = (int) (TokenTable.alignUp(start + end, align) - start);
        if (markersAt(at, count, 4) || markersAt(at, count, wordBytes)) {
          return Optional.of(
              new Found(
                  tokens,
                  align,
                  start + names - align,
                  start + names,
                  start + at,
                  bigSymbols,
                  count,
                  Arrays.copyOfRange(window, names, end),
                  (int) textBytes));
        }
      }
    }
    return Optional.empty();
  }

  /** Whether {@code count} names begin at {@code from}; leaves {@link #end} and markers. */
  private boolean walk(int from, int count, boolean bigSymbols) {
    int at = from;
    textBytes = 0;
    for (int i = 0; i < count; i++) {
      if ((i & 0xff) == 0) {
        if (i >>> 8 == markers.length) {
          markers = Arrays.copyOf(markers, 2 * markers.length);
        }
        markers[i >>> 8] = at - from;
      }
      if (at + 2 >= window.length || work-- <= 0) {
        return false;
      }
      int length = window[at++] & 0xff;
      if (bigSymbols && (length & 0x80) != 0) {
        length = length & 0x7f | (window[at++] & 0x7f) << 7;
      }
      if (length == 0 || length > window.length - at || !typeTokens[window[at] & 0xff]) {
        return false;
      }
      int characters = -1; // the type is none
      for (int code = at; code < at + length; code++) {
        int token = tokens.length(window[code] & 0xff);
        characters += token;
        if (token == 0 || characters > LONGEST) {
          return false; // a code no name uses stands for nothing
        }
      }
      work -= length >>> 5;
      textBytes += characters;
      at += length;
      if (characters == 0 || textBytes > MOST_TEXT) {
        return false;
      }
    }
    end = at;
    return true;
  }

  private boolean markersAt(int at, int count, int entry) {
    int entries = markerCount(count);
    if (at > window.length || (window.length - at) / entry < entries) {
      return false;
    }
    for (int i = 0; i < entries; i++) {
      if (u32(at + i * entry) != markers[i] || entry == 8 && u32(at + i * entry + 4) != 0) {
        return false;
      }
    }
    return true;
  }

  private static int markerCount(int count) {
    return count + 255 >>> 8;
  }

  private int u32(int at) {
    return window[at] & 0xff
        | (window[at + 1] & 0xff) << 8
        | (window[at + 2] & 0xff) << 16
        | window[at + 3] << 24;
  }
}
