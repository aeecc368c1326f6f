package dev.vmstate.core.kallsyms;

import dev.vmstate.core.kernel.KernelImage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Finds the symbols the kernel itself was linked with. Looks inside the mapped image only: RAM
 * holds copies of the tables that a decompressor left, some overwritten in part. Every kernel from
 * 2.6.10 on with CONFIG_KALLSYMS has them.
 */
public final class Kallsyms {
  /** An image has one; more are leftovers, or made to be searched for ever. */
  private static final int MOST_TABLES = 8;

  private Kallsyms() {}

  /**
   * What the search gave.
   *
   * @param symbols empty when the image has none that prove themselves
   * @param report one line: how they are kept, or why there are none
   * @param notes what is missing though symbols were found
   */
  public record Found(Optional<SymbolTable> symbols, String report, List<String> notes) {
    /** Copies the list. */
    public Found {
      notes = List.copyOf(notes);
    }

    private static Found none(String report) {
      return new Found(Optional.empty(), report, List.of());
    }
  }

  /** Searches {@code image}. */
  public static Found find(KernelImage image) throws IOException {
    ImageBytes bytes = new ImageBytes(image);
    String reason =
        "no kallsyms token table in the kernel's image: CONFIG_KALLSYMS is off, or this"
            + " is no Linux";
    Optional<TokenTable> tokens = TokenTable.find(bytes, 0);
    for (int tried = 0; tokens.isPresent() && tried < MOST_TABLES; tried++) {
      String at = "0x%x".formatted(bytes.virtual(tokens.get().table()));
      Optional<NameTable.Found> names = NameTable.find(bytes, tokens.get());
      if (names.isEmpty()) {
        reason =
            "kallsyms tokens at %s, but no names before them whose markers agree".formatted(at);
      } else {
        Optional<AddressTable.Found> addresses = AddressTable.find(bytes, names.get());
        if (addresses.isPresent()) {
          return found(bytes, names.get(), addresses.get());
        }
        reason =
            "%d kallsyms names at 0x%x, but no addresses in ascending order beside them"
                .formatted(names.get().count(), bytes.virtual(names.get().names()));
      }
      tokens = TokenTable.find(bytes, tokens.get().end());
    }
    return Found.none(reason);
  }

  private static Found found(
      ImageBytes image, NameTable.Found names, AddressTable.Found addresses) {
    OptionalLong table = OptionalLong.of(image.virtual(addresses.table()));
    OptionalLong none = OptionalLong.empty();
    KallsymsPlace place =
        new KallsymsPlace(
            image.virtual(names.names()),
            image.virtual(names.numSyms()),
            image.virtual(names.markers()),
            image.virtual(names.tokens().table()),
            image.virtual(names.tokens().index()),
            addresses.offsets() ? table : none,
            addresses.offsets() ? none : table,
            addresses.base().isPresent()
                ? OptionalLong.of(image.virtual(addresses.base().getAsLong()))
                : none,
            addresses.layout());
    SymbolTable symbols = expand(names, addresses.addresses(), place);
    List<String> notes = new ArrayList<>();
    if (!hasData(symbols)) {
      notes.add(
          "symbols of functions only: the kernel was built without CONFIG_KALLSYMS_ALL, its"
              + " variables have no names");
    }
    String report =
        "%d symbols at 0x%x (%s)".formatted(symbols.size(), place.names(), place.layout());
    return new Found(Optional.of(symbols), report, notes);
  }

  /** What {@code kallsyms_expand_symbol} does, for all of them. */
  private static SymbolTable expand(NameTable.Found names, long[] addresses, KallsymsPlace place) {
    byte[] packed = names.packed();
    byte[] text = new byte[names.textBytes()];
    byte[] types = new byte[names.count()];
    int[] starts = new int[names.count() + 1];
    int to = 0;
    int at = 0;
    for (int i = 0; i < names.count(); i++) {
      int length = packed[at++] & 0xff;
      if (names.bigSymbols() && (length & 0x80) != 0) {
        length = length & 0x7f | (packed[at++] & 0x7f) << 7;
      }
      types[i] = (byte) names.tokens().first(packed[at] & 0xff);
      for (int code = 0; code < length; code++) {
        to = names.tokens().copy(packed[at++] & 0xff, code == 0 ? 1 : 0, text, to);
      }
      starts[i + 1] = to;
    }
    return new SymbolTable(text, starts, types, addresses, null, new String[] {""}, place);
  }

  /** A kernel without CONFIG_KALLSYMS_ALL has one: {@code __init_begin} is in a text section. */
  private static boolean hasData(SymbolTable symbols) {
    int data = 0;
    for (int i = 0; i < symbols.size(); i++) {
      data += "dDbB".indexOf(symbols.type(i)) >= 0 ? 1 : 0;
    }
    return data > symbols.size() / 100;
  }
}
