package dev.vmstate.schema;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.BuiltInLayout;
import dev.vmstate.device.ScalarType;
import dev.vmstate.device.SectionDecoder;
import dev.vmstate.device.VmDescription.Entry;
import dev.vmstate.device.VmDescription.Struct;
import dev.vmstate.schema.Pattern.Part;
import dev.vmstate.schema.SectionSchema.Fit;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lays a {@link Pattern} over a section's bytes. Subsections are known by their framing (0x05, a
 * name that starts with the struct's, {@code migration/vmstate.c}); what else is open is tried. The
 * likeliest reading is believed when it accounts for every byte; any other only when no second one
 * does.
 */
final class PatternFit {
  /** Readings tried of one section. */
  private static final int MOST_READINGS = 512;

  /** Parts laid over one section in all readings. */
  private static final int MOST_PARTS = 1 << 18;

  /** How many parts are laid over the sections of a stream, so that no schema costs hours. */
  static final class Effort {
    private int left = 1 << 25;
  }

  private static final int MAX_DEPTH = 64;

  /** Names of fields that say how many of something follow. */
  private static final java.util.regex.Pattern LENGTH =
      java.util.regex.Pattern.compile("(?i).*(num|count|cnt|len|size|nr).*|n_.*");

  private static final int MOST_ELEMENTS = 1 << 12;

  private final ByteSource source;
  private final Span payload;
  private final Pattern.Subsections subsections;
  private final Effort effort;

  /** The choice made at each place where there is one, in order. */
  private final List<Integer> choices = new ArrayList<>();

  /** How many there are to choose from at each. */
  private final List<Integer> ways = new ArrayList<>();

  /** Values of the fields so far that may be the length of an array behind them. */
  private final Map<String, Long> lengths = new LinkedHashMap<>();

  private int next;
  private int parts;

  private PatternFit(
      SectionSchema.Section section, Pattern.Subsections subsections, Effort effort) {
    this.effort = effort;
    this.source = section.source();
    this.payload = section.payload();
    this.subsections = subsections;
  }

  static Fit of(
      SectionSchema.Section section,
      Pattern pattern,
      Pattern.Subsections subsections,
      Effort effort)
      throws IOException {
    return new PatternFit(section, subsections, effort).search(pattern);
  }

  private Fit search(Pattern pattern) throws IOException {
    Struct found = null;
    String reason = "";
    for (int reading = 0; reading < MOST_READINGS; reading++) {
      try {
        Struct struct = read(pattern);
        if (reading == 0) {
          return Fit.of(struct);
        }
        if (found != null) {
          return Fit.none("the schema can be laid over these bytes in more than one way");
        }
        found = struct;
      } catch (FormatException e) {
        reason = reason.isEmpty() ? String.valueOf(e.getMessage()) : reason;
      }
      if (parts > MOST_PARTS || effort.left < 0) {
        return Fit.none("the schema has too many fields for these bytes");
      }
      if (!another()) {
        return found == null ? Fit.none(reason) : Fit.of(found);
      }
    }
    return Fit.none("the schema leaves too much open to be laid over these bytes");
  }

  /** The next combination of choices; the last ones change first. */
  private boolean another() {
    forgetFrom(next);
    while (!choices.isEmpty()) {
      int last = choices.size() - 1;
      if (choices.get(last) + 1 < ways.get(last)) {
        choices.set(last, choices.get(last) + 1);
        return true;
      }
      choices.remove(last);
      ways.remove(last);
    }
    return false;
  }

  private void forgetFrom(int from) {
    choices.subList(from, choices.size()).clear();
    ways.subList(from, ways.size()).clear();
  }

  private int choose(int of) {
    if (of <= 1) {
      return 0;
    }
    if (next == choices.size()) {
      choices.add(0);
      ways.add(of);
    }
    return choices.get(next++);
  }

  private Struct read(Pattern pattern) throws IOException {
    next = 0;
    lengths.clear();
    Cursor in = new Cursor(source, source.name(), payload);
    Struct struct = struct(pattern, in, 0);
    if (in.remaining() != 0) {
      throw in.bad(
          "the schema accounts for 0x%x of 0x%x bytes"
              .formatted(payload.length() - in.remaining(), payload.length()));
    }
    return struct;
  }

  private Struct struct(Pattern pattern, Cursor in, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw in.bad("structs nested deeper than " + MAX_DEPTH);
    }
    List<Entry> entries = new ArrayList<>();
    Map<String, Boolean> set = new HashMap<>();
    for (Part part : pattern.parts()) {
      if (++parts > MOST_PARTS || --effort.left < 0) {
        throw in.bad("too many fields to try");
      }
      if (part.optional() && !present(part, set)) {
        // Counts among fields of its name, as it does in vmdesc.
        entries.add(new Entry(part.name(), part.type(), 0, 1, false, null));
      } else if (part.shapes().isEmpty()) {
        Entry entry = plain(part, in);
        entries.add(entry);
        if (part.name().equals(Pattern.Condition.IDENTIFY_DATA.tells())) {
          set.put(part.name(), value(entry, in) != 0);
        }
      } else {
        elements(part, in, depth, entries);
      }
    }
    List<Struct> found = new ArrayList<>();
    while (!pattern.name().isEmpty() && subsectionAt(in, pattern.name())) {
      found.add(subsection(in, depth));
    }
    return new Struct(pattern.name(), pattern.version(), entries, found, false);
  }

  private boolean present(Part part, Map<String, Boolean> set) {
    return part.presentIf() == null ? choose(2) == 0 : set.getOrDefault(part.presentIf(), false);
  }

  /** Of the number just passed; 0 of what is none. */
  private long value(Entry entry, Cursor in) throws IOException {
    long size = entry.wireSize();
    if (entry.count() != 1 || size < 1 || size > 8) {
      return 0;
    }
    byte[] bytes = source.bytes(new Span(in.position() - size, size));
    return new BigInteger(1, bytes).longValue();
  }

  /** Four interrupt lines, each up or down: tells 256 bytes of configuration space from 4096. */
  private void levels(Part part, Cursor in) throws IOException {
    if (in.remaining() >= 16) {
      ByteBuffer words = ByteBuffer.wrap(source.bytes(new Span(in.position(), 16)));
      while (words.hasRemaining()) {
        if (words.getInt() >>> 1 != 0) {
          throw in.bad("'%s' holds more than 0 and 1".formatted(part.name()));
        }
      }
    }
  }

  private Entry plain(Part part, Cursor in) throws IOException {
    long size = part.sizes().get(choose(part.sizes().size()));
    if (part.stretches()) {
      size = in.remaining(); // all there is: nothing stands beside it
    }
    long count = count(part);
    boolean array = part.array() || count != 1;
    long bytes;
    try {
      bytes = Math.multiplyExact(size, count);
    } catch (ArithmeticException e) {
      throw in.bad("'%s': size times array_len overflows".formatted(part.name()));
    }
    if (part.type().equals("pci irq state")) {
      levels(part, in);
    }
    boolean bool = part.type().equals("bool") && !part.array() && bytes == 1;
    if (bool && in.peek() > 1) {
      throw in.bad("'%s' is %d, 0 or 1 expected".formatted(part.name(), in.peek()));
    }
    in.skip(bytes, part.name());
    ScalarType type = ScalarType.of(part.type()).orElse(null);
    String name = type != null && type.width() != size ? "buffer" : part.type();
    Entry entry = new Entry(part.name(), name, size, count, array, null);
    if (type != null && LENGTH.matcher(part.name()).matches()) {
      lengths.put(part.name(), value(entry, in));
    }
    return entry;
  }

  /** The schema's number of elements, or what a field before says. */
  private long count(Part part) {
    if (!part.countOpen()) {
      return part.count();
    }
    List<Long> open = new ArrayList<>(List.of(part.count()));
    lengths.forEach(
        (name, length) -> {
          if (length >= 0 && length <= MOST_ELEMENTS && related(name, part.name())) {
            open.add(length);
          }
        });
    return open.get(choose(open.size()));
  }

  /** {@code num_timers} is how many {@code timer} there are, {@code txq_num} how many txq_descr. */
  private static boolean related(String length, String array) {
    for (String word : length.toLowerCase(Locale.ROOT).split("_|num|count|cnt|len|size|nr")) {
      String stem = word.endsWith("s") ? word.substring(0, word.length() - 1) : word;
      if (stem.length() > 2 && array.toLowerCase(Locale.ROOT).contains(stem)) {
        return true;
      }
    }
    return false;
  }

  /** Elements of equal length are one entry, as QEMU writes them; others one each. */
  private void elements(Part part, Cursor in, int depth, List<Entry> into) throws IOException {
    long count = count(part);
    if (count > MOST_PARTS) {
      throw in.bad("'%s' has %d elements".formatted(part.name(), count));
    }
    List<Struct> structs = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      Pattern shape = part.shapes().get(choose(part.shapes().size()));
      structs.add(struct(shape, in, depth + 1));
    }
    if (structs.isEmpty()) {
      return;
    }
    Struct first = structs.get(0);
    if (structs.stream().allMatch(first::equals)) {
      into.add(entry(part, first, count, part.array() || count != 1));
    } else {
      structs.forEach(struct -> into.add(entry(part, struct, 1, false)));
    }
  }

  private static Entry entry(Part part, Struct struct, long count, boolean array) {
    return new Entry(part.name(), part.type(), struct.wireSize(), count, array, struct);
  }

  private boolean subsectionAt(Cursor in, String parent) throws IOException {
    if (in.remaining() < 7 || in.peek() != SectionDecoder.QEMU_VM_SUBSECTION) {
      return false;
    }
    Cursor ahead = new Cursor(source, source.name(), new Span(in.position(), in.remaining()));
    try {
      ahead.u8("subsection mark");
      String name = ahead.countedString("subsection name");
      return name.startsWith(parent) && name.length() > parent.length();
    } catch (FormatException e) {
      return false;
    }
  }

  private static @Nullable Pattern builtIn(String name, long version) {
    Struct struct = BuiltInLayout.subsection(name, version).orElse(null);
    if (struct == null) {
      return null;
    }
    List<Part> parts = new ArrayList<>();
    for (Entry entry : struct.fields()) {
      parts.add(Part.plain(entry.name(), entry.type(), entry.size(), entry.count(), entry.array()));
    }
    return new Pattern(name, version, parts);
  }

  private Struct subsection(Cursor in, int depth) throws IOException {
    in.u8("subsection mark");
    String name = in.countedString("subsection name");
    long version = in.u32("subsection version");
    Pattern known = subsections.find(name, version);
    if (known == null) {
      known = builtIn(name, version);
    }
    if (known == null && depth == 0) { // the last thing in the section: what follows stays bytes
      Part rest = Part.plain("data", "buffer", in.remaining(), 1, false);
      known = new Pattern(name, version, List.of(rest));
    }
    if (known == null) {
      throw in.bad("the schema has no subsection '%s' of version %d".formatted(name, version));
    }
    Struct body = struct(known, in, depth + 1);
    return new Struct(name, version, body.fields(), body.subsections(), false);
  }
}
