package dev.vmstate.inject;

import static dev.vmstate.inject.Edits.assertSameBytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Core, document and manifest together. */
class InjectionTest {
  @TempDir Path directory;
  private Path vm;
  private Path snapshot;
  private Path output;
  private TestMachine machine;
  private byte[] stream;

  private void extract(TestMachine built) throws IOException {
    machine = built;
    stream = built.stream();
    vm = directory.resolve("vm");
    snapshot = built.write(directory.resolve("vm.mig"));
    output = directory.resolve("new.mig");
    TestMachine.extract(snapshot, vm);
  }

  private static TestMachine small() {
    return new TestMachine(1).part(pass -> pass.pages(TestMachine.RAM, 0, 3));
  }

  private String refused() throws IOException {
    byte[] before = Files.readAllBytes(snapshot);
    IOException e = assertThrows(IOException.class, () -> Edits.inject(vm, output));
    assertFalse(Files.exists(output));
    assertThrows(IOException.class, () -> Edits.inPlace(vm, Opener.PLAIN));
    assertSameBytes(before, Files.readAllBytes(snapshot), "the snapshot");
    assertFalse(Files.exists(UndoJournal.beside(snapshot)));
    assertFalse(e.getMessage().contains("\n"), e.getMessage());
    return e.getMessage();
  }

  @Test
  void fieldsOfTheDocumentAndBytesOfTheCoreGoTogether() throws IOException {
    extract(small().withEarlySection());
    Path xml = vm.resolve(Extraction.HARDWARE);
    Edits.text(
        xml,
        "name=\"period\" type=\"uint32\" value=\"57005\"", //
        "name=\"period\" type=\"uint32\" value=\"7\"");
    Edits.text(xml, "value=\"16909060\"", "value=\"16909061\"");
    Edits.memory(vm.resolve(Extraction.CORE), 50 * 4096, (byte) 1);
    Edits.memory(vm.resolve(Extraction.CORE), 5, (byte) 0x77);
    InjectionReport report = Edits.inject(vm, output);
    assertEquals(2, report.fields().size());
    byte[] expected = stream.clone();
    for (FieldEdit edit : report.fields()) {
      int at = (int) edit.where().offset();
      System.arraycopy(edit.after().array(), 0, expected, at, edit.after().array().length);
    }
    byte[] ram = machine.memory(TestMachine.RAM);
    ram[5] = 0x77;
    ram[50 * 4096] = 1;
    expected = MemoryEditTest.expected(machine, expected, java.util.Map.of(TestMachine.RAM, ram));
    assertSameBytes(expected, Files.readAllBytes(output), "new");
    Edits.inPlace(vm, Opener.PLAIN);
    assertSameBytes(expected, Files.readAllBytes(snapshot), "in place");
    InPlace.undo(snapshot);
    assertSameBytes(stream, Files.readAllBytes(snapshot), "taken back");
  }

  @Test
  void anErrorInTheDocumentNamesItsLine() throws IOException {
    extract(small());
    Path xml = vm.resolve(Extraction.HARDWARE);
    String text = Files.readString(xml);
    String period = "name=\"period\" type=\"uint32\" value=\"57005\"";
    int line = (int) text.substring(0, text.indexOf(period)).lines().count();
    for (String value : new String[] {"4294967296", "-1", "x", ""}) {
      Files.writeString(xml, text.replace(period, period.replace("57005", value)));
      String message = refused();
      assertTrue(message.startsWith(xml + ": line " + line + ": "), message);
    }
    Files.writeString(xml, text.replace("bytes=\"393216\"", "bytes=\"393217\""));
    assertTrue(refused().contains("line"));
    Files.writeString(xml, text.substring(0, text.length() / 2));
    assertTrue(refused().startsWith(xml.toString()));
  }

  @Test
  void aSnapshotThatChangedSinceIsRefused() throws IOException {
    extract(small().withEarlySection());
    Edits.memory(vm.resolve(Extraction.CORE), 5, (byte) 0x77);
    String name = "pc-i440fx";
    int[] places = {
      machine.dataAt(stream, TestMachine.RAM, 1) + 77, // a page's byte
      machine.dataAt(stream, TestMachine.RAM, 1) - 7, // its page number: now page 2 comes twice
      machine.appendAt(stream) + 60, // a device's byte
      stream.length - 3, // the description's end
      indexOf("\u0005early") + 6 + 8 + 2 // a device before RAM
    };
    for (int at : places) {
      byte[] other = stream.clone();
      other[at] ^= (byte) (at == places[1] ? 0x30 : 1);
      Files.write(snapshot, other);
      String message = refused();
      assertTrue(message.startsWith(snapshot + ": "), at + ": " + message);
    }
    Files.write(snapshot, java.util.Arrays.copyOf(stream, stream.length + 1));
    assertTrue(refused().contains("has changed since it was extracted"), name);
    Files.write(snapshot, stream);
    Edits.inject(vm, output);
  }

  private int indexOf(String text) {
    return new String(stream, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf(text);
  }

  @Test
  void aRamByteThatChangedIsNoticedWithoutTheCoreToo() throws IOException {
    extract(small());
    Files.delete(vm.resolve(Extraction.CORE));
    Edits.text(
        vm.resolve(dev.vmstate.exchange.Manifest.FILE),
        "\"core\" : \"core.elf\"",
        "\"core\" : null");
    byte[] other = stream.clone();
    other[machine.dataAt(stream, TestMachine.RAM, 1)]++;
    Files.write(snapshot, other);
    assertTrue(refused().contains("its memory is another one"));
  }

  @Test
  void aCoreOfAnotherMachineIsRefused() throws IOException {
    extract(small());
    Path core = vm.resolve(Extraction.CORE);
    ForeignCore.write(core, new byte[0], new ForeignCore.Load(1L << 40, 4096, new byte[4096]));
    assertTrue(refused().contains("no memory at the addresses this machine has"));
    Files.write(core, stream);
    assertTrue(refused().contains("not an ELF file"));
    Files.write(core, new byte[0]);
    refused();
  }

  @Test
  void aCoreCutShortIsRefused() throws IOException {
    extract(small());
    Path core = vm.resolve(Extraction.CORE);
    try (var file = new java.io.RandomAccessFile(core.toFile(), "rw")) {
      file.setLength((4 << 20) + 100);
    }
    assertTrue(refused().contains("cut short"));
  }

  @Test
  void withoutAnythingToInjectThePlanIsEmpty() throws IOException {
    extract(small());
    try (StreamSnapshot opened = StreamSnapshot.open(snapshot);
        EditPlan plan =
            Injection.plan(
                opened, Optional.empty(), Optional.empty(), Optional.empty(), Progress.NONE)) {
      assertTrue(plan.dryRun().isEmpty());
      assertTrue(plan.inPlace().isEmpty());
      assertFalse(Files.exists(UndoJournal.beside(snapshot)));
    }
  }
}
