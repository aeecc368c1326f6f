package dev.vmstate.hardware;

import com.ctc.wstx.api.WstxOutputProperties;
import com.ctc.wstx.stax.WstxOutputFactory;
import dev.vmstate.cpu.BitNames;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.Meaning;
import dev.vmstate.device.NamedNumber;
import dev.vmstate.device.ScalarType;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.nic.Nic;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Writes hardware.xml, element by element; no tree of it is ever in memory.
 *
 * <pre>
 * machine ::= ram cpu* nic* device*
 * ram     ::= block*
 * cpu     ::= ( register | segment )*, event?, fpu?, sse?, avx?, msr?, apic?    of register*
 * device  ::= ( int | ints element* | bytes | text | struct | subsection )*
 *                                                         struct and subsection likewise
 * </pre>
 *
 * <p>{@link HardwareXmlReader} undoes it. {@link FieldShape} says which element a field becomes,
 * {@link FoldedLines} how arrays are laid out, {@link XmlNames} how names are escaped.
 */
public final class HardwareXmlWriter {
  private static final String XSI = "http://www.w3.org/2001/XMLSchema-instance";

  /** No two hyphens in a row here: XML forbids them in comments. */
  private static final String HOW_TO_EDIT =
      """

        The hardware state of a snapshot. Its RAM is in the core file beside this document.

        To change it, edit values here and put them back into a copy of the snapshot:
            vmstate inject DIR -o NEW
        which checks the document first and lists every field and byte that changes.

        Values may be changed; names, types, counts, sizes and the order may not. Numbers are
        decimal or 0x hexadecimal. <cpu> and <nic> are views over the devices below: change a
        value in one place, the view or the field, and every copy of it follows.

        Derived, that is, said elsewhere too:
            bits=, means=   the number beside it, in names: change the number or the names
            <element>       one value of the array before it, with its name
            mac= of a NIC   every field of that card that holds its address
        Change one of the two, or both to the same; what contradicts is refused with both lines.
        'vmstate get -e SNAPSHOT PATH' lists the names a field knows, and explains it.

        In arrays V*N stands for N times V (split it to change one of them), and 0x1500: is the
        index of the value behind it. index="2" last="9" of a <struct> stands for eight structs of
        the same content; to change one, write it apart: 2 to 4, 5, 6 to 9.
        Comments and white space are not read.
      """;

  private static final String NOTHING_TO_EDIT =
      """

        The RAM blocks and CPUs of a dump, which has no device state: there is nothing here that
        could be changed and put back.
      """;

  /** Values listed one by one of an array all of whose values have names. */
  private static final int MOST_ELEMENTS = 64;

  private final XMLStreamWriter xml;
  private int depth;

  private HardwareXmlWriter(XMLStreamWriter xml) {
    this.xml = xml;
  }

  /** Writes the document in UTF-8 and flushes {@code out}, which stays open. */
  public static void write(HardwareState state, OutputStream out) throws IOException {
    WstxOutputFactory factory = new WstxOutputFactory();
    factory.setProperty(WstxOutputProperties.P_USE_DOUBLE_QUOTES_IN_XML_DECL, true);
    // A note may hold two hyphens in a row.
    factory.setProperty(WstxOutputProperties.P_OUTPUT_FIX_CONTENT, true);
    try {
      XMLStreamWriter xml = factory.createXMLStreamWriter(out, "UTF-8");
      new HardwareXmlWriter(xml).document(state);
      xml.flush();
    } catch (XMLStreamException e) {
      if (e.getNestedException() instanceof IOException disk) {
        throw disk;
      }
      throw new IllegalStateException("text that XML cannot hold was not escaped", e);
    }
  }

  private void document(HardwareState state) throws XMLStreamException, IOException {
    xml.writeStartDocument("UTF-8", "1.0");
    xml.writeCharacters("\n");
    xml.writeComment(state.devices().isEmpty() ? NOTHING_TO_EDIT : HOW_TO_EDIT);
    xml.writeCharacters("\n");
    xml.writeStartElement("machine");
    xml.writeDefaultNamespace(HardwareXsd.NAMESPACE);
    xml.writeNamespace("xsi", XSI);
    xml.writeAttribute(
        "xsi", XSI, "schemaLocation", HardwareXsd.NAMESPACE + " " + HardwareXsd.FILE_NAME);
    text("vmm", state.vmm());
    text("type", state.machine());
    text("arch", state.arch());
    depth++;
    start("ram");
    for (RamBlock block : state.blocks()) {
      empty("block");
      text("name", block.name());
      xml.writeAttribute("bytes", Long.toString(block.bytes()));
    }
    end();
    for (X86Cpu cpu : state.cpus()) {
      cpu(cpu);
    }
    for (Nic nic : state.nics()) {
      empty("nic");
      text("device", nic.id());
      text("model", nic.model());
      if (nic.mac().isPresent()) {
        xml.writeAttribute("mac", nic.mac().get().toString());
      }
    }
    for (DeviceSection device : state.devices()) {
      device(device);
    }
    end();
    xml.writeCharacters("\n");
    xml.writeEndDocument();
  }

  private void cpu(X86Cpu cpu) throws XMLStreamException {
    start("cpu");
    xml.writeAttribute("index", Integer.toString(cpu.index()));
    xml.writeAttribute("mode", cpu.mode().toString());
    for (CpuElement element : CpuElement.of(cpu)) {
      if (element.segment()) {
        empty("segment");
        xml.writeAttribute("name", element.name());
        for (Register part : element.registers()) {
          xml.writeAttribute(CpuElement.part(part), CpuElement.format(part));
        }
        for (Register part : element.registers()) {
          names(part);
        }
      } else {
        register(element.registers().get(0));
      }
    }
    for (Map.Entry<String, List<Register>> group : CpuElement.groups(cpu).entrySet()) {
      start(group.getKey());
      for (Register register : group.getValue()) {
        register(register);
      }
      end();
    }
    end();
  }

  private void register(Register register) throws XMLStreamException {
    empty("register");
    text("name", register.name());
    xml.writeAttribute("value", CpuElement.format(register));
    names(register);
  }

  private void device(DeviceSection device) throws XMLStreamException, IOException {
    start("device");
    text("name", device.name());
    xml.writeAttribute("instance", Long.toString(device.instance()));
    xml.writeAttribute("version", Long.toString(device.version()));
    if (device.decoded() == DeviceSection.Decoded.OPAQUE && !device.note().isEmpty()) {
      line();
      xml.writeComment(" " + XmlNames.escape(device.note()) + " ");
    }
    fields(device, FieldShape.children(device), 0);
    end();
  }

  private void fields(DeviceSection device, List<Field> fields, int groups)
      throws XMLStreamException, IOException {
    for (int i = 0; i < fields.size(); ) {
      boolean struct = FieldShape.of(device, fields.get(i), groups) == FieldShape.STRUCT;
      int run = struct ? FoldedGroups.run(device, fields, i) : 1;
      field(device, fields.get(i), groups, run);
      i += run;
    }
  }

  /** One field, or {@code run} structs that are the same. */
  private void field(DeviceSection device, Field field, int groups, int run)
      throws XMLStreamException, IOException {
    FieldShape shape = FieldShape.of(device, field, groups);
    switch (shape) {
      case INT -> {
        Field.Scalar scalar = (Field.Scalar) field;
        empty(shape.element());
        name(scalar);
        text("type", scalar.type().name());
        value(scalar.type(), scalar.meaning(-1), scalar.value());
      }
      case INTS -> {
        Field.Array array = (Field.Array) field;
        start(shape.element());
        name(array);
        text("type", array.type().name());
        xml.writeAttribute("count", Integer.toString(array.count()));
        FieldBytes bytes = new FieldBytes(device.source(), array.span());
        lines(FoldedLines.numbers(bytes, array.type(), array.count()));
        elements(array, bytes);
      }
      case BYTES -> bytes(field, new FieldBytes(device.source(), field.span()));
      case TEXT -> {
        empty(shape.element());
        name(field);
        text("type", FieldShape.bytesType(field));
        xml.writeAttribute("size", Long.toString(field.span().length()));
        byte[] bytes = device.source().bytes(field.span());
        text("value", new String(bytes, StandardCharsets.ISO_8859_1).replaceFirst("\0*$", ""));
      }
      case STRUCT -> {
        Field.Group group = (Field.Group) field;
        start(shape.element());
        name(group);
        if (run > 1) {
          xml.writeAttribute("last", Integer.toString(group.index() + run - 1));
        }
        text("type", group.vmsd());
        fields(device, group.children(), groups + 1);
        end();
      }
      case SUBSECTION -> {
        Field.Group group = (Field.Group) field;
        start(shape.element());
        name(group);
        xml.writeAttribute("version", Long.toString(group.version() & 0xffff_ffffL));
        fields(device, group.children(), groups + 1);
        end();
      }
    }
  }

  /** A number, and in names what it means. */
  private void value(ScalarType type, Optional<Meaning> meaning, long value)
      throws XMLStreamException {
    Optional<NamedNumber> named = NamedNumber.of(type, meaning);
    xml.writeAttribute(
        "value", named.isPresent() ? named.get().number(value) : number(type, value));
    if (named.isPresent()) {
      names(named.get().attribute(), named.get().names(value));
    }
  }

  private void names(Register register) throws XMLStreamException {
    Optional<NamedNumber> named = BitNames.named(register);
    if (named.isPresent()) {
      names(named.get().attribute(), named.get().names(register.value()));
    }
  }

  private void names(String attribute, String names) throws XMLStreamException {
    if (!names.isEmpty()) {
      text(attribute, names.equals("0") ? "" : names);
    }
  }

  /** What an array's values are called: those with a name of their own that are not 0. */
  private void elements(Field.Array array, FieldBytes bytes)
      throws XMLStreamException, IOException {
    Field.Elements named = array.named();
    if (named == null) {
      return;
    }
    Set<Integer> indexes = new TreeSet<>(named.single().keySet());
    if (named.all() != null && named.all().named()) {
      int most = Math.min(array.count(), MOST_ELEMENTS);
      IntStream.range(0, most).forEach(indexes::add);
    }
    for (int i : indexes) {
      Meaning meaning = array.meaning(i).orElse(Meaning.NONE);
      long value = i >= 0 && i < array.count() ? bytes.number(array.type(), i) : 0;
      if (value != 0 && (meaning.named() || !meaning.name().isEmpty())) {
        empty("element");
        String index = FieldShape.index(array.count(), i);
        xml.writeAttribute("index", index.substring(1, index.length() - 1));
        if (!meaning.name().isEmpty()) {
          text("name", meaning.name());
        }
        value(array.type(), Optional.of(meaning), value);
      }
    }
  }

  /** Decimal, but hexadecimal for unsigned 64 bits: those are addresses and masks. */
  private static String number(ScalarType type, long value) {
    return type.width() == Long.BYTES && !type.signed()
        ? "0x" + Long.toHexString(value)
        : type.format(value);
  }

  private void bytes(Field field, FieldBytes bytes) throws XMLStreamException, IOException {
    boolean fill = bytes.size() > 8 && bytes.uniform();
    if (fill) {
      empty("bytes");
    } else {
      start("bytes");
    }
    name(field);
    text("type", FieldShape.bytesType(field));
    xml.writeAttribute("size", Long.toString(bytes.size()));
    if (fill) {
      xml.writeAttribute("fill", "%02x".formatted(bytes.u8(0)));
    } else {
      lines(FoldedLines.bytes(bytes));
    }
  }

  /** The text of an array and its end tag: on one line where it fits, else labelled lines. */
  private void lines(FoldedLines lines) throws XMLStreamException, IOException {
    String label = lines.label();
    String first = lines.line();
    if (lines.done()) {
      depth--;
      xml.writeCharacters(first);
      xml.writeEndElement();
      return;
    }
    line();
    xml.writeCharacters(label + " " + first);
    while (!lines.done()) {
      line();
      xml.writeCharacters(lines.label() + " ");
      xml.writeCharacters(lines.line());
    }
    end();
  }

  private void name(Field field) throws XMLStreamException {
    text("name", field.name());
    if (field.index() >= 0) {
      xml.writeAttribute("index", Integer.toString(field.index()));
    }
  }

  private void text(String attribute, String value) throws XMLStreamException {
    xml.writeAttribute(attribute, XmlNames.escape(value));
  }

  private void empty(String element) throws XMLStreamException {
    line();
    xml.writeEmptyElement(element);
  }

  private void start(String element) throws XMLStreamException {
    line();
    xml.writeStartElement(element);
    depth++;
  }

  private void end() throws XMLStreamException {
    depth--;
    line();
    xml.writeEndElement();
  }

  private void line() throws XMLStreamException {
    xml.writeCharacters("\n" + "  ".repeat(depth));
  }
}
