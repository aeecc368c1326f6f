package dev.vmstate.hardware;

import dev.vmstate.device.FieldEdit;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.SchemaFactory;

/** Documents as text, for tests. */
final class Documents {
  /** Every kind of field, a CPU and a NIC. */
  static HardwareState everything() {
    return new MachineBuilder()
        .device("timer", 0, 2)
        .scalar("cpu_ticks_offset", "int64", -5)
        .raw("unused", "unused_buffer", new int[8])
        .device("cpu", 0, 12)
        .scalar("env.eip", "uint64", 0xffffffff87e17a0bL)
        .register("rip")
        .scalar("cs.selector", "uint32", 0x10)
        .register("cs.selector")
        .scalar("cs.base", "uint64", 0)
        .register("cs.base")
        .scalar("cs.limit", "uint32", 0xffffffffL)
        .register("cs.limit")
        .scalar("cs.flags", "uint32", 0xaf9b00)
        .register("cs.flags")
        .scalar("cr0", "uint64", 0x80050033L)
        .register("cr0")
        .scalar("efer", "uint64", 0xd01)
        .register("efer")
        .device("i8259", 0, 1)
        .scalar("irr", "uint8", 19)
        .device("i8259", 1, 1)
        .scalar("irr", "uint8", 17)
        .scalar("on", "bool", 1)
        .scalar("size", "uint32 equal", 7)
        .device("0000:00:03.0/e1000", 0, 2)
        .raw("mac", "buffer", 0x52, 0x54, 0, 0x12, 0x34, 0x56)
        .nic()
        .scalar("rxbuf_size", "uint32", 2048)
        .array("mac_reg", "uint32", macRegisters())
        .array("offsets", "int16", -1, 2, 32767)
        .raw("tx.data", "buffer", new int[65536])
        .raw("config", "pci config", config())
        .struct("queue", 0, "queue")
        .scalar("head", "uint16", 3)
        .end()
        .struct("queue", 1, "queue")
        .scalar("head", "uint16", 4)
        .end()
        .subsection("e1000/tx_tso_state", 1)
        .scalar("ipcss", "uint8", 14)
        .end()
        .build();
  }

  private static long[] macRegisters() {
    long[] registers = new long[0x2000];
    registers[0] = 0x140240;
    registers[0x1500] = 0x12005452;
    registers[0x1501] = 0x80005634L;
    return registers;
  }

  private static int[] config() {
    int[] config = new int[256];
    for (int i = 0; i < 64; i++) {
      config[i] = 7 * i;
    }
    return config;
  }

  private Documents() {}

  static String write(HardwareState state) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    HardwareXmlWriter.write(state, out);
    return out.toString(StandardCharsets.UTF_8);
  }

  static List<FieldEdit> edits(String document, HardwareState state) throws IOException {
    return HardwareXmlReader.edits(in(document), "hardware.xml", state);
  }

  static List<DevicePayload> payloads(String document) throws IOException {
    return HardwareXmlReader.payloads(in(document), "hardware.xml");
  }

  /** Replaces what stands exactly once. */
  static String change(String document, String from, String to) {
    int at = document.indexOf(from);
    if (at < 0 || document.indexOf(from, at + 1) >= 0) {
      throw new AssertionError("'%s' does not stand once in:%n%s".formatted(from, document));
    }
    return document.replace(from, to);
  }

  /** The line a text stands on, counted from 1. */
  static int line(String document, String text) {
    return (int) document.substring(0, document.indexOf(text)).lines().count();
  }

  /** Checks a document against the schema. */
  static void validate(String document) throws Exception {
    try (InputStream xsd = HardwareXsd.open()) {
      SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI)
          .newSchema(new StreamSource(xsd))
          .newValidator()
          .validate(new StreamSource(in(document)));
    }
  }

  private static InputStream in(String document) {
    return new ByteArrayInputStream(document.getBytes(StandardCharsets.UTF_8));
  }
}
