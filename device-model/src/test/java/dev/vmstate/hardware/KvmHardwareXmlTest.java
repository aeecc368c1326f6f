package dev.vmstate.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.cpu.KvmCpus;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.fixtures.KvmDirectoryBuilder;
import dev.vmstate.kvmstate.StateDocument;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The state of a KVM machine as hardware.xml, and back. */
class KvmHardwareXmlTest {
  private static HardwareState state;
  private static String document;

  @BeforeAll
  static void write() throws IOException {
    String text = new KvmDirectoryBuilder().state();
    StateDocument saved =
        StateDocument.parse("state.json", text.getBytes(StandardCharsets.US_ASCII));
    state =
        new HardwareState(
            "vmstate",
            "vmstate-kvm",
            "x86_64",
            saved.memoryMap().blocks(),
            KvmCpus.of(saved.sections()),
            List.of(),
            saved.sections());
    document = Documents.write(state);
  }

  private static List<FieldEdit> edits(String text) throws IOException {
    return Documents.edits(text, state);
  }

  @Test
  void anUneditedDocumentIsValidAndChangesNothing() throws Exception {
    Documents.validate(document);
    assertEquals(List.of(), edits(document));
  }

  @Test
  void anEditedRegisterChangesItsFieldsLowestByteFirst() throws IOException {
    List<FieldEdit> rip =
        edits(Documents.change(document, "\"rip\" value=\"0x8099\"", "\"rip\" value=\"0x123456\""));
    assertEquals(1, rip.size());
    assertEquals("cpu[0]/rip", rip.get(0).path());
    assertEquals("563412" + "0".repeat(10), hex(rip.get(0).after().array()));
    List<FieldEdit> flags =
        edits(
            Documents.change(
                document,
                "flags=\"0xa0fb00\" bits=\"A RW CODE S DPL=3 P L G\"",
                "flags=\"0xc0fb00\" bits=\"A RW CODE S DPL=3 P DB G\""));
    assertEquals(
        List.of("vcpu/sregs2/cs/l", "vcpu/sregs2/cs/db"),
        flags.stream().map(FieldEdit::path).toList());
  }

  @Test
  void anEditedFieldOfADeviceIsOneEdit() throws IOException {
    int at = document.indexOf("name=\"pic-master\"");
    assertTrue(at > 0);
    String imr = document.substring(document.indexOf("name=\"imr\"", at));
    imr = imr.substring(0, imr.indexOf("/>"));
    String with = imr.replaceFirst("value=\"[^\"]*\"", "value=\"0xfa\"");
    List<FieldEdit> edits =
        edits(
            document.substring(0, document.indexOf(imr, at))
                + with
                + document.substring(document.indexOf(imr, at) + imr.length()));
    assertEquals(List.of("pic-master/imr"), edits.stream().map(FieldEdit::path).toList());
  }

  private static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (byte b : bytes) {
      text.append("%02x".formatted(b));
    }
    return text.toString();
  }
}
