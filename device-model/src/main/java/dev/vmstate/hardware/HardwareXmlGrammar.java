package dev.vmstate.hardware;

import dev.vmstate.cpu.RegisterGroup;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads the grammar that {@link HardwareXmlWriter} gives and hands its parts to a handler. What the
 * grammar has no place for is refused; whether the parts fit a snapshot is the handler's affair.
 */
final class HardwareXmlGrammar {
  private static final ScalarType UINT64 = ScalarType.of("uint64").orElseThrow();

  private static final Set<String> CPU_GROUPS =
      Arrays.stream(RegisterGroup.values())
          .map(RegisterGroup::toString)
          .collect(Collectors.toUnmodifiableSet());

  /** Registers have up to 512 bits. */
  private static final Pattern WIDE = Pattern.compile("0[xX][0-9a-fA-F]{1,128}");

  private static final long MAX_UINT32 = 0xffff_ffffL;

  private final XmlElements xml;
  private final XmlPlace place;

  /** Who takes the fields: the handler, or the tape of the folded struct the reader is in. */
  private HardwareXmlHandler handler;

  /** Events that folded structs have come to in all. */
  private long replayed;

  /** The array just read, which elements may follow; its type and how many values it has. */
  private HardwareXmlHandler.@Nullable Tag array;

  private ScalarType arrayType = UINT64;
  private int arrayCount;

  private HardwareXmlGrammar(XmlElements xml, XmlPlace place, HardwareXmlHandler handler) {
    this.xml = xml;
    this.place = place;
    this.handler = handler;
  }

  /** Reads one whole document. */
  static void read(InputStream in, XmlPlace place, HardwareXmlHandler handler) throws IOException {
    new HardwareXmlGrammar(XmlElements.open(in, place), place, handler).document();
  }

  private void document() throws IOException {
    if (!xml.open() || !xml.name().equals("machine")) {
      throw xml.bad("the document starts with <%s>, expected <machine>".formatted(xml.name()));
    }
    int line = xml.line();
    String vmm = name("vmm");
    String type = name("type");
    String arch = name("arch");
    xml.schemaHints();
    xml.noMoreAttributes();
    handler.machine(vmm, type, arch, line);
    if (!xml.open() || !xml.name().equals("ram")) {
      throw xml.bad("<ram> must come first in <machine>");
    }
    ram();
    List<String> order = List.of("cpu", "nic", "device");
    int reached = 0;
    while (xml.open()) {
      int part = order.indexOf(xml.name());
      if (part < 0) {
        throw xml.bad("<%s> has no place in <machine>".formatted(xml.name()));
      }
      if (part < reached) {
        throw xml.bad("<%s> stands behind <%s>".formatted(xml.name(), order.get(reached)));
      }
      reached = part;
      switch (part) {
        case 0 -> cpu();
        case 1 -> nic();
        default -> device();
      }
      place.leavePart();
    }
    handler.endMachine(xml.line());
    xml.close();
  }

  private void ram() throws IOException {
    xml.noMoreAttributes();
    while (xml.open()) {
      expect("block", "ram");
      int line = xml.line();
      String name = name("name");
      long bytes = number("bytes", 0, Long.MAX_VALUE);
      xml.noMoreAttributes();
      handler.block(name, bytes, line);
      xml.close();
    }
    handler.endRam(xml.line());
  }

  private void cpu() throws IOException {
    int index = (int) number("index", 0, Integer.MAX_VALUE);
    String mode = xml.attribute("mode");
    int start = xml.line();
    xml.noMoreAttributes();
    place.enterPart("cpu " + index, "cpu[" + index + "]");
    handler.cpu(index, mode, start);
    while (xml.open()) {
      if (CPU_GROUPS.contains(xml.name())) {
        xml.noMoreAttributes();
        handler.registerGroup(xml.name(), xml.line());
        while (xml.open()) {
          expect("register", "a group of registers");
          cpuElement();
        }
        handler.endRegisterGroup(xml.line());
      } else {
        cpuElement();
      }
    }
    handler.endCpu(xml.line());
  }

  private void cpuElement() throws IOException {
    int line = xml.line();
    if (xml.name().equals("register")) {
      String name = name("name");
      register(name, xml.attribute("value"), names("value"), line);
    } else if (xml.name().equals("segment")) {
      String name = name("name");
      for (String part : CpuElement.PARTS) {
        DerivedNames names = part.equals("flags") ? names("flags") : null;
        register(name + "." + part, xml.optional(part), names, line);
      }
    } else {
      throw xml.bad("<%s> has no place in <cpu>".formatted(xml.name()));
    }
    xml.noMoreAttributes();
    xml.close();
  }

  private void register(String name, @Nullable String value, @Nullable DerivedNames names, int line)
      throws IOException {
    if (value == null) {
      return;
    }
    try {
      handler.register(
          name,
          WIDE.matcher(value).matches()
              ? new BigInteger(value.substring(2), 16)
              : new BigInteger(Long.toUnsignedString(UINT64.parse(value))),
          names,
          line);
    } catch (IllegalArgumentException e) {
      throw place.bad(line, "register '%s': %s".formatted(name, e.getMessage()));
    }
  }

  private void nic() throws IOException {
    int line = xml.line();
    String device = name("device");
    String model = name("model");
    String mac = xml.optional("mac");
    xml.noMoreAttributes();
    place.enterPart("nic '%s'".formatted(device), device);
    handler.nic(device, model, mac, line);
    xml.close();
  }

  private void device() throws IOException {
    int line = xml.line();
    String name = name("name");
    long instance = number("instance", 0, MAX_UINT32);
    long version = number("version", 0, MAX_UINT32);
    xml.noMoreAttributes();
    String label = instance == 0 ? name : name + "[" + instance + "]";
    place.enterPart("device '%s'".formatted(label), label);
    handler.device(name, instance, version, line);
    fields();
    handler.endDevice(xml.line());
  }

  /**
   * Everything up to the end tag of a device, struct or subsection; the parser limits the depth.
   */
  private void fields() throws IOException {
    array = null;
    while (xml.open()) {
      if (xml.name().equals("element")) {
        element();
        continue;
      }
      array = null;
      int index = xml.optional("index") == null ? -1 : (int) number("index", 0, Integer.MAX_VALUE);
      HardwareXmlHandler.Tag tag =
          new HardwareXmlHandler.Tag(xml.name(), name("name"), index, xml.line());
      place.enter(tag.label());
      switch (tag.element()) {
        case "int" -> scalar(tag);
        case "ints" -> array(tag);
        case "bytes" -> bytes(tag);
        case "text" -> text(tag);
        case "struct" -> struct(tag);
        case "subsection" -> {
          long version = number("version", 0, MAX_UINT32);
          xml.noMoreAttributes();
          handler.subsection(tag, version);
          fields();
          handler.endGroup(xml.line());
          array = null;
        }
        default -> throw xml.bad("<%s> is no kind of field".formatted(tag.element()));
      }
      place.leave();
    }
  }

  /** A struct, or several with the same content; those are handed on one by one. */
  private void struct(HardwareXmlHandler.Tag tag) throws IOException {
    String type = name("type");
    int last =
        xml.optional("last") == null
            ? tag.index()
            : (int) number("last", Math.max(tag.index(), 0), Integer.MAX_VALUE);
    if (last != tag.index() && tag.index() < 0) {
      throw xml.bad("'last' without 'index'");
    }
    xml.noMoreAttributes();
    if (last == tag.index()) {
      handler.struct(tag, type);
      fields();
      handler.endGroup(xml.line());
      array = null;
      return;
    }
    HardwareXmlHandler outer = handler;
    Tape tape = new Tape(place);
    handler = tape;
    fields();
    int line = xml.line();
    handler = outer;
    array = null;
    long count = last - (long) tag.index() + 1;
    if ((tape.size() + 1) * count > Tape.MOST_EVENTS - replayed) {
      throw place.bad(
          tag.line(), "folded structs stand for more than %d values".formatted(Tape.MOST_EVENTS));
    }
    replayed += (tape.size() + 1) * count;
    place.leave();
    for (int index = tag.index(); index <= last && index >= 0; index++) {
      HardwareXmlHandler.Tag one =
          new HardwareXmlHandler.Tag(tag.element(), tag.name(), index, tag.line());
      place.enter(one.label());
      handler.struct(one, type);
      tape.play(handler);
      handler.endGroup(line);
      place.leave();
    }
    place.enter(tag.label());
  }

  private void scalar(HardwareXmlHandler.Tag tag) throws IOException {
    ScalarType type = scalarType();
    long value = value(type);
    DerivedNames names = names("value");
    xml.noMoreAttributes();
    handler.number(tag, type, value, names);
    xml.close();
  }

  private long value(ScalarType type) throws IOException {
    try {
      return type.parse(xml.attribute("value"));
    } catch (IllegalArgumentException e) {
      throw xml.bad(String.valueOf(e.getMessage()));
    }
  }

  private @Nullable DerivedNames names(String of) throws IOException {
    String bits = xml.optional("bits");
    String means = xml.optional("means");
    if (bits != null && means != null) {
      throw xml.bad("'bits' and 'means' together: a number has one of them");
    }
    if (bits != null) {
      return new DerivedNames("bits", bits, of);
    }
    return means == null ? null : new DerivedNames("means", means, of);
  }

  private void element() throws IOException {
    HardwareXmlHandler.Tag of = array;
    if (of == null) {
      throw xml.bad("<element> does not stand behind <ints>, of which it is one value");
    }
    String text = xml.attribute("index");
    long index;
    try {
      index = UINT64.parse(text);
    } catch (IllegalArgumentException e) {
      index = -1;
    }
    if (index < 0 || index >= arrayCount) {
      throw xml.bad(
          "index '%s' is none of %s, which has %d values".formatted(text, of.name(), arrayCount));
    }
    String called = xml.optional("name") == null ? "" : name("name");
    String label = of.label() + FieldShape.index(arrayCount, index);
    int line = xml.line();
    place.enter(label);
    long value = value(arrayType);
    DerivedNames names = names("value");
    xml.noMoreAttributes();
    handler.element(
        new HardwareXmlHandler.Element(of, index, called, label, line), arrayType, value, names);
    xml.close();
    place.leave();
  }

  private void text(HardwareXmlHandler.Tag tag) throws IOException {
    String type = name("type");
    long size = number("size", 0, Long.MAX_VALUE);
    String value = name("value");
    xml.noMoreAttributes();
    int length = value.length();
    if (value.chars().anyMatch(c -> c > 0xff)) {
      throw xml.bad("value: a character is no byte: write \\xNN for each byte of it");
    }
    if (length > size) {
      throw xml.bad("value: %d characters where %d have room".formatted(length, size));
    }
    ValueSink sink = handler.text(tag, type, size);
    for (int i = 0; i < length; i++) {
      sink.run(i, 1, value.charAt(i), tag.line());
    }
    if (length < size) {
      sink.run(length, size - length, 0, tag.line());
    }
    sink.end();
    xml.close();
  }

  private void array(HardwareXmlHandler.Tag tag) throws IOException {
    ScalarType type = scalarType();
    int count = (int) number("count", 0, Integer.MAX_VALUE);
    xml.noMoreAttributes();
    ValueSink sink = handler.numbers(tag, type, count);
    xml.text(FoldedText.numbers(place, type, count, sink));
    array = tag;
    arrayType = type;
    arrayCount = count;
  }

  private void bytes(HardwareXmlHandler.Tag tag) throws IOException {
    String type = name("type");
    long size = number("size", 0, Long.MAX_VALUE);
    String fill = xml.optional("fill");
    xml.noMoreAttributes();
    ValueSink sink = handler.bytes(tag, type, size);
    if (fill == null) {
      xml.text(FoldedText.bytes(place, size, sink));
      return;
    }
    if (!fill.matches("[0-9a-fA-F]{2}")) {
      throw xml.bad("fill '%s' is no byte: two hex digits are".formatted(fill));
    }
    if (size > 0) {
      sink.run(0, size, HexFormat.fromHexDigits(fill), tag.line());
    }
    sink.end();
    xml.close();
  }

  private ScalarType scalarType() throws IOException {
    String type = name("type");
    return ScalarType.of(type)
        .orElseThrow(() -> xml.bad("'%s' is no type of number".formatted(type)));
  }

  private void expect(String element, String parent) throws IOException {
    if (!xml.name().equals(element)) {
      throw xml.bad("<%s> has no place in <%s>".formatted(xml.name(), parent));
    }
  }

  private String name(String attribute) throws IOException {
    try {
      return XmlNames.unescape(xml.attribute(attribute));
    } catch (IllegalArgumentException e) {
      throw xml.bad("%s: %s".formatted(attribute, e.getMessage()));
    }
  }

  private long number(String attribute, long least, long most) throws IOException {
    String text = xml.attribute(attribute);
    try {
      long value = Long.parseLong(text);
      if (value >= least && value <= most) {
        return value;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw xml.bad("%s '%s' is no number from %d to %d".formatted(attribute, text, least, most));
  }
}
