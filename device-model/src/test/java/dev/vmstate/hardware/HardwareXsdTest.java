package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

class HardwareXsdTest {
  private static Document schema() throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    try (InputStream xsd = HardwareXsd.open()) {
      return factory.newDocumentBuilder().parse(xsd);
    }
  }

  @Test
  void everyElementAttributeAndTypeIsExplained() throws Exception {
    Document schema = schema();
    assertEquals(
        HardwareXsd.NAMESPACE, schema.getDocumentElement().getAttribute("targetNamespace"));
    for (String kind : List.of("element", "attribute", "complexType", "simpleType")) {
      NodeList found = schema.getElementsByTagNameNS(XMLConstants.W3C_XML_SCHEMA_NS_URI, kind);
      for (int i = 0; i < found.getLength(); i++) {
        Element element = (Element) found.item(i);
        boolean typed = kind.equals("element") && element.hasAttribute("type");
        if (element.hasAttribute("name") && !typed) { // else its type has the text
          NodeList text =
              element.getElementsByTagNameNS(XMLConstants.W3C_XML_SCHEMA_NS_URI, "documentation");
          assertTrue(text.getLength() > 0, kind + " " + element.getAttribute("name"));
        }
      }
    }
  }

  @Test
  void whatAnEditorCanSeeToBeWrongIsNotValid() throws Exception {
    String document = Documents.write(Documents.everything());
    Documents.validate(document);
    String[][] changes = {
      {"52:54:00:12:34:56", "52:54:00:12:34"},
      {"52:54:00:12:34:56", "52:54:00-12:34:56"},
      {"mode=\"long64\"", "mode=\"long\""},
      {"value=\"2048\"", "value=\"2k\""},
      {"value=\"2048\"", "value=\"2048\" colour=\"red\""},
      {"value=\"2048\"", ""},
      {"selector=\"0x10\"", "selector=\"-1\""},
      {"-1 2 32767", "-1 two 32767"},
      {"52 54 00 12 34 56", "52 54 00 12 34 5"},
      {"0x1500: 0x12005452", "1500: 0x12005452"},
      {"fill=\"00\"", "fill=\"0\""},
      {"name=\"rxbuf_size\"", "name=\"rxbuf\\size\""},
      {"type=\"int16\"", "type=\"int24\""},
      {"instance=\"1\"", "instance=\"-1\""},
      {"<ram>", "<ram/><ram>"},
      {"</ram>", "</ram><device name='d' instance='0' version='0'/>"},
    };
    for (String[] change : changes) {
      String changed = Documents.change(document, change[0], change[1]);
      assertThrows(SAXException.class, () -> Documents.validate(changed), change[1]);
    }
  }

  @Test
  void whatThePersonMayWriteIsValid() throws Exception {
    String document = Documents.write(Documents.everything());
    String[][] changes = {
      {"52:54:00:12:34:56", "52-54-00-AA-BB-CC"},
      {"value=\"2048\"", "value=\"0X800\""},
      {"\"bool\" value=\"1\"", "\"bool\" value=\"true\""},
      {"-1 2 32767", "-1*2 <!-- two of them --> 0x7fff"},
      {"52 54 00 12 34 56", "525400 12*3"},
      {"size=\"65536\" fill=\"00\"/>", "size=\"65536\">0x0000: 00*65536</bytes>"},
    };
    for (String[] change : changes) {
      Documents.validate(Documents.change(document, change[0], change[1]));
    }
  }
}
