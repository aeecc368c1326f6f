package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.DeviceFields;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SectionDecoderTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  private static DeviceSection decoded(Consumer<DeviceFields> content) throws IOException {
    return DeviceSections.of("dev", 0, content);
  }

  private static DeviceSection decoded(int length, String fields) throws IOException {
    return DeviceSections.decoded("dev", 0, new byte[length], vmsd(fields));
  }

  private static String vmsd(String fields) {
    return "{\"vmsd_name\": \"dev\", \"version\": 1, \"fields\": [%s]}".formatted(fields);
  }

  /** Names, kinds, places: {@code a:uint32@0+4}. */
  private static String shape(Field.Group group) {
    return group.children().stream()
        .map(
            field ->
                field.label()
                    + field.accept(
                        new Field.Visitor<String>() {
                          @Override
                          public String group(Field.Group nested) {
                            return "{" + shape(nested) + "}";
                          }

                          @Override
                          public String scalar(Field.Scalar scalar) {
                            return "=" + scalar.type().format(scalar.value());
                          }

                          @Override
                          public String array(Field.Array array) {
                            return ":" + array.type().name() + "*" + array.count();
                          }

                          @Override
                          public String raw(Field.Raw raw) {
                            return "#" + raw.span().length();
                          }
                        }))
        .collect(Collectors.joining(" "));
  }

  @Test
  void everyKindOfFieldIsFoundWithItsValue() throws Exception {
    DeviceSection device =
        decoded(
            d ->
                d.u8("a", 200)
                    .i32("b", -5)
                    .u64("c", -1)
                    .timer("t", -1)
                    .bool("on", true)
                    .array("r", "uint16", 1, 2, 3)
                    .buffer("buf", new byte[6])
                    .unused(3)
                    .struct("s", "inner", 2, s -> s.u16("x", 7).u8("y", 8))
                    .subsection("dev/sub", 3, s -> s.u32("z", 9)));
    assertEquals(
        "a=200 b=-5 c=18446744073709551615 t=-1 on=1 r:uint16*3 buf#6 unused#3 s{x=7 y=8}"
            + " dev/sub{z=9}",
        shape(device.root()));
    Field.Group sub = (Field.Group) device.root().children().get(9);
    assertEquals(Field.GroupKind.SUBSECTION, sub.kind());
    assertEquals(3, sub.version());
    assertEquals(1 + 1 + 7 + 4, sub.body().offset() - sub.span().offset());
  }

  /** QEMU prints an array of one like a scalar, and one of none not at all. */
  @Test
  void arraysOfOneAndOfNoneNeedNoWordOfTheirOwn() throws Exception {
    DeviceSection device =
        decoded(d -> d.array("none", "uint32").array("one", "uint32", 5).u8("end", 1));
    assertEquals("one=5 end=1", shape(device.root()));
    assertEquals(
        "end#1",
        shape(
            decoded(
                    1,
                    "{\"name\":\"none\",\"array_len\":0,\"type\":\"uint32\",\"size\":4},"
                        + "{\"name\":\"fd\",\"type\":\"fd\",\"size\":0},"
                        + "{\"name\":\"end\",\"type\":\"x\",\"size\":1}")
                .root()));
  }

  /** e1000 has three fields called mac_reg; newer QEMUs print neither suffix nor index. */
  @Test
  void repeatedNamesAreNumberedInOrderWithOrWithoutAnIndex() throws Exception {
    String with =
        "{\"name\":\"q\",\"index\":0,\"type\":\"uint8\",\"size\":1},"
            + "{\"name\":\"q\",\"index\":1,\"type\":\"uint8\",\"size\":1},"
            + "{\"name\":\"q\",\"type\":\"uint8\",\"size\":1}"; // QEMU 10: the last has none
    assertEquals("q[0]=0 q[1]=0 q[2]=0", shape(decoded(3, with).root()));
    assertEquals(
        "q[0]=0 q[1]=0 q[2]=0", shape(decoded(3, with.replaceAll("\"index\":\\d,", "")).root()));
    assertEquals(
        "mac_reg[0]=1 mac_reg[1]=2",
        shape(decoded(d -> d.u8("mac_reg[0]", 1).u8("mac_reg[1]", 2)).root()));
  }

  @Test
  void structsComeShortOrOneByOne() throws Exception {
    assertEquals(
        "v[0]{x=10} v[1]{x=11} v[2]{x=12}",
        shape(decoded(d -> d.structs("v", "e", 1, 3, (e, i) -> e.u8("x", 10 + i))).root()));
    assertEquals(
        "v[0]{x=10} v[1]{x=11 e/more{y=3}}",
        shape(
            decoded(
                    d ->
                        d.structsOneByOne(
                            "v",
                            "e",
                            1,
                            2,
                            (e, i) -> {
                              e.u8("x", 10 + i);
                              if (i == 1) {
                                e.subsection("e/more", 1, s -> s.u8("y", 3));
                              }
                            }))
                .root()));
  }

  /** "tmp" and "vstruct" have the vmsd's keys in the field itself. */
  @Test
  void aStructWithoutTheKeyStructIsReadAllTheSame() throws Exception {
    String inline =
        "{\"name\":\"t\",\"type\":\"tmp\",\"vmsd_name\":\"n\",\"version\":1,"
            + "\"fields\":[{\"name\":\"x\",\"type\":\"uint16\",\"size\":2}],\"size\":2}";
    assertEquals("t{x=0}", shape(decoded(2, inline).root()));
  }

  /** A linked list repeats its keys in one JSON object; only its size can be believed. */
  @Test
  void aListWhoseKeysRepeatStaysBytes() throws Exception {
    for (int count = 0; count < 4; count++) {
      int elements = count;
      DeviceSection device =
          decoded(d -> d.queue("l", "e", 1, elements, (e, i) -> e.u32("x", i)).u8("end", 7));
      assertEquals("l#" + (1 + 5 * count) + " end=7", shape(device.root()));
    }
  }

  /** s390 css before QEMU 10: one entry "struct": {} of size 1 for a whole array of pointers. */
  @Test
  void anArrayOfPointersDescribedByAnEmptySlotIsBytesWhenItFitsAndARefusalWhenItDoesNot()
      throws Exception {
    String css =
        "{\"name\":\"css\",\"array_len\":256,\"type\":\"struct\",\"struct\":{},\"size\":1}";
    assertEquals("css#256", shape(decoded(256, css).root()));
    String why = DeviceSections.refusal(new byte[300], vmsd(css));
    assertTrue(why.contains("vmdesc accounts for 0x100 of 0x12c bytes"), why);
  }

  @Test
  void nullSlotsAndPointerMarkersAreNumbers() throws Exception {
    assertEquals(
        "p=48 m=49 s{x=5}",
        shape(
            decoded(
                    d ->
                        d.number("p", "nullptr", 0x30)
                            .number("m", "ptr-marker", 0x31)
                            .struct("s", "e", 1, s -> s.u8("x", 5)))
                .root()));
  }

  /** QEMU's description of an element counts for all; elements of other sizes show in the sum. */
  @Test
  void aStructThatDoesNotAddUpStaysBytes() throws Exception {
    String odd =
        "{\"name\":\"s\",\"array_len\":2,\"type\":\"struct\",\"struct\":"
            + vmsd("{\"name\":\"x\",\"type\":\"uint8\",\"size\":1}")
            + ",\"size\":3}";
    assertEquals("s#6", shape(decoded(6, odd).root()));
    String widthsDiffer = "{\"name\":\"x\",\"type\":\"uint32\",\"size\":3}";
    assertEquals("x#3", shape(decoded(3, widthsDiffer).root()));
  }

  @Test
  void anOldStyleSectionIsOneBuffer() throws Exception {
    String slirp =
        "{\"size\": 9, \"fields\": [{\"name\": \"data\", \"size\": 9, \"type\": \"buffer\"}]}";
    DeviceSection device = DeviceSections.decoded("slirp", 0, new byte[9], slirp);
    assertEquals("data#9", shape(device.root()));
    assertEquals(-1, device.root().version());
  }

  @Test
  void tooFewAndTooManyBytesAreRefusedWithTheFieldOrTheSum() throws Exception {
    DeviceFields fields = DeviceFields.of(d -> d.u32("a", 1).u32("b", 2));
    String json = fields.json("dev", 1);
    String why = DeviceSections.refusal(new byte[7], json);
    assertEquals(
        "a.mig: dev: at offset 0xb: 'b' needs 4 bytes, 3 left (is the file cut short?)", why);
    assertTrue(DeviceSections.refusal(new byte[9], json).contains("0x8 of 0x9 bytes"));
  }

  @Test
  void aSubsectionMustBeThereWithNameAndVersion() throws Exception {
    DeviceFields fields =
        DeviceFields.of(d -> d.u8("a", 1).subsection("dev/s", 2, s -> s.u8("b", 2)));
    String json = fields.json("dev", 1);
    for (int at = 1; at < 12; at++) {
      byte[] bytes = fields.bytes();
      bytes[at] ^= 0x40;
      String why = DeviceSections.refusal(bytes, json);
      assertTrue(why.contains("at offset 0x"), why);
    }
  }

  @Test
  void sizesThatOverflowAreRefused() throws Exception {
    String big = "{\"name\":\"x\",\"type\":\"b\",\"array_len\":%d,\"size\":%d}";
    for (String fields :
        List.of(
            big.formatted(Long.MAX_VALUE, 2),
            big.formatted(1L << 32, 1L << 31),
            big.formatted(1, Long.MAX_VALUE) + "," + big.formatted(1, Long.MAX_VALUE),
            big.formatted(1, 1L << 40))) {
      assertTrue(DeviceSections.refusal(new byte[8], vmsd(fields)).contains("at offset 0x"));
    }
    assertThrows(
        ArithmeticException.class,
        () ->
            DeviceSections.description(
                    "d",
                    vmsd(big.formatted(1, Long.MAX_VALUE) + "," + big.formatted(1, Long.MAX_VALUE)))
                .body()
                .wireSize());
    String nested =
        "{\"name\":\"s\",\"type\":\"struct\",\"size\":4,\"struct\":"
            + vmsd(big.formatted(1L << 40, 1L << 40))
            + "}";
    assertEquals("s#4", shape(decoded(4, nested).root()));
  }

  @Test
  void structsNestedTooDeeplyAreRefused() throws Exception {
    String fields = "{\"name\":\"x\",\"type\":\"uint8\",\"size\":1}";
    String fine = fields;
    for (int depth = 0; depth < 60; depth++) {
      String nested =
          "{\"name\":\"s\",\"type\":\"struct\",\"struct\":" + vmsd(fields) + ",\"size\":1}";
      fine = depth < 50 ? nested : fine;
      fields = nested;
    }
    assertInstanceOf(Field.Group.class, decoded(1, fine).root().children().get(0));
    String deeper =
        "{\"name\":\"s\",\"type\":\"struct\",\"struct\":" + vmsd(fields) + ",\"size\":1}";
    for (int depth = 0; depth < 10; depth++) {
      deeper = "{\"name\":\"s\",\"type\":\"struct\",\"struct\":" + vmsd(deeper) + ",\"size\":1}";
    }
    String body = vmsd(deeper);
    assertTrue(
        assertThrows(
                FormatException.class, () -> DeviceSections.decoded("dev", 0, new byte[1], body))
            .getMessage()
            .contains("nested deeper"));
  }

  /** A file of a few kilobytes must not ask for a tree of gigabytes, or for a day of work. */
  @Test
  void aHugeArrayOfStructsWithManyEmptyFieldsEndsSoon() throws Exception {
    StringBuilder empty = new StringBuilder("{\"name\":\"x\",\"type\":\"uint8\",\"size\":1}");
    for (int i = 0; i < 5000; i++) {
      empty.append(",{\"name\":\"e").append(i).append("\",\"type\":\"fd\",\"size\":0}");
    }
    int elements = 1 << 20;
    String fields =
        "{\"name\":\"s\",\"array_len\":%d,\"type\":\"struct\",\"struct\":%s,\"size\":1}"
            .formatted(elements, vmsd(empty.toString()));
    String why =
        assertTimeoutPreemptively(
            Duration.ofSeconds(20), () -> DeviceSections.refusal(new byte[elements], vmsd(fields)));
    assertTrue(why.contains("too many fields"), why);
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void aTreeOfRandomFieldsCoversItsSectionWithoutGaps(long seed) throws Exception {
    DeviceSection device = decoded(d -> random(d, new SplittableRandom(seed), 0).u8("last", 1));
    covers(device.root());
    assertEquals(device.payload(), device.root().span());
  }

  private static DeviceFields random(DeviceFields into, SplittableRandom random, int depth) {
    for (int n = random.nextInt(1, 6); n-- > 0; ) {
      SplittableRandom own = random.split();
      String name = "f" + random.nextInt(4);
      switch (random.nextInt(depth > 3 ? 5 : 9)) {
        case 0 -> into.u32(name, own.nextInt());
        case 1 -> into.array(name, "uint16", new long[own.nextInt(4)]);
        case 2 -> into.buffer(name, new byte[own.nextInt(9)]);
        case 3 -> into.i64(name, own.nextLong());
        case 4 -> into.unused(own.nextInt(3));
        case 5 -> into.struct(name, "s", 1, s -> random(s, own, depth + 1));
        case 6 -> into.structs(name, "a", 1, own.nextInt(3), (s, i) -> s.u16("x", i).u8("y", 1));
        case 7 -> into.queue(name, "q", 1, own.nextInt(3), (s, i) -> random(s, own, depth + 1));
        default -> into.subsection("dev/" + n, 1, s -> random(s, own, depth + 1));
      }
    }
    return into;
  }

  private static void covers(Field.Group group) {
    long at = group.body().offset();
    for (Field child : group.children()) {
      assertEquals(at, child.span().offset(), child.label());
      at = child.span().end();
      if (child instanceof Field.Group nested) {
        covers(nested);
      }
    }
    assertEquals(group.body().end(), at, group.label());
  }
}
