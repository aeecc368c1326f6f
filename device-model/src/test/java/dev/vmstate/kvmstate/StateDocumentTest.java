package dev.vmstate.kvmstate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StateDocumentTest {
  static Stream<StateStruct> shapes() {
    return Stream.of(
        KvmStructs.REGS,
        KvmStructs.SREGS2,
        KvmStructs.SREGS,
        KvmStructs.FPU,
        KvmStructs.LAPIC,
        KvmStructs.EVENTS,
        KvmStructs.DEBUGREGS,
        KvmStructs.CLOCK,
        KvmStructs.PIT,
        KvmStructs.PIC,
        KvmStructs.IOAPIC,
        KvmStructs.xsave(4096));
  }

  private static String document(StateText device) {
    return "{\"id\": \"vmstate-kvm\", \"version\": 1, \"snapshots\": {"
        + "\"memory-manager\": {\"memory_ranges\": [{\"name\": \"ram\","
        + " \"gpa\": \"0x0000000000001000\", \"length\": \"0x0000000000002000\"}]},"
        + "\"cpu-manager\": {}, \"device-manager\": {\"device\": "
        + device
        + "}}}";
  }

  private static StateDocument parse(String text) throws IOException {
    return StateDocument.parse("state.json", text.getBytes(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void everyByteOfAStructureComesBack(StateStruct shape) throws IOException {
    byte[] bytes = new byte[shape.size()];
    new Random(7).nextBytes(bytes);
    for (byte[] each : List.of(bytes, new byte[shape.size()])) {
      StateText text = new StateText().open("").value("it", shape.of(each)).close();
      DeviceSection section = parse(document(text)).sections().get(0);
      assertArrayEquals(each, StateFields.value(section, "it", shape).bytes());
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void aChangedByteChangesItsTwoDigits(StateStruct shape) throws IOException {
    byte[] bytes = new byte[shape.size()];
    new Random(8).nextBytes(bytes);
    String text =
        document(
            new StateText().open("").list("it", List.of(shape.of(bytes), shape.zero())).close());
    StateDocument document = parse(text);
    DeviceSection section = document.sections().get(0);
    byte[] fields = section.source().bytes(section.payload());
    for (int i = 0; i < fields.length; i += 3) {
      byte[] with = {(byte) ~fields[i]};
      List<Patch> patches = document.inText(Patch.of(section.payload().offset() + i, with));
      assertEquals(1, patches.size());
      assertEquals(2, patches.get(0).where().length());
      byte[] changed = text.getBytes(StandardCharsets.UTF_8);
      patches.get(0).with().get(changed, (int) patches.get(0).where().offset(), 2);
      DeviceSection again = StateDocument.parse("state.json", changed).sections().get(0);
      byte[] expected = fields.clone();
      expected[i] = with[0];
      assertArrayEquals(expected, again.source().bytes(again.payload()));
    }
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    List<StateDocument.Range> ranges =
        List.of(
            new StateDocument.Range("ram", 0, 0xa0000),
            new StateDocument.Range("high", 1L << 32, 0x1000));
    byte[] text =
        new StateWriter(ranges)
            .vcpu(0, cpu -> cpu.value("regs", KvmStructs.REGS.zero().set("rip", 0x1234)))
            .vcpu(1, cpu -> cpu.number("mp_state", 4, 3))
            .device("pic-master", KvmStructs.PIC.zero().set("imr", 0xfe))
            .device("own", device -> device.number("n", 1, 7))
            .text();
    StateDocument document = StateDocument.parse("state.json", text);
    assertEquals(ranges, document.ranges());
    assertEquals(
        List.of("vcpu", "vcpu", "pic-master", "own"),
        document.sections().stream().map(DeviceSection::name).toList());
    DeviceSection first = document.sections().get(0);
    assertEquals(0x1234, StateFields.value(first, "regs", KvmStructs.REGS).get("rip"));
    assertEquals(3, StateFields.number(document.sections().get(1), "mp_state").orElseThrow());
    DeviceSection pic = document.sections().get(2);
    assertEquals(0xfe, StateFields.value(pic, "", KvmStructs.PIC).get("imr"));
  }

  @Test
  void aStateOfNothingIsWritten() throws IOException {
    byte[] text = new StateWriter(List.of()).text();
    assertEquals(List.of(), StateDocument.parse("state.json", text).sections());
  }

  @Test
  void aChangeAcrossValuesIsSplitAmongThem() throws IOException {
    StateValue regs = KvmStructs.REGS.zero();
    String text = document(new StateText().open("").value("regs", regs).close());
    StateDocument document = parse(text);
    byte[] with = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    byte[] changed = text.getBytes(StandardCharsets.UTF_8);
    long at = document.sections().get(0).payload().offset() + 6;
    for (Patch patch : document.inText(Patch.of(at, with))) {
      patch.with().get(changed, (int) patch.where().offset(), (int) patch.where().length());
    }
    DeviceSection section = StateDocument.parse("state.json", changed).sections().get(0);
    StateValue after = StateFields.value(section, "regs", KvmStructs.REGS);
    assertEquals(0x0201_0000_0000_0000L, after.get("rax"));
    assertEquals(0x0a09_0807_0605_0403L, after.get("rbx"));
    assertEquals(0, after.get("rcx"));
  }

  @Test
  void membersAreFieldsThatPeopleCanName() throws IOException {
    StateValue sregs = KvmStructs.SREGS2.zero().set("cs.selector", 8).set("cr0", 0x11);
    StateDocument document =
        parse(document(new StateText().open("").value("sregs2", sregs).close()));
    DeviceSection section = document.sections().get(0);
    Field.Group group = (Field.Group) section.root().children().get(0);
    Field.Group cs = (Field.Group) group.children().get(0);
    assertEquals("cs", cs.label());
    assertEquals("selector", cs.children().get(2).label());
    assertEquals(8, ((Field.Scalar) cs.children().get(2)).value());
    assertEquals(new Span(0x1000, 0x2000).length(), document.ranges().get(0).length());
  }

  @Test
  void whatIsMissingOrUnknownIsSaid() throws IOException {
    String good = document(new StateText().open("").value("regs", KvmStructs.REGS.zero()).close());
    DeviceSection renamed = parse(good.replace("\"r9\"", "\"rx\"")).sections().get(0);
    assertEquals(
        "state.json: at offset 0x%x: device: regs has no member rx"
            .formatted(good.indexOf("\"r9\"") + 9),
        assertThrows(
                FormatException.class, () -> StateFields.value(renamed, "regs", KvmStructs.REGS))
            .getMessage());
    DeviceSection shorter =
        parse(good.replace("\"r9\": ", "\"r9\": null, \"\": ")).sections().get(0);
    assertThrows(FormatException.class, () -> StateFields.value(shorter, "regs", KvmStructs.REGS));
  }

  @Test
  void textThatIsNoneIsRefusedInOneLine() {
    String good = document(new StateText().open("").close());
    for (String bad :
        List.of(
            "",
            "[]",
            "{",
            good + "x",
            good.replace("vmstate-kvm", "vm"),
            good.replace("\"version\": 1", "\"version\": 2"),
            good.replace("\"version\": 1", "\"version\": \"x\""),
            good.replace("cpu-manager", "cpus"),
            good.replace("0x0000000000002000", "0x0000000000002001"),
            good.replace("0x0000000000001000", "0xfffffffffffff000"),
            good.replace("0x0000000000002000", "0x7fffffffffff0000"),
            good.replace("\"cpu-manager\": {}", "\"cpu-manager\": {\"a\": {}}"),
            good.replace("\"device\"", "\"vcpu\""),
            "{\"a\":".repeat(5000),
            "[".repeat(5000))) {
      assertThrows(FormatException.class, () -> parse(bad), bad);
    }
  }

  @Test
  void noPrefixOfATextIsATextAndNoChangedByteEndsInAnotherException() throws IOException {
    String good = document(new StateText().open("").value("pic", KvmStructs.PIC.zero()).close());
    for (int cut = 0; cut < good.length(); cut++) {
      String shorter = good.substring(0, cut);
      assertThrows(FormatException.class, () -> parse(shorter));
    }
    Random random = new Random(9);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = good.getBytes(StandardCharsets.UTF_8);
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      try {
        StateDocument.parse("state.json", bytes).memoryMap();
      } catch (FormatException e) {
        assertEquals(0, e.getMessage().indexOf("state.json: at offset 0x"));
      }
    }
  }
}
