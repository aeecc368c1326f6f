package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Patch;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Editing a document into another machine's makes exactly that machine's bytes. */
class HardwareXmlPatchTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void theEditsOfADocumentTurnOneMachineIntoTheOtherAndTouchNothingElse(long seed)
      throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    MachineBuilder machine = new MachineBuilder();
    machine.device("first", 0, 1);
    RandomFields.fill(machine, random, 0);
    machine.device("second", 1, 2);
    RandomFields.fill(machine, random, 0);
    HardwareState before = machine.build();
    ByteSource source = before.devices().get(0).source();
    byte[] bytes = source.bytes(new Span(0, source.size()));
    byte[] changed = bytes.clone();
    for (DeviceSection device : before.devices()) {
      change(device.root(), changed, random);
    }
    HardwareState after = over(before, ByteSource.of("changed", changed));

    List<FieldEdit> edits = Documents.edits(Documents.write(after), before);

    EditSet set = new EditSet();
    set.addAll(edits);
    for (Patch patch : set.patches()) {
      patch.with().get(bytes, (int) patch.where().offset(), (int) patch.where().length());
    }
    assertArrayEquals(changed, bytes);
    for (FieldEdit edit : edits) {
      assertTrue(edit.changes(), edit.path());
    }
  }

  /** Changes bytes of some leaves; bools keep to 0 and 1, framing stays. */
  private static void change(Field field, byte[] bytes, SplittableRandom random) {
    if (field instanceof Field.Group group) {
      group.children().forEach(child -> change(child, bytes, random));
      return;
    }
    boolean bool =
        field instanceof Field.Scalar scalar && scalar.type().name().equals("bool")
            || field instanceof Field.Array array && array.type().name().equals("bool");
    int at = (int) field.span().offset();
    while (!bool && field.span().length() > 0 && random.nextInt(3) == 0) {
      bytes[at + random.nextInt((int) field.span().length())] = (byte) random.nextInt();
    }
  }

  /** The same fields over other bytes. */
  private static HardwareState over(HardwareState state, ByteSource source) throws Exception {
    List<DeviceSection> devices = new ArrayList<>();
    for (DeviceSection device : state.devices()) {
      devices.add(
          new DeviceSection(
              device.name(),
              device.instance(),
              device.version(),
              device.record(),
              device.payload(),
              device.decoded(),
              "",
              (Field.Group) over(device.root(), source),
              source));
    }
    return new HardwareState(
        state.vmm(),
        state.machine(),
        state.arch(),
        state.blocks(),
        state.cpus(),
        state.nics(),
        devices);
  }

  private static Field over(Field field, ByteSource source) throws Exception {
    if (field instanceof Field.Scalar s) {
      long value = s.type().decode(source.bytes(s.span()), 0);
      return new Field.Scalar(s.name(), s.index(), s.type(), s.span(), value);
    }
    if (field instanceof Field.Group g) {
      List<Field> children = new ArrayList<>();
      for (Field child : g.children()) {
        children.add(over(child, source));
      }
      return new Field.Group(
          g.name(), g.index(), g.kind(), g.vmsd(), g.version(), g.span(), g.body(), children);
    }
    return field;
  }
}
