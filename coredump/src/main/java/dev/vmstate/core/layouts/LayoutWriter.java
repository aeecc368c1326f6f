package dev.vmstate.core.layouts;

import dev.vmstate.core.debuginfo.DwarfTypes;
import dev.vmstate.core.debuginfo.TypeMember;
import dev.vmstate.core.debuginfo.Vmlinux;
import dev.vmstate.core.kallsyms.KernelSymbol;
import dev.vmstate.core.kallsyms.SymbolTable;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Makes a {@link LayoutTable} of a vmlinux: the structures, variables and values that {@code
 * wanted.txt} names, and what these structures have inside.
 */
public final class LayoutWriter {
  private LayoutWriter() {}

  /** The lines of the table. */
  public static List<String> lines(Vmlinux vmlinux) throws IOException {
    DwarfTypes types = vmlinux.dwarf();
    SymbolTable symbols = vmlinux.symbols(0);
    List<String> lines = new ArrayList<>();
    lines.add(LayoutTable.FIRST);
    lines.add(
        "banner "
            + vmlinux
                .banner()
                .orElseThrow(
                    () ->
                        new IOException(
                            vmlinux.name()
                                + ": no linux_banner, by which its kernel would be known")));
    Deque<String> open = new ArrayDeque<>();
    for (String line : wanted()) {
      String[] words = line.split(" ");
      for (int i = 1; i < words.length; i++) {
        switch (words[0]) {
          case "symbol" -> {
            List<KernelSymbol> found = symbols.all(words[i]);
            if (!found.isEmpty()) {
              KernelSymbol of = found.get(0);
              boolean moves = !of.isAbsolute();
              lines.add(
                  "%s %s %d"
                      .formatted(
                          moves ? "symbol" : "percpu",
                          of.name(),
                          of.address() - (moves ? vmlinux.text() : 0)));
            }
          }
          case "enum" -> {
            OptionalLong value = types.enumerator(words[i]);
            if (value.isPresent()) {
              lines.add("enum %s %d".formatted(words[i], value.getAsLong()));
            }
          }
          default -> open.add(words[i]);
        }
      }
    }
    types(types, open, lines);
    return lines;
  }

  private static void types(DwarfTypes types, Deque<String> open, List<String> lines)
      throws IOException {
    Set<String> seen = new TreeSet<>(open);
    TreeMap<String, List<TypeMember>> all = new TreeMap<>();
    while (!open.isEmpty()) {
      String type = open.remove();
      List<TypeMember> members = types.members(type);
      all.put(type, members);
      for (TypeMember member : members) {
        if (!member.type().isEmpty() && seen.add(member.type())) {
          open.add(member.type());
        }
      }
    }
    for (var type : all.entrySet()) {
      OptionalLong size = types.size(type.getKey());
      if (size.isPresent()) {
        lines.add("type %s %d".formatted(type.getKey(), size.getAsLong()));
        for (TypeMember of : type.getValue()) {
          String structure = of.type().isEmpty() ? "-" : of.type();
          lines.add(
              " %s %d %d %d %d %d %s"
                  .formatted(
                      of.path(),
                      of.bit(),
                      of.bits(),
                      of.bytes(),
                      of.length(),
                      of.elementBytes(),
                      structure));
        }
      }
    }
  }

  private static List<String> wanted() throws IOException {
    try (InputStream in =
            Objects.requireNonNull(LayoutWriter.class.getResourceAsStream("wanted.txt"));
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      return lines.lines().filter(line -> !line.startsWith("#")).toList();
    }
  }
}
