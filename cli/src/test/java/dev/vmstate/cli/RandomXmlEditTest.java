package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** Legal edits anywhere in the document, written by another XML library, are found by get. */
class RandomXmlEditTest {
  /** What follows these is another thing for another value: inject warns of such an edit. */
  private static final Set<String> CHOOSES =
      Set.of("header_type", "status", "capability_list", "cap_id", "next");

  private static final List<String> PLAIN =
      List.of("uint8", "uint16", "uint32", "int32", "int64", "uint64", "le16", "le32");

  @TempDir Path directory;

  /** A number of the document, by the path of the last struct it stands for. */
  private record Number(String path, Element element) {}

  private static void numbers(Element at, String path, List<Number> found) {
    for (Node node = at.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (!(node instanceof Element element)) {
        continue;
      }
      String index = element.getAttribute("last");
      index = index.isEmpty() ? element.getAttribute("index") : index;
      String label = element.getAttribute("name") + (index.isEmpty() ? "" : "[" + index + "]");
      if (element.getTagName().equals("int")) {
        found.add(new Number(path + "/" + label, element));
      } else if (!element.getTagName().equals("element")) {
        numbers(element, path + "/" + label, found);
      }
    }
  }

  private static List<Number> numbers(Document document) {
    List<Number> found = new ArrayList<>();
    for (Node node = document.getDocumentElement().getFirstChild();
        node != null;
        node = node.getNextSibling()) {
      if (node instanceof Element device && device.getTagName().equals("device")) {
        String instance = device.getAttribute("instance");
        String label = device.getAttribute("name");
        numbers(device, instance.equals("0") ? label : label + "[" + instance + "]", found);
      }
    }
    return found;
  }

  private static long random(String type, Random random) {
    long bits = random.nextLong();
    return switch (type) {
      case "uint8" -> bits & 0xff;
      case "uint16", "le16" -> bits & 0xffff;
      case "uint32", "le32" -> bits & 0xffff_ffffL;
      case "int32" -> (int) bits;
      default -> bits;
    };
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void editsAreFoundInTheSnapshot(long seed) throws Exception {
    Random random = new Random(seed);
    Path sample = Cli.sample(directory);
    Path vm = directory.resolve("vm");
    Cli.ok("extract", sample, "--core", "none", "-o", vm, "-q");
    Path xml = vm.resolve("hardware.xml");
    Document document =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(xml.toFile());
    List<Number> numbers = numbers(document);
    assertTrue(numbers.size() > 500, () -> "" + numbers.size());
    Collections.shuffle(numbers, random);
    Map<String, Long> expected = new LinkedHashMap<>();
    for (Number number : numbers) {
      Element element = number.element();
      if (expected.size() == 40
          || !PLAIN.contains(element.getAttribute("type"))
          || CHOOSES.contains(element.getAttribute("name"))) {
        continue;
      }
      if (element.hasAttribute("bits")) {
        JsonNode bits =
            new ObjectMapper()
                .readTree(Cli.ok("get", "-e", "--json", sample, number.path()))
                .path(number.path())
                .path("bits");
        List<String> names = new ArrayList<>();
        bits.fieldNames().forEachRemaining(names::add);
        String name = names.get(random.nextInt(names.size()));
        long mask = Long.decode(bits.path(name).path("mask").asText());
        long lowest = Long.lowestOneBit(mask);
        long part = bits.path(name).path("inPlace").asBoolean() ? lowest : 1;
        element.setAttribute("bits", Long.bitCount(mask) == 1 ? name : name + "=" + part);
        expected.put(number.path(), lowest);
      } else if (element.hasAttribute("means")) {
        continue;
      } else {
        long value = random(element.getAttribute("type"), random);
        boolean unsigned = !element.getAttribute("type").startsWith("int");
        element.setAttribute(
            "value", unsigned ? Long.toUnsignedString(value) : Long.toString(value));
        expected.put(number.path(), value);
      }
    }
    TransformerFactory.newInstance()
        .newTransformer()
        .transform(new DOMSource(document), new StreamResult(xml.toFile()));
    Path fresh = directory.resolve("new.mig");
    Cli.ok("inject", vm, "-o", fresh, "-q");
    List<Object> words = new ArrayList<>(List.of("get", "--json", fresh));
    words.addAll(expected.keySet());
    JsonNode found = new ObjectMapper().readTree(Cli.ok(words.toArray()));
    expected.forEach(
        (path, value) -> {
          String text = found.path(path).asText();
          long now = text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
          assertEquals(value, now, path);
        });
  }

  @Test
  void rewritingTheDocumentIsNoEdit() throws Exception {
    Path sample = Cli.sample(directory);
    Path vm = directory.resolve("vm");
    Cli.ok("extract", sample, "--core", "none", "-o", vm, "-q");
    Path xml = vm.resolve("hardware.xml");
    Document document =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(xml.toFile());
    document
        .getDocumentElement()
        .insertBefore(
            document.createComment(" mine "), document.getDocumentElement().getFirstChild());
    TransformerFactory.newInstance()
        .newTransformer()
        .transform(new DOMSource(document), new StreamResult(xml.toFile()));
    Path fresh = directory.resolve("new.mig");
    assertTrue(Cli.ok("inject", vm, "-o", fresh).contains("no edit"));
  }
}
