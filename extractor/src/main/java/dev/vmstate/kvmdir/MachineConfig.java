package dev.vmstate.kvmdir;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.bytes.FormatException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * {@code config.json}: what a machine is made of.
 *
 * <pre>
 * {"cpus": {"boot_vcpus": 1, "max_vcpus": 1}, "memory": {"size": 1048576},
 *  "payload": {"file": "guest.bin", "mode": "real16"}, "irqchip": false,
 *  "serial": {"mode": "Tty", "iobase": 1016}, "debug_port": {"iobase": 233},
 *  "mmio": [{"base": "0x00000000000d0000", "size": "0x0000000000001000"}]}
 * </pre>
 *
 * <p>The members Cloud Hypervisor has too are called as there (vmm/src/vm_config.rs). {@code cpus}
 * and {@code memory} have to be there; of the rest what is missing is not in the machine. Members
 * this code does not know are passed over.
 *
 * @param cpus how many vCPUs there are
 * @param maxCpus how many there could be
 * @param memory bytes of RAM, whole pages
 * @param payload what was started, which nothing needs any more once there is a snapshot
 * @param irqchip whether PIC, IOAPIC, LAPICs and PIT are the kernel's
 * @param serial the 16550's first port
 * @param debugPort the port that takes bytes and prints them
 * @param mmio addresses at which a log stands instead of a device
 */
public record MachineConfig(
    int cpus,
    int maxCpus,
    long memory,
    Optional<Payload> payload,
    boolean irqchip,
    OptionalInt serial,
    OptionalInt debugPort,
    List<Mmio> mmio) {
  /** The file's name in the directory. */
  public static final String FILE = "config.json";

  /** KVM's own limit is no higher on any host so far (KVM_MAX_VCPUS). */
  public static final int MOST_CPUS = 4096;

  /** The longest text that is read. */
  static final int MOST_TEXT = 1 << 20;

  private static final int PAGE = 4096;
  private static final long MOST_RAM = 1L << 46;
  private static final int MOST_MMIO = 1024;
  private static final int PORTS = 0x10000;
  private static final String TTY = "Tty";
  private static final String OFF = "Off";

  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  /** What was started: a file, and the mode its first instruction ran in. */
  public record Payload(String file, String mode) {}

  /** Guest-physical addresses, {@code size} of them. */
  public record Mmio(long base, long size) {}

  /** Copies the list. */
  public MachineConfig {
    mmio = List.copyOf(mmio);
  }

  /**
   * Reads a text.
   *
   * @param name the file's, for errors
   * @throws FormatException when it is no such text
   */
  public static MachineConfig parse(String name, byte[] text) throws IOException {
    if (text.length > MOST_TEXT) {
      throw new FormatException(name, 0, "0x%x bytes are too many".formatted(text.length));
    }
    JsonNode root;
    try {
      root = MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      long where = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getByteOffset());
      throw new FormatException(name, where, "JSON: " + e.getOriginalMessage());
    }
    return new Reader(name).machine(root);
  }

  /** The text of it. */
  public byte[] text() {
    ObjectNode root = MAPPER.createObjectNode();
    root.putObject("cpus").put("boot_vcpus", cpus).put("max_vcpus", maxCpus);
    root.putObject("memory").put("size", memory);
    payload.ifPresent(p -> root.putObject("payload").put("file", p.file()).put("mode", p.mode()));
    root.put("irqchip", irqchip);
    ObjectNode port = root.putObject("serial").put("mode", serial.isPresent() ? TTY : OFF);
    serial.ifPresent(base -> port.put("iobase", base));
    debugPort.ifPresent(base -> root.putObject("debug_port").put("iobase", base));
    if (!mmio.isEmpty()) {
      ArrayNode list = root.putArray("mmio");
      mmio.forEach(m -> list.addObject().put("base", hex(m.base())).put("size", hex(m.size())));
    }
    try {
      byte[] text = MAPPER.writeValueAsBytes(root);
      byte[] line = Arrays.copyOf(text, text.length + 1);
      line[text.length] = '\n';
      return line;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of text and numbers", e);
    }
  }

  private static String hex(long value) {
    return "0x%016x".formatted(value);
  }

  /** Takes the members out of a tree. */
  private record Reader(String name) {
    MachineConfig machine(@Nullable JsonNode root) throws FormatException {
      if (root == null || !root.isObject()) {
        throw bad("no JSON object");
      }
      JsonNode cpus = object(root, "cpus").orElseThrow(() -> bad("no \"cpus\""));
      int boot = (int) number(cpus, "cpus.boot_vcpus", 1, MOST_CPUS);
      int max =
          cpus.has("max_vcpus") ? (int) number(cpus, "cpus.max_vcpus", boot, MOST_CPUS) : boot;
      JsonNode memory = object(root, "memory").orElseThrow(() -> bad("no \"memory\""));
      long size = number(memory, "memory.size", PAGE, MOST_RAM);
      if (size % PAGE != 0) {
        throw bad("memory.size: 0x%x are no whole pages".formatted(size));
      }
      Optional<JsonNode> payload = object(root, "payload");
      Optional<JsonNode> debug = object(root, "debug_port");
      return new MachineConfig(
          boot,
          max,
          size,
          payload.isEmpty()
              ? Optional.empty()
              : Optional.of(
                  new Payload(
                      words(payload.get(), "payload.file"), words(payload.get(), "payload.mode"))),
          flag(root, "irqchip"),
          serial(root),
          debug.isEmpty() ? OptionalInt.empty() : port(debug.get(), "debug_port.iobase", 1),
          mmio(root));
    }

    private OptionalInt serial(JsonNode root) throws FormatException {
      Optional<JsonNode> serial = object(root, "serial");
      if (serial.isEmpty()) {
        return OptionalInt.empty();
      }
      String mode = words(serial.get(), "serial.mode");
      if (mode.equals(OFF)) {
        return OptionalInt.empty();
      }
      if (!mode.equals(TTY)) {
        throw bad("serial.mode: \"%s\", this machine has %s and %s".formatted(mode, TTY, OFF));
      }
      return port(serial.get(), "serial.iobase", 8);
    }

    private OptionalInt port(JsonNode node, String path, int ports) throws FormatException {
      return OptionalInt.of((int) number(node, path, 0, PORTS - ports));
    }

    private List<Mmio> mmio(JsonNode root) throws FormatException {
      JsonNode list = root.path("mmio");
      List<Mmio> ranges = new ArrayList<>();
      if (list.isMissingNode() || list.isNull()) {
        return ranges;
      }
      if (!list.isArray() || list.size() > MOST_MMIO) {
        throw bad("mmio: a list of up to %d ranges was expected".formatted(MOST_MMIO));
      }
      for (JsonNode range : list) {
        long base = number(range, "mmio.base", 0, Long.MAX_VALUE);
        ranges.add(new Mmio(base, number(range, "mmio.size", 1, Long.MAX_VALUE - base)));
      }
      return ranges;
    }

    private Optional<JsonNode> object(JsonNode node, String member) throws FormatException {
      JsonNode found = node.path(member);
      if (found.isMissingNode() || found.isNull()) {
        return Optional.empty();
      }
      if (!found.isObject()) {
        throw bad("%s: an object was expected".formatted(member));
      }
      return Optional.of(found);
    }

    private String words(JsonNode node, String path) throws FormatException {
      JsonNode found = node.path(last(path));
      if (!found.isTextual()) {
        throw bad("%s: text was expected".formatted(path));
      }
      return found.textValue();
    }

    private boolean flag(JsonNode node, String path) throws FormatException {
      JsonNode found = node.path(last(path));
      if (!found.isMissingNode() && !found.isBoolean()) {
        throw bad("%s: true or false was expected".formatted(path));
      }
      return found.booleanValue();
    }

    /** A number of JSON's own, or one in hexadecimal digits. */
    private long number(JsonNode node, String path, long least, long most) throws FormatException {
      JsonNode found = node.path(last(path));
      long value = -1;
      if (found.isIntegralNumber() && found.canConvertToLong()) {
        value = found.longValue();
      } else if (found.isTextual() && found.textValue().matches("0x[0-9a-f]{1,16}")) {
        value = Long.parseUnsignedLong(found.textValue().substring(2), 16);
      }
      if (value < least || value > most) {
        throw bad(
            "%s: a number from %d to %d was expected%s"
                .formatted(path, least, most, found.isMissingNode() ? ", there is none" : ""));
      }
      return value;
    }

    private static String last(String path) {
      return path.substring(path.lastIndexOf('.') + 1);
    }

    private FormatException bad(String what) {
      return new FormatException(name, 0, what);
    }
  }
}
