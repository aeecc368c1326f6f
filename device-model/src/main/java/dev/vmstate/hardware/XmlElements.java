package dev.vmstate.hardware;

import com.ctc.wstx.api.WstxInputProperties;
import com.ctc.wstx.exc.WstxLazyException;
import com.ctc.wstx.stax.WstxInputFactory;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/**
 * A document as elements and attributes, each of which must be asked for: what nobody asks for is
 * refused. Comments, white space and processing instructions between elements are passed over.
 *
 * <p>The parser is Woodstox by name, not whatever the class path offers, since its limits matter:
 * no DTD (so no entities, external or nested a billion deep), bounded depth, bounded attributes,
 * text in segments of the input buffer's size however long it is.
 */
final class XmlElements {
  private static final String XSI = "http://www.w3.org/2001/XMLSchema-instance";
  private static final int MAX_ELEMENT_DEPTH = FieldShape.MAX_DEPTH + 4;
  private static final int MAX_ATTRIBUTES = 16;

  /**
   * An idstr of 255 bytes, all escaped, is 1 KiB; a field's name has no limit but is a C literal.
   */
  private static final int MAX_ATTRIBUTE_LENGTH = 1 << 14;

  private final XMLStreamReader xml;
  private final XmlPlace place;
  private boolean[] asked = new boolean[0];

  private XmlElements(XMLStreamReader xml, XmlPlace place) {
    this.xml = xml;
    this.place = place;
  }

  /** Starts before the root element. */
  static XmlElements open(InputStream in, XmlPlace place) throws IOException {
    WstxInputFactory factory = new WstxInputFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    factory.setProperty(XMLInputFactory.IS_COALESCING, false);
    factory.setProperty(WstxInputProperties.P_MAX_ELEMENT_DEPTH, MAX_ELEMENT_DEPTH);
    factory.setProperty(WstxInputProperties.P_MAX_ATTRIBUTES_PER_ELEMENT, MAX_ATTRIBUTES);
    factory.setProperty(WstxInputProperties.P_MAX_ATTRIBUTE_SIZE, MAX_ATTRIBUTE_LENGTH);
    try {
      return new XmlElements(factory.createXMLStreamReader(in), place);
    } catch (XMLStreamException e) {
      throw unreadable(e, place);
    }
  }

  /** Moves on to the next child element, or to the end of the element it is in: false. */
  boolean open() throws IOException {
    for (; ; ) {
      switch (next()) {
        case XMLStreamConstants.START_ELEMENT -> {
          if (!HardwareXsd.NAMESPACE.equals(xml.getNamespaceURI())) {
            throw bad(
                "<%s> is not in namespace %s".formatted(xml.getLocalName(), HardwareXsd.NAMESPACE));
          }
          asked = new boolean[xml.getAttributeCount()];
          return true;
        }
        case XMLStreamConstants.END_ELEMENT, XMLStreamConstants.END_DOCUMENT -> {
          return false;
        }
        case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA -> {
          String text = new String(characters(), xml.getTextStart(), xml.getTextLength()).strip();
          if (!text.isEmpty()) {
            String start = text.length() <= 20 ? text : text.substring(0, 20) + "…";
            throw bad("text '%s' where only elements may stand".formatted(start));
          }
        }
        case XMLStreamConstants.DTD -> throw bad("a document type (DTD) is not allowed");
        case XMLStreamConstants.ENTITY_REFERENCE -> throw bad("an entity reference is not allowed");
        default -> {
          // comment, processing instruction, white space outside the root
        }
      }
    }
  }

  /** Expects the element to have no children. */
  void close() throws IOException {
    if (open()) {
      throw bad("<%s> where nothing may stand".formatted(name()));
    }
  }

  /** Feeds the element's text to {@code text} up to its end tag. */
  void text(FoldedText text) throws IOException {
    for (; ; ) {
      switch (next()) {
        case XMLStreamConstants.END_ELEMENT -> {
          text.end(line());
          return;
        }
        case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA, XMLStreamConstants.SPACE -> {
          char[] characters = characters();
          text.feed(characters, xml.getTextStart(), xml.getTextLength(), line());
        }
        case XMLStreamConstants.COMMENT, XMLStreamConstants.PROCESSING_INSTRUCTION -> text.gap();
        default -> throw bad("only values, labels and comments may stand here");
      }
    }
  }

  /** The element's name. */
  String name() {
    return xml.getLocalName();
  }

  /** The line of the tag, comment or text it is at. */
  int line() {
    return xml.getLocation().getLineNumber();
  }

  /** An attribute that must be there. */
  String attribute(String name) throws IOException {
    String value = optional(name);
    if (value == null) {
      throw bad("<%s> has no attribute '%s'".formatted(name(), name));
    }
    return value;
  }

  /** An attribute, or null. */
  @Nullable String optional(String name) {
    for (int i = 0; i < asked.length; i++) {
      if (xml.getAttributeLocalName(i).equals(name) && local(i)) {
        asked[i] = true;
        return xml.getAttributeValue(i);
      }
    }
    return null;
  }

  /** Passes over {@code xsi:schemaLocation} and its kin, which tell editors of the schema. */
  void schemaHints() {
    for (int i = 0; i < asked.length; i++) {
      asked[i] |= XSI.equals(xml.getAttributeNamespace(i));
    }
  }

  /** Refuses the attributes nobody asked for. */
  void noMoreAttributes() throws IOException {
    for (int i = 0; i < asked.length; i++) {
      if (!asked[i]) {
        throw bad(
            "<%s> has no place for attribute '%s'".formatted(name(), xml.getAttributeLocalName(i)));
      }
    }
  }

  HardwareXmlException bad(String what) {
    return place.bad(line(), what);
  }

  private boolean local(int attribute) {
    String namespace = xml.getAttributeNamespace(attribute);
    return namespace == null || namespace.isEmpty();
  }

  /** The text it is at. Woodstox parses text when it is asked for, and cannot throw then. */
  private char[] characters() throws IOException {
    try {
      return xml.getTextCharacters();
    } catch (WstxLazyException e) {
      if (e.getCause() instanceof XMLStreamException cause) {
        throw unreadable(cause, place);
      }
      throw e;
    }
  }

  private int next() throws IOException {
    try {
      return xml.next();
    } catch (XMLStreamException e) {
      throw unreadable(e, place);
    }
  }

  /** Woodstox wraps the disk's errors and those of bad UTF-8 alike, and appends a location. */
  private static IOException unreadable(XMLStreamException e, XmlPlace place) {
    if (e.getNestedException() instanceof IOException io
        && !(io instanceof CharConversionException)) {
      return io;
    }
    String text = String.valueOf(e.getMessage());
    int location = text.indexOf("\n at [row");
    int line = e.getLocation() == null ? 1 : e.getLocation().getLineNumber();
    HardwareXmlException bad =
        place.bad(
            line, "not well-formed XML: " + (location < 0 ? text : text.substring(0, location)));
    bad.initCause(e);
    return bad;
  }
}
