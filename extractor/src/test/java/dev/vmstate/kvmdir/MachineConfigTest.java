package dev.vmstate.kvmdir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.bytes.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class MachineConfigTest {
  private static final String FULL =
      """
      {"cpus": {"boot_vcpus": 2, "max_vcpus": 4}, "memory": {"size": 1048576, "shared": false},
       "payload": {"file": "guest.bin", "mode": "real16"}, "irqchip": true,
       "serial": {"mode": "Tty", "iobase": 1016}, "debug_port": {"iobase": 233},
       "mmio": [{"base": "0x00000000000d0000", "size": "0x1000"}], "net": [{"tap": "t0"}]}
      """;

  private static MachineConfig parse(String text) throws IOException {
    return MachineConfig.parse("config.json", text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void whatIsThereIsReadAndTheRestPassedOver() throws IOException {
    MachineConfig config = parse(FULL);
    assertEquals(
        new MachineConfig(
            2,
            4,
            1 << 20,
            Optional.of(new MachineConfig.Payload("guest.bin", "real16")),
            true,
            OptionalInt.of(0x3f8),
            OptionalInt.of(0xe9),
            List.of(new MachineConfig.Mmio(0xd0000, 0x1000))),
        config);
  }

  @Test
  void whatIsMissingIsNotInTheMachine() throws IOException {
    MachineConfig config =
        parse("{\"cpus\": {\"boot_vcpus\": 1}, \"memory\": {\"size\": 4096}, \"payload\": null}");
    assertEquals(
        new MachineConfig(
            1,
            1,
            4096,
            Optional.empty(),
            false,
            OptionalInt.empty(),
            OptionalInt.empty(),
            List.of()),
        config);
    assertEquals(
        OptionalInt.empty(), parse(FULL.replace("\"Tty\"", "\"Off\"")).serial(), "switched off");
  }

  @Test
  void theTextOfAConfigurationIsReadAsTheSame() throws IOException {
    MachineConfig full = parse(FULL);
    assertEquals(full, MachineConfig.parse("again", full.text()));
    MachineConfig least = parse("{\"cpus\": {\"boot_vcpus\": 1}, \"memory\": {\"size\": 4096}}");
    assertEquals(least, MachineConfig.parse("again", least.text()));
  }

  @Test
  void whatIsWrongIsSaidInOneLine() {
    Map<String, String> wrong =
        Map.of(
            "",
            "no JSON object",
            "[]",
            "no JSON object",
            FULL + "x",
            "JSON: ",
            FULL.replace("\"boot_vcpus\": 2,", ""),
            "cpus.boot_vcpus: a number from 1 to 4096 was expected, there is none",
            FULL.replace("\"boot_vcpus\": 2", "\"boot_vcpus\": 2.5"),
            "cpus.boot_vcpus: a number",
            FULL.replace("1048576", "1048577"),
            "memory.size: 0x100001 are no whole pages",
            FULL.replace("1048576", "99999999999999999999"),
            "memory.size: a number from 4096",
            FULL.replace("1016", "65535"),
            "serial.iobase: a number from 0 to 65528 was expected",
            FULL.replace("\"Tty\"", "\"Pty\""),
            "serial.mode: \"Pty\", this machine has Tty and Off",
            FULL.replace("true", "\"true\""),
            "irqchip: true or false was expected");
    wrong.forEach(
        (text, says) -> {
          String said = assertThrows(FormatException.class, () -> parse(text), says).getMessage();
          assertEquals(0, said.indexOf("config.json: at offset 0x"), said);
          assertEquals(true, said.contains(says), said);
          assertEquals(-1, said.indexOf('\n'), said);
        });
  }
}
