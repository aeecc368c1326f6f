package dev.vmstate.cli.guest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.fixtures.QemuImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Snapshots that savevm made of machines no guest has touched, edited inside their image: loadvm
 * shows the edit, QEMU goes on with the image, and finds nothing wrong with it.
 */
@Tag("qemu")
class InternalSnapshotTest {
  private static final long ADDRESS = 0x50_0000;
  private static final int PAGES = 40;

  @TempDir private Path folder;

  @ParameterizedTest(name = "{0}")
  @ValueSource(
      strings = {
        "cluster_size=64k",
        "compat=0.10,cluster_size=4k",
        "extended_l2=on,cluster_size=128k,refcount_bits=8",
      })
  void loadvmShowsWhatWasEdited(String options) throws Exception {
    assertLoadvmShowsWhatWasEdited(GuestMachine.hostQemu(), options);
  }

  @Tag("matrix")
  @ParameterizedTest(name = "QEMU {0}")
  @ValueSource(strings = {"5.2", "10.0", "11.1"})
  void otherVersionsOfQemuToo(String version) throws Exception {
    assertLoadvmShowsWhatWasEdited(GuestMachine.cachedQemu(version), "cluster_size=64k");
  }

  private static Machine machine(List<String> qemu, QemuImage image) throws IOException {
    GuestMachine machine = new GuestMachine(qemu, "pc", "16M").card("e1000", "52:54:00:0d:0d:01");
    machine.with("-drive", "if=virtio,format=qcow2,file=" + image.file());
    return Machine.fresh(machine.words());
  }

  private static void monitor(Machine machine, String command) throws IOException {
    assertEquals("", machine.qmp().human(command).strip(), command);
  }

  private static String word(Machine machine, long address) throws IOException {
    String said = machine.qmp().human("xp /1xw 0x%x".formatted(address));
    return said.substring(said.indexOf(':') + 1).strip();
  }

  private void assertLoadvmShowsWhatWasEdited(List<String> qemu, String options) throws Exception {
    QemuImage image = QemuImage.create(folder.resolve("disk.qcow2"), 8 << 20, options);
    image.io("write -q -P 5 0 1M");
    try (Machine fresh = machine(qemu, image)) {
      monitor(fresh, "savevm one");
      monitor(fresh, "savevm two");
    }
    byte[] disk = image.disk("one");
    QemuImage edited = new QemuImage(folder.resolve("edited.qcow2"));
    edit(image, 0x600df00d, "-o", edited.file().toString());
    edited.check();
    try (Machine loaded = machine(qemu, edited)) {
      monitor(loaded, "loadvm one");
      assertEquals("0x600df00d", word(loaded, ADDRESS));
      assertEquals("0x600df00d", word(loaded, ADDRESS + (PAGES - 1) * 4096));
      assertEquals("0x00000000", word(loaded, ADDRESS + PAGES * 4096));
      monitor(loaded, "savevm three");
      monitor(loaded, "loadvm two");
      assertEquals("0x00000000", word(loaded, ADDRESS));
      monitor(loaded, "loadvm one");
    }
    edited.check();
    // The active disk now shares the VM state, which must not change there.
    byte[] active = edited.activeVmState(1 << 20);
    edit(edited, 0x0badcafe, "--in-place");
    edited.check();
    assertArrayEquals(active, edited.activeVmState(1 << 20));
    try (Machine loaded = machine(qemu, edited)) {
      monitor(loaded, "loadvm one");
      assertEquals("0x0badcafe", word(loaded, ADDRESS));
      monitor(loaded, "loadvm three");
      assertEquals("0x600df00d", word(loaded, ADDRESS));
      monitor(loaded, "delvm two");
      monitor(loaded, "delvm one");
    }
    edited.check();
    assertArrayEquals(disk, edited.disk("three"));
  }

  /** Writes a word at the start of some pages of the snapshot 'one'. */
  private void edit(QemuImage image, int value, String... target) throws Exception {
    Path out = folder.resolve("out");
    Vmstate.run("extract", image.file() + "#one", "-o", out, "-q", "--force", "--no-symbols");
    Path core = out.resolve("core.elf");
    try (ElfDump dump = new ElfDump(core);
        FileChannel file = FileChannel.open(core, StandardOpenOption.WRITE)) {
      for (int i = 0; i < PAGES; i++) {
        long physical = ADDRESS + i * 4096L;
        ElfDump.Load load = dump.loadOf(physical).orElseThrow();
        ByteBuffer word = ByteBuffer.allocate(4).putInt(Integer.reverseBytes(value)).flip();
        file.write(word, load.offset() + physical - load.physical());
      }
    }
    List<Object> words = new ArrayList<>(List.of("inject", out, "-q"));
    words.addAll(List.of(target));
    Vmstate.run(words.toArray());
  }

  /** A stream that becomes an internal snapshot is one for QEMU too. */
  @Test
  void aConvertedStreamIsLoadedByName() throws Exception {
    List<String> qemu = GuestMachine.hostQemu();
    QemuImage image = QemuImage.create(folder.resolve("disk.qcow2"), 8 << 20, "");
    image.io("write -q -P 5 0 1M");
    Path stream = folder.resolve("vm.mig");
    Path with = folder.resolve("with.qcow2");
    try (Machine fresh = machine(qemu, image)) {
      fresh.save(stream);
    }
    Vmstate.run(
        "convert", stream, "--to", "qcow2", "--disk", image.file(), "--name", "new", "-o", with);
    QemuImage converted = new QemuImage(with);
    converted.check();
    assertTrue(converted.list().contains("new"));
    try (Machine loaded = machine(qemu, converted)) {
      monitor(loaded, "loadvm new");
      monitor(loaded, "savevm again");
    }
    converted.check();
    Path back = folder.resolve("back.mig");
    Vmstate.run("convert", with + "#new", "--to", "qemu-stream", "-o", back, "-q");
    assertEquals(-1, Files.mismatch(stream, back));
  }
}
