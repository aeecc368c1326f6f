package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.FormatException;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class VmDescriptionJsonTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 300);
  }

  private static String sample() {
    return new MigrationStreamBuilder("pc-q35-10.0")
        .configurationInVmdesc()
        .block("pc.ram", 4096)
        .device(
            "0000:00:03.0/e1000",
            0,
            2,
            "e1000",
            d ->
                d.u32("rx", 1)
                    .array("mac_reg", "uint32", 1, 2)
                    .struct("tx", "e1000_tx", 1, t -> t.u8("a", 1))
                    .queue("q", "e", 1, 2, (e, i) -> e.u8("x", i))
                    .subsection("e1000/tso", 1, s -> s.bool("on", true)))
        .oldStyleDevice("slirp", 0, 4, new byte[3])
        .oldStyleDevice("slirp", 0, 4, new byte[5])
        .vmdescJson();
  }

  @Test
  void devicesFieldsAndSubsectionsComeInOrder() throws Exception {
    VmDescription description = DeviceSections.read(sample());
    assertEquals(4096, description.pageSize());
    assertEquals(
        List.of("0000:00:03.0/e1000", "slirp", "slirp"),
        description.devices().stream().map(VmDescription.Device::name).toList());
    VmDescription.Struct e1000 = description.devices().get(0).body();
    assertEquals(
        List.of("rx", "mac_reg", "tx", "q"),
        e1000.fields().stream().map(VmDescription.Entry::name).toList());
    assertEquals(4 + 8 + 1 + 5 + (1 + 1 + 9 + 4 + 1), e1000.wireSize());
    assertEquals("e1000/tso", e1000.subsections().get(0).name());
    assertEquals(List.of(3L, 5L), sizes(description.devices().subList(1, 3)));
  }

  private static List<Long> sizes(List<VmDescription.Device> devices) {
    return devices.stream().map(d -> d.body().wireSize()).toList();
  }

  /** qtailq and gtree elements repeat vmsd_name, version and fields in the same object. */
  @Test
  void repeatedKeysAreSeenAndMarked() throws Exception {
    VmDescription.Struct e1000 = DeviceSections.read(sample()).devices().get(0).body();
    VmDescription.Struct element = e1000.fields().get(3).struct();
    assertTrue(element != null && element.ambiguous());
    assertTrue(!e1000.ambiguous());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "null",
        "{",
        "{\"devices\":{}}",
        "{\"devices\":[{}]}",
        "{\"devices\":[1]}",
        "{\"devices\":[{\"name\":\"a\"},1]}",
        "{\"devices\":[{\"name\":7}]}",
        "{\"devices\":[{\"name\":\"\"}]}",
        "{\"devices\":[{\"name\":\"a\",\"fields\":{}}]}",
        "{\"devices\":[{\"name\":\"a\",\"fields\":[1]}]}",
        "{\"devices\":[{\"name\":\"a\",\"fields\":[{\"size\":-1}]}]}",
        "{\"devices\":[{\"name\":\"a\",\"fields\":[{\"array_len\":-1}]}]}",
        "{\"devices\":[{\"name\":\"a\",\"fields\":[{\"size\":1.5}]}]}",
        "{\"devices\":[{\"name\":\"a\",\"fields\":[{\"size\":99999999999999999999}]}]}",
        "{\"devices\":[{\"name\":\"a\",\"fields\":[{\"struct\":[]}]}]}",
        "{\"devices\":[{\"name\":\"a\"}",
        "{\"devices\":[{\"name\":\"a\"}]",
        "{\"devices\":[{\"name\":\"a\"},",
        "{\"page_size\":\"4096\"}",
      })
  void whatQemuDoesNotWriteIsRefusedWithItsPlace(String json) {
    FormatException e = assertThrows(FormatException.class, () -> DeviceSections.read(json));
    assertTrue(e.getMessage().startsWith("a.mig: vmdesc: at offset 0x1"), e.getMessage());
    assertTrue(e.offset() >= 0x1000 && e.offset() <= 0x1000 + json.length(), e.getMessage());
  }

  /** The JSON reader guesses at encodings before the first character; found by the fuzzer. */
  @Test
  void textInAnotherEncodingIsRefusedWithItsPlace() {
    for (String hex : List.of("00007b00", "007b0000", "fffe0000", "0000fffe", "7bff", "feff", "")) {
      byte[] bytes = HexFormat.of().parseHex(hex);
      FormatException e =
          assertThrows(
              FormatException.class,
              () -> VmDescriptionJson.read(new ByteArrayInputStream(bytes), "a.mig", 0x1000));
      assertTrue(e.getMessage().startsWith("a.mig: vmdesc: at offset 0x1"), e.getMessage());
    }
  }

  @Test
  void endlessNestingIsRefused() {
    String open = "{\"devices\":[{\"name\":\"a\",\"fields\":[{\"struct\":";
    for (String more :
        List.of(
            "{\"fields\":[{\"struct\":".repeat(100_000),
            "{\"subsections\":[".repeat(100_000),
            "{\"other\":" + "[".repeat(1_000_000))) {
      assertThrows(FormatException.class, () -> DeviceSections.read(open + more));
    }
    assertThrows(FormatException.class, () -> DeviceSections.read("{\"a\":" + "[".repeat(2000)));
  }

  @Test
  void namesLongerThanAnyNameAndFieldsWithoutEndAreRefused() {
    assertThrows(
        FormatException.class,
        () -> DeviceSections.read("{\"devices\":[{\"name\":\"" + "x".repeat(5000) + "\"}]}"));
    assertThrows(
        FormatException.class,
        () -> DeviceSections.read("{\"devices\":[{\"name\":\"" + "x".repeat(30_000_000) + "\"}]}"));
    FormatException e =
        assertThrows(
            FormatException.class,
            () ->
                VmDescriptionJson.read(
                    repeated("{\"devices\":[{\"name\":\"a\",\"fields\":[{}", ",{}", 40 << 20),
                    "a.mig",
                    0));
    assertTrue(e.getMessage().contains("more than"), e.getMessage());
  }

  /** {@code first}, then {@code more} again and again; never held as a whole. */
  private static InputStream repeated(String first, String more, int times) {
    byte[] unit = more.repeat(1 << 10).getBytes(StandardCharsets.US_ASCII);
    return new SequenceInputStream(
        new ByteArrayInputStream(first.getBytes(StandardCharsets.US_ASCII)),
        new SequenceInputStream(
            Collections.enumeration(
                Collections.nCopies(times >> 10, 0).stream()
                    .map(i -> (InputStream) new ByteArrayInputStream(unit))
                    .toList())));
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void brokenTextNeverGivesAnythingButAFormatError(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] json = sample().getBytes(StandardCharsets.UTF_8);
    for (int round = 0; round < 20; round++) {
      byte[] broken = json.clone();
      for (int n = random.nextInt(1, 4); n-- > 0; ) {
        broken[random.nextInt(broken.length)] = (byte) random.nextInt();
      }
      try {
        VmDescription read = VmDescriptionJson.read(new ByteArrayInputStream(broken), "a.mig", 0);
        assertTrue(read.devices().size() <= 4, "-Dvmstate.seed=" + seed);
      } catch (FormatException e) {
        assertTrue(e.getMessage().contains("at offset 0x"), e.getMessage());
      } catch (IOException e) {
        throw new AssertionError("-Dvmstate.seed=" + seed, e);
      }
    }
  }
}
