package dev.vmstate.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import org.junit.jupiter.api.Test;

/** A guest's names in JSON that is read on a terminal. */
class JsonEscapesTest {
  private static String written(String text) {
    return Output.text(JsonNodeFactory.instance.textNode(text));
  }

  @Test
  void nothingThatATerminalActsOnIsLeft() {
    assertEquals("\"\\u001B[31m\\n\\u007F\"", written("\u001b[31m\n\u007f"));
    assertEquals("\"\\u009b31m\"", written("\u009b31m"));
    assertEquals("\"\\u202e\\u2066\\u200f\\u2028\"", written("\u202e\u2066\u200f\u2028"));
  }

  @Test
  void namesOfFieldsAreEscapedToo() {
    JsonNode node = JsonNodeFactory.instance.objectNode().put("a\u009b", 1);

    assertEquals("{\n  \"a\\u009b\" : 1\n}", Output.text(node).replace("\r", ""));
  }

  @Test
  void whatIsReadBackIsTheSame() throws Exception {
    String all =
        "größe 日本 \ud83d\ude00 \"\\ \u0000\u001b\u007f\u0085\u009b\u00ad\u202e\ufeff\ufffe";

    assertEquals(all, new ObjectMapper().readTree(written(all)).textValue());
    assertEquals("\"größe 日本 \ud83d\ude00\"", written("größe 日本 \ud83d\ude00"));
  }
}
