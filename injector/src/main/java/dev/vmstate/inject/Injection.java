package dev.vmstate.inject;

import dev.vmstate.bytes.Progress;
import dev.vmstate.device.EditSet;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.exchange.Manifest;
import dev.vmstate.exchange.StreamFingerprint;
import dev.vmstate.exchange.VmcoreinfoVisitor;
import dev.vmstate.hardware.HardwareXmlReader;
import dev.vmstate.layout.LayoutFit;
import dev.vmstate.linked.Checksums;
import dev.vmstate.linked.CpuLinks;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.ram.PageVisitor;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Compares an edited core and an edited hardware.xml with the snapshot they came from, and makes
 * the plan of what is to change. Writes nothing.
 */
public final class Injection {
  private Injection() {}

  /**
   * Finds what is to change.
   *
   * @param core the edited core, if there is one
   * @param hardware the edited hardware.xml, if there is one
   * @param manifest what the two were extracted from; when present the snapshot must still be that
   * @throws IOException when the edits contradict each other or the snapshot is another one
   */
  public static EditPlan plan(
      EditableSnapshot snapshot,
      Optional<Path> core,
      Optional<Path> hardware,
      Optional<Manifest> manifest,
      Progress progress)
      throws IOException {
    if (core.isPresent()) {
      snapshot.randomAccess(progress); // pages are compared with the core in the order of memory
    }
    if (manifest.isPresent()) {
      checkSource(snapshot, manifest.get());
    }
    EditSet fields = new EditSet();
    if (hardware.isPresent()) {
      try (InputStream in =
          new BufferedInputStream(Files.newInputStream(hardware.get()), 1 << 16)) {
        fields.addAll(HardwareXmlReader.edits(in, hardware.get().toString(), snapshot.hardware()));
        Checksums.follow(snapshot.devices(), fields, hardware.get().toString());
        LayoutFit.warn(snapshot.devices(), fields);
      }
    }
    if (core.isEmpty()) {
      CpuLinks.follow(snapshot.cpus(), snapshot.devices(), fields);
      if (manifest.isPresent() && manifest.get().pages() != null) {
        StreamFingerprint fingerprint = new StreamFingerprint(snapshot.pageSize());
        snapshot.scan(fingerprint, progress);
        checkPages(snapshot, manifest.get(), fingerprint);
      }
      return new EditPlan(snapshot, fields, Optional.empty(), hardware.stream().toList(), () -> {});
    }
    CoreBytes bytes = new CoreBytes(core.get());
    try {
      VmcoreinfoVisitor vmcoreinfos = new VmcoreinfoVisitor(snapshot.pageSize());
      Optional<RamEdits> ram = compare(snapshot, bytes, fields, manifest, vmcoreinfos, progress);
      List<Path> inputs = Stream.concat(core.stream(), hardware.stream()).toList();
      return new EditPlan(snapshot, fields, ram, inputs, bytes)
          .withNotes(VmcoreinfoNote.edited(snapshot, CoreFile.open(bytes), vmcoreinfos.pages()));
    } catch (IOException | RuntimeException e) {
      bytes.close();
      throw e;
    }
  }

  private static Optional<RamEdits> compare(
      EditableSnapshot snapshot,
      CoreBytes bytes,
      EditSet fields,
      Optional<Manifest> manifest,
      PageVisitor alongside,
      Progress progress)
      throws IOException {
    CoreFile core = CoreFile.open(bytes).requireX86();
    fields.addAll(CoreRegisters.edits(core, snapshot.cpus()));
    CpuLinks.follow(snapshot.cpus(), snapshot.devices(), fields);
    MemoryMap map = snapshot.memoryMap();
    CorePlaces places = new CorePlaces(core, map);
    if (places.isEmpty()) {
      throw new IOException(
          "%s: holds no memory at the addresses this machine has: is it another machine's core?"
              .formatted(bytes.name()));
    }
    CoreComparison comparison = new CoreComparison(bytes, places, snapshot.blocks());
    StreamFingerprint fingerprint = new StreamFingerprint(snapshot.pageSize());
    PageVisitor all = PageVisitor.both(PageVisitor.both(comparison, fingerprint), alongside);
    RamIndex index = snapshot.scan(all, progress);
    if (manifest.isPresent() && manifest.get().pages() != null) {
      checkPages(snapshot, manifest.get(), fingerprint);
    }
    ChangedPages changed = comparison.finish(index);
    return Optional.of(new CoreEdits(snapshot.memory(), index, changed, bytes, places));
  }

  private static void checkSource(EditableSnapshot snapshot, Manifest manifest) throws IOException {
    if (snapshot.holder().ownSize() != manifest.size()) {
      throw changed(
          snapshot,
          "it was 0x%x bytes long, now it is 0x%x"
              .formatted(manifest.size(), snapshot.holder().ownSize()));
    }
    if (!Objects.equals(Extraction.deviceFingerprint(snapshot), manifest.devices())) {
      throw changed(snapshot, "its device state is another one");
    }
  }

  private static void checkPages(
      EditableSnapshot snapshot, Manifest manifest, StreamFingerprint fingerprint)
      throws IOException {
    if (!fingerprint.pages().equals(manifest.pages())) {
      throw changed(snapshot, "its memory is another one");
    }
  }

  private static IOException changed(EditableSnapshot snapshot, String how) {
    return new IOException(
        "%s: has changed since it was extracted (%s): extract it again, or inject into the snapshot"
                .formatted(snapshot.source(), how)
            + " the core and XML came from");
  }
}
