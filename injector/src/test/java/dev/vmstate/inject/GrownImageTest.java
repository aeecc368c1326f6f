package dev.vmstate.inject;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.fixtures.LibvirtSaveBuilder;
import dev.vmstate.fixtures.MigrationStreamBuilder;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A save image whose domain XML outgrows its place: everything behind it moves. */
class GrownImageTest {
  private static final int DATA = 4096;
  private static final int PAYLOAD = 92 + DATA;
  private static final int MIB = 1 << 20;

  @TempDir private Path directory;

  private static MigrationStreamBuilder sparse(long streamAt, int irr) {
    return new MigrationStreamBuilder("pc-q35-10.0")
        .mappedRam()
        .streamAt(streamAt)
        .block("pc.ram", 0x200000)
        .block("pc.bios", 0x10000)
        .mappedPage("pc.ram", 0, 1)
        .mappedPage("pc.ram", 77, 2)
        .mappedPage("pc.bios", 15, 3)
        .device("i8259", 1, d -> d.u8("irr", irr));
  }

  private static byte[] image(byte[] xml, int data, byte[] stream) {
    return new LibvirtSaveBuilder()
        .format(6)
        .dataLength(data)
        .cookie("<cookie/>")
        .xml(new String(xml, UTF_8))
        .build(stream);
  }

  private static byte[] xml(int length) {
    String start = "<domain><!--";
    return (start + "x".repeat(length - start.length() - 12) + "--></domain>").getBytes(UTF_8);
  }

  private Path image() throws IOException {
    return Files.write(
        directory.resolve("vm.save"), image(xml(100), DATA, sparse(PAYLOAD, 1).build()));
  }

  private EditPlan plan(StreamSnapshot snapshot, byte[] xml) throws IOException {
    SaveImageEdit saved = SaveImageEdit.of(snapshot.holder()).orElseThrow();
    saved.domainXml(xml, "new.xml", "test");
    EditSet fields = new EditSet();
    FieldPath irr = FieldPath.find(snapshot.devices(), "i8259/irr");
    FieldEdit edit = FieldValue.edit(irr, "9", "test");
    fields.add(edit);
    return EditPlan.of(snapshot, fields, Optional.of(saved));
  }

  @Test
  void inASparseImageTheStreamMovesByMebibytesAndItsOffsetsFollow() throws Exception {
    Path output = directory.resolve("new.save");
    for (int length : new int[] {DATA, MIB, 2 * MIB - 70_000}) {
      byte[] xml = xml(length);
      try (StreamSnapshot snapshot = StreamSnapshot.open(image());
          EditPlan plan = plan(snapshot, xml)) {
        plan.writeTo(output, Progress.NONE);
      }
      int by = (length + 20 + (64 << 10) - DATA + MIB - 1) / MIB * MIB;
      assertArrayEquals(
          image(xml, DATA + by, sparse(PAYLOAD + by, 9).build()), Files.readAllBytes(output));
    }
  }

  @Test
  void pagesThatWereNotSavedStayHoles() throws Exception {
    Path image = image();
    Path output = directory.resolve("new.save");
    try (StreamSnapshot snapshot = StreamSnapshot.open(image);
        EditPlan plan = plan(snapshot, xml(DATA))) {
      plan.writeTo(output, Progress.NONE);
    }
    Process du = new ProcessBuilder("du", "-k", output.toString()).start();
    String kib = new String(du.getInputStream().readAllBytes(), UTF_8).split("\\s")[0];
    assertTrue(Integer.parseInt(kib) < 1536, kib + " KiB of " + Files.size(output));
  }

  @Test
  void inPlaceItIsRefusedAndTheImageStays() throws Exception {
    Path image = image();
    byte[] before = Files.readAllBytes(image);
    try (StreamSnapshot snapshot = StreamSnapshot.open(image);
        EditPlan plan = plan(snapshot, xml(DATA))) {
      IOException e = assertThrows(IOException.class, plan::inPlace);
      assertTrue(e.getMessage().contains("write a new file with -o"), e.getMessage());
      assertEquals(1, plan.dryRun().metadata().size());
    }
    assertArrayEquals(before, Files.readAllBytes(image));
  }
}
