package dev.vmstate.core.symbols;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class JsonTextTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private void write(int bytes, int most) throws IOException {
    JsonText json = new JsonText(out, most);
    json.object().name("n").value("v".repeat(bytes - 8)).end();
    json.flush();
  }

  @Test
  void itEndsBeforeItIsTooLarge() throws Exception {
    write(20_000, 20_000);
    assertEquals(20_000, out.size());
    assertThrows(FormatException.class, () -> write(20_001, 20_000));
    assertTrue(out.size() <= 40_000);
  }
}
