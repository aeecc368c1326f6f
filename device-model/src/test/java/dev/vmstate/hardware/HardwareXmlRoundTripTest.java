package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.ScalarType;
import dev.vmstate.device.SectionDecoder;
import dev.vmstate.device.VmDescription;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HardwareXmlRoundTripTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 200);
  }

  /** The document alone gives the bytes back, changes nothing, and obeys its schema. */
  private static String proveLossless(HardwareState state) throws Exception {
    String document = Documents.write(state);
    List<DevicePayload> payloads = Documents.payloads(document);
    assertEquals(state.devices().size(), payloads.size());
    for (int i = 0; i < payloads.size(); i++) {
      DeviceSection section = state.devices().get(i);
      assertEquals(section.name(), payloads.get(i).name());
      assertEquals(section.instance(), payloads.get(i).instance());
      assertEquals(section.version(), payloads.get(i).version());
      assertArrayEquals(
          section.source().bytes(section.payload()),
          payloads.get(i).payload().array(),
          section.label());
    }
    assertEquals(List.of(), Documents.edits(document, state));
    Documents.validate(document);
    return document;
  }

  @Test
  void everyKindOfFieldComesBackByteForByte() throws Exception {
    String document = proveLossless(Documents.everything());
    assertTrue(document.contains("<int name=\"cpu_ticks_offset\" type=\"int64\" value=\"-5\"/>"));
    assertTrue(document.contains("<register name=\"rip\" value=\"0xffffffff87e17a0b\"/>"));
    assertTrue(
        document.contains(
            "<segment name=\"cs\" selector=\"0x10\" base=\"0x0\" limit=\"0xffffffff\""
                + " flags=\"0xaf9b00\" bits=\"A RW CODE S P L G 0xf0000\"/>"));
    assertTrue(document.contains("<ints name=\"offsets\" type=\"int16\" count=\"3\">-1 2 32767</"));
    assertTrue(document.contains("type=\"buffer\" size=\"65536\" fill=\"00\"/>"));
    assertTrue(document.contains("0x1500: 0x12005452 0x80005634 0x0*2814\n"), document);
    assertTrue(document.contains("<subsection name=\"e1000/tx_tso_state\" version=\"1\">"));
  }

  @Test
  void aStateWithoutAnythingIsADocumentToo() throws Exception {
    proveLossless(
        new HardwareState("qemu", "none", "unknown", List.of(), List.of(), List.of(), List.of()));
    proveLossless(new MachineBuilder().device("empty", 0, 0).build());
  }

  /** Devices do save a bool byte of 2; as {@code value="2"} it would not read back. */
  @Test
  void aBoolThatIsNeitherZeroNorOneStandsAsBytes() throws Exception {
    String document =
        proveLossless(
            new MachineBuilder()
                .device("d", 0, 1)
                .scalar("odd", "bool", 2)
                .array("odds", "bool", 0, 1, 0xff)
                .array("evens", "bool", 0, 1)
                .build());
    assertTrue(document.contains("<bytes name=\"odd\" type=\"bool\" size=\"1\">02</bytes>"));
    assertTrue(document.contains("<bytes name=\"odds\" type=\"bool\" size=\"3\">00 01 ff</bytes>"));
    assertTrue(document.contains("<ints name=\"evens\" type=\"bool\" count=\"2\">0 1</ints>"));
  }

  @Test
  void aTypeThatTheDocumentCannotNameStandsAsBytes() throws Exception {
    String document =
        proveLossless(
            new MachineBuilder()
                .device("d", 0, 1)
                .scalar("n", -1, new ScalarType("model's own", 2, false), 0x1234)
                .build());
    assertTrue(
        document.contains("<bytes name=\"n\" type=\"model's own\" size=\"2\">12 34</bytes>"));
  }

  @Test
  void aGroupThatLeavesAGapStandsAsBytes() throws Exception {
    String document =
        proveLossless(
            new MachineBuilder()
                .device("d", 0, 1)
                .struct("s", -1, "v")
                .scalar("a", "uint8", 1)
                .gap(2)
                .end()
                .build());
    assertTrue(document.contains("<bytes name=\"s\" type=\"opaque\" size=\"2\">01 02</bytes>"));
    document =
        proveLossless(
            new MachineBuilder().device("d", 0, 1).scalar("a", "uint8", 1).gap(2).build());
    assertTrue(document.contains("<bytes name=\"data\" type=\"opaque\" size=\"2\">01 02</bytes>"));
  }

  @Test
  void groupsNestedTooDeepStandAsBytes() throws Exception {
    MachineBuilder machine = new MachineBuilder().device("d", 0, 1);
    for (int i = 0; i < 80; i++) {
      machine.struct("s", -1, "v").scalar("n", "uint8", i);
    }
    String document = proveLossless(machine.build());
    assertEquals(FieldShape.MAX_DEPTH, document.split("<struct ", -1).length - 1);
  }

  @Test
  void namesThatXmlCannotHoldComeBack() throws Exception {
    HardwareState state =
        new MachineBuilder()
            .device("a\u0001\t\n\r b\\x01<&>\"'\u007f\u0085\u00ff", 0, 1)
            .scalar(" \ud800 \ufffe \ud83d\ude00 ", "uint8", 1)
            .struct("\\", 3, "\u0000")
            .end()
            .subsection("\u0007\u00e4", 0xffffffffL)
            .end()
            .build();
    String document = proveLossless(state);
    assertTrue(document.contains("a\\x01\\x09\\x0a\\x0d b\\\\x01&lt;&amp;"), document);
    assertTrue(document.contains("\" \\ud800 \\ufffe \ud83d\ude00 \""), document);
  }

  @Test
  void aSectionThatTheStreamDescribesComesBack() throws Exception {
    VmDescription.Struct timer =
        new VmDescription.Struct(
            "timer",
            1,
            List.of(new VmDescription.Entry("expire", "timer", 8, 1, false, null)),
            List.of(),
            false);
    VmDescription.Struct body =
        new VmDescription.Struct(
            "rtc",
            3,
            List.of(
                new VmDescription.Entry("cmos_data", "buffer", 128, 1, false, null),
                new VmDescription.Entry("irq", "uint8", 1, 1, false, null),
                new VmDescription.Entry("irq", "uint8", 1, 1, false, null),
                new VmDescription.Entry("timers", "struct", 8, 2, true, timer),
                new VmDescription.Entry("regs", "uint16", 2, 40, true, null)),
            List.of(
                new VmDescription.Struct(
                    "rtc/late",
                    1,
                    List.of(new VmDescription.Entry("lost", "int32", 4, 1, false, null)),
                    List.of(),
                    false)),
            false);
    ByteBuffer bytes = ByteBuffer.allocate(128 + 2 + 16 + 80 + 14 + 4);
    bytes.position(128).put((byte) 8).put((byte) 9).putLong(-1).putLong(1L << 40);
    bytes.position(128 + 2 + 16 + 80).put((byte) 5).put((byte) 8);
    bytes.put("rtc/late".getBytes("US-ASCII")).putInt(1).putInt(-3);
    Span payload = new Span(0, bytes.capacity());
    ByteSource source = ByteSource.of("stream", bytes.array());
    Field.Group root = SectionDecoder.decode(source, payload, "rtc", body);
    DeviceSection section =
        new DeviceSection(
            "rtc", 0, 3, payload, payload, DeviceSection.Decoded.VMDESC, "", root, source);
    String document =
        proveLossless(
            new HardwareState(
                "qemu", "pc", "x86_64", List.of(), List.of(), List.of(), List.of(section)));
    assertTrue(document.contains("<int name=\"irq\" index=\"1\" type=\"uint8\" value=\"9\"/>"));
    assertTrue(document.contains("<struct name=\"timers\" index=\"1\" type=\"timer\">"));
  }

  @Test
  void anOpaqueSectionSaysWhyInAComment() throws Exception {
    Span payload = new Span(1, 3);
    DeviceSection section =
        new DeviceSection(
            "x",
            0,
            1,
            payload,
            payload,
            DeviceSection.Decoded.OPAQUE,
            "no vmdesc -- cut off -",
            SectionDecoder.opaque(payload, "x"),
            ByteSource.of("stream", new byte[] {9, 1, 2, 3}));
    String document =
        proveLossless(
            new HardwareState(
                "qemu", "pc", "x86_64", List.of(), List.of(), List.of(), List.of(section)));
    assertTrue(document.contains("<!-- no vmdesc - - cut off -"), document);
    assertTrue(document.contains("<bytes name=\"data\" type=\"opaque\" size=\"3\">01 02 03<"));
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void randomTreesComeBackByteForByte(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    MachineBuilder machine = new MachineBuilder();
    for (int i = 0; i <= random.nextInt(4); i++) {
      machine.device("dev" + i, random.nextInt(3), random.nextInt() & 0xffffffffL);
      RandomFields.fill(machine, random, 0);
    }
    proveLossless(machine.build());
  }

  /** 64 MiB are 190 MB of text, which the heap of the test run could not hold. */
  @Test
  void aSectionOfManyMegabytesPassesThroughInPieces() throws Exception {
    Span payload = new Span(0, 64 << 20);
    ByteSource source =
        new ByteSource() {
          @Override
          public String name() {
            return "stream";
          }

          @Override
          public long size() {
            return payload.end();
          }

          @Override
          public void read(long offset, ByteBuffer into) {
            for (long at = offset; into.hasRemaining(); at++) {
              into.put((byte) (at * 31 ^ at >> 9));
            }
          }
        };
    DeviceSection vga =
        new DeviceSection(
            "vga",
            0,
            1,
            payload,
            payload,
            DeviceSection.Decoded.OPAQUE,
            "",
            SectionDecoder.opaque(payload, "vga"),
            source);
    HardwareState state =
        new HardwareState("qemu", "pc", "x86_64", List.of(), List.of(), List.of(), List.of(vga));
    PipedInputStream in = new PipedInputStream(1 << 20);
    PipedOutputStream out = new PipedOutputStream(in);
    Thread writer =
        new Thread(
            () -> {
              try (out) {
                HardwareXmlWriter.write(state, out);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    writer.start();
    assertEquals(List.of(), HardwareXmlReader.edits(in, "hardware.xml", state));
    writer.join();
  }
}
