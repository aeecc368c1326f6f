package dev.vmstate.libvirt;

import com.ctc.wstx.api.WstxInputProperties;
import com.ctc.wstx.stax.WstxInputFactory;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import org.codehaus.stax2.XMLInputFactory2;
import org.codehaus.stax2.XMLStreamReader2;
import org.jspecify.annotations.Nullable;

/**
 * One pass over a domain XML. The parser is Woodstox by name, as for hardware.xml, since its limits
 * and its exact locations matter: no DTD (so no entities, external or nested), bounded depth,
 * elements and attributes. StAX says where a tag starts but not where its attributes stand, so a
 * value's place is looked up in the tag's own text.
 */
final class DomainXmlScan {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_ELEMENTS = 200_000;
  private static final int MAX_ATTRIBUTES = 64;
  private static final int MAX_ATTRIBUTE_LENGTH = 1 << 20;
  private static final int MAX_INTERFACES = 4096;
  private static final int MAX_NAME = 1000;

  private final String place;
  private final String text;
  private final XMLStreamReader2 xml;
  private final List<String> path = new ArrayList<>();
  private final PciTopology pci = new PciTopology();
  private final List<Card> cards = new ArrayList<>();
  private final StringBuilder characters = new StringBuilder();
  private int charsSeen;
  private int bytesSeen;
  private @Nullable Card card;
  private PciTopology.@Nullable Controller controller;
  private @Nullable String name;
  private @Nullable String uuid;
  private @Nullable String machine;
  private DomainXml.@Nullable Value machineValue;

  /** An interface while it is read. */
  private static final class Card {
    private DomainXml.@Nullable Value mac;
    private @Nullable String target;
    private @Nullable String alias;
    private @Nullable String model;
    private PciTopology.@Nullable Address address;
  }

  private DomainXmlScan(String place, String text, XMLStreamReader2 xml) {
    this.place = place;
    this.text = text;
    this.xml = xml;
  }

  static DomainXmlScan of(String place, String text) throws FormatException {
    WstxInputFactory factory = new WstxInputFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    factory.setProperty(XMLInputFactory2.P_LAZY_PARSING, false);
    factory.setProperty(WstxInputProperties.P_MAX_ELEMENT_DEPTH, MAX_DEPTH);
    factory.setProperty(WstxInputProperties.P_MAX_ELEMENT_COUNT, (long) MAX_ELEMENTS);
    factory.setProperty(WstxInputProperties.P_MAX_ATTRIBUTES_PER_ELEMENT, MAX_ATTRIBUTES);
    factory.setProperty(WstxInputProperties.P_MAX_ATTRIBUTE_SIZE, MAX_ATTRIBUTE_LENGTH);
    try {
      XMLStreamReader2 xml =
          (XMLStreamReader2) factory.createXMLStreamReader(new StringReader(text));
      DomainXmlScan scan = new DomainXmlScan(place, text, xml);
      scan.requireUtf8();
      scan.run();
      return scan;
    } catch (XMLStreamException e) {
      throw notWellFormed(place, text, e);
    }
  }

  /** libvirt's parser would follow a declaration of another encoding; its own XML has none. */
  private void requireUtf8() throws FormatException {
    String encoding = xml.getCharacterEncodingScheme();
    if (encoding != null && !encoding.equalsIgnoreCase("UTF-8")) {
      throw new FormatException(
          place, 0, "declares encoding %s, expected UTF-8".formatted(printable(encoding)));
    }
  }

  private void run() throws XMLStreamException, FormatException {
    while (xml.hasNext()) {
      switch (xml.next()) {
        case XMLStreamConstants.START_ELEMENT -> {
          path.add(xml.getLocalName());
          if (path.size() == 1 && !xml.getLocalName().equals("domain")) {
            throw new FormatException(
                place,
                0,
                "the root element is <%s>, expected <domain>".formatted(xml.getLocalName()));
          }
          characters.setLength(0);
          start(String.join("/", path));
        }
        case XMLStreamConstants.END_ELEMENT -> {
          end(String.join("/", path));
          path.remove(path.size() - 1);
          characters.setLength(0);
        }
        case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA -> {
          if (path.size() == 2) {
            characters.append(xml.getText());
          }
        }
        case XMLStreamConstants.DTD ->
            throw new FormatException(place, 0, "a document type (DTD) is not allowed");
        default -> {
          // comments, processing instructions
        }
      }
    }
  }

  private void start(String element) throws FormatException {
    switch (element) {
      case "domain/os/type" -> {
        String type = attribute("machine");
        machine = type == null ? null : shown(type);
        AttributePlace found = type == null ? null : AttributePlace.find(text, offset(), "machine");
        machineValue = type == null || found == null ? null : value(type, found);
      }
      case "domain/devices/interface" -> {
        if (cards.size() == MAX_INTERFACES) {
          throw new FormatException(
              place, offset(), "more than %d interfaces".formatted(MAX_INTERFACES));
        }
        card = new Card();
        cards.add(card);
      }
      case "domain/devices/controller" ->
          controller =
              "pci".equals(attribute("type"))
                  ? new PciTopology.Controller(attribute("index"), attribute("model"))
                  : null;
      default -> {
        if (card != null && element.startsWith("domain/devices/interface/")) {
          inInterface(card, element);
        } else if (controller != null && element.startsWith("domain/devices/controller/")) {
          inController(controller, element);
        }
      }
    }
  }

  private void inInterface(Card card, String element) throws FormatException {
    switch (element) {
      case "domain/devices/interface/mac" -> card.mac = value("address");
      case "domain/devices/interface/target" -> card.target = attribute("dev");
      case "domain/devices/interface/alias" -> card.alias = attribute("name");
      case "domain/devices/interface/model" -> card.model = attribute("type");
      case "domain/devices/interface/address" -> card.address = address();
      default -> {
        // everything else of an interface
      }
    }
  }

  private void inController(PciTopology.Controller controller, String element) {
    if (element.equals("domain/devices/controller/address")) {
      controller.address = address();
    } else if (element.equals("domain/devices/controller/target")) {
      controller.busNumber = attribute("busNr");
    }
  }

  private void end(String element) {
    switch (element) {
      case "domain/name" -> name = shown(characters.toString());
      case "domain/uuid" -> uuid = shown(characters.toString().strip());
      case "domain/devices/interface" -> card = null;
      case "domain/devices/controller" -> {
        if (controller != null) {
          pci.add(controller);
          controller = null;
        }
      }
      default -> {
        // nothing to finish
      }
    }
  }

  private PciTopology.@Nullable Address address() {
    return "pci".equals(attribute("type"))
        ? PciTopology.Address.of(
            attribute("domain"), attribute("bus"), attribute("slot"), attribute("function"))
        : null;
  }

  private @Nullable String attribute(String name) {
    return xml.getAttributeValue(null, name);
  }

  /** An attribute of the tag it is at, with its place. */
  private DomainXml.@Nullable Value value(String name) throws FormatException {
    String value = attribute(name);
    if (value == null) {
      return null;
    }
    AttributePlace found = AttributePlace.find(text, offset(), name);
    if (found == null) {
      throw new FormatException(
          place, offset(), "attribute '%s' is not where the parser saw it".formatted(name));
    }
    return value(value, found);
  }

  private DomainXml.Value value(String value, AttributePlace found) {
    int start = bytesUpTo(found.start());
    return new DomainXml.Value(value, new Span(start, bytesUpTo(found.end()) - start));
  }

  /** Where the current event starts, in characters. */
  private int offset() {
    return (int) xml.getLocationInfo().getStartingCharOffset();
  }

  /** Bytes of UTF-8 before a character; characters are asked for in ascending order. */
  private int bytesUpTo(int character) {
    for (; charsSeen < character; charsSeen++) {
      char c = text.charAt(charsSeen);
      bytesSeen += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return bytesSeen;
  }

  /** For people: what a terminal would obey, and what is longer than any name, is left out. */
  private static String shown(String text) {
    String clean = text.replaceAll("\\p{Cc}", "?");
    return clean.length() <= MAX_NAME ? clean : clean.substring(0, MAX_NAME) + "…";
  }

  Optional<String> name() {
    return Optional.ofNullable(name);
  }

  Optional<String> uuid() {
    return Optional.ofNullable(uuid);
  }

  Optional<String> machine() {
    return Optional.ofNullable(machine);
  }

  Optional<DomainXml.Value> machineValue() {
    return Optional.ofNullable(machineValue);
  }

  List<DomainXml.Interface> interfaces() {
    return cards.stream()
        .map(
            card ->
                new DomainXml.Interface(
                    Optional.ofNullable(card.mac),
                    Optional.ofNullable(card.target),
                    Optional.ofNullable(card.alias),
                    Optional.ofNullable(card.model),
                    Optional.ofNullable(card.address).flatMap(pci::path)))
        .toList();
  }

  private static FormatException notWellFormed(String place, String text, XMLStreamException e) {
    String message = String.valueOf(e.getMessage());
    int location = message.indexOf("\n at [row");
    long at = e.getLocation() == null ? 0 : e.getLocation().getCharacterOffset();
    int chars = (int) Math.max(0, Math.min(at, text.length()));
    FormatException bad =
        new FormatException(
            place,
            text.substring(0, chars).getBytes(StandardCharsets.UTF_8).length,
            "not well-formed XML: "
                + printable(location < 0 ? message : message.substring(0, location)));
    bad.initCause(e);
    return bad;
  }

  private static String printable(String text) {
    return text.replaceAll("[^\\x20-\\x7e]+", " ");
  }
}
