package dev.vmstate.convert.kvm;

import dev.vmstate.bytes.Progress;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.kvmdir.DirectoryWriter;
import dev.vmstate.kvmdir.KvmDirectory;
import dev.vmstate.kvmdir.MachineConfig;
import dev.vmstate.kvmdir.SparseFile;
import dev.vmstate.kvmstate.StateDocument;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** A stream's machine as a directory that the KVM runner resumes. */
public final class KvmForm {
  private static final int PAGE = 4096;
  private static final int CHUNK = 1 << 20;
  private static final int COM1 = 0x3f8;

  /** HF_SMM. */
  private static final int SMM = 19;

  /** What QEMU keeps of itself and no guest ever sees. */
  private static final Set<String> OWN = Set.of("timer", "globalstate", "kvm-tpr-opt", "kvmclock");

  /** Memory of a device, not of the machine: it is gone with the device. */
  private static final String DEVICE_MEMORY = ".*(vram|\\.rom|vga|qxl|mmio).*";

  private record Piece(MemoryMap.Range from, StateDocument.Range as) {}

  private final StreamSnapshot snapshot;
  private final StreamMachine machine;
  private final MemoryMap map;
  private final List<Piece> pieces = new ArrayList<>();
  private final List<String> leftMemory = new ArrayList<>();

  /**
   * Looks at what there is to be converted; writes nothing.
   *
   * @throws IOException when it is no machine that KVM could run
   */
  public KvmForm(StreamSnapshot snapshot) throws IOException {
    this.snapshot = snapshot;
    this.machine = StreamMachine.of(snapshot.source().toString(), snapshot.devices());
    this.map = snapshot.memoryMap();
    for (X86Cpu cpu : snapshot.cpus()) {
      if ((cpu.find("hflags").map(Register::value).orElse(0L) >>> SMM & 1) != 0) {
        throw new UnsupportedFormatException(
            snapshot.source().toString(),
            0,
            "CPU %d is in system management mode, which the runner does not have: save it again"
                .formatted(cpu.index()));
      }
    }
    memory();
  }

  private void memory() {
    Set<String> names = new HashSet<>();
    Set<Integer> mapped = new HashSet<>();
    for (MemoryMap.Range range : map.ranges()) {
      String block = map.blocks().get(range.block()).name();
      boolean device = block.matches(DEVICE_MEMORY) && !block.equals("pc.rom");
      if (device || ((range.start() | range.bytes() | range.offset()) & PAGE - 1) != 0) {
        leftMemory.add(block);
        continue;
      }
      mapped.add(range.block());
      String name = plain(block) + (range.offset() == 0 ? "" : "+0x%x".formatted(range.offset()));
      while (!names.add(name)) {
        name += "'";
      }
      pieces.add(new Piece(range, new StateDocument.Range(name, range.start(), range.bytes())));
    }
  }

  /** A name that needs no escapes. */
  private static String plain(String block) {
    return block.replaceAll("[^!-~]|[\"\\\\]", "_");
  }

  /** Sections of devices that the runner does not have, whose state is lost. */
  public List<String> leftBehind() throws IOException {
    List<String> left = new ArrayList<>();
    for (DeviceSection section : snapshot.devices()) {
      if (!machine.takes(section) && !OWN.contains(section.name())) {
        left.add(section.label());
      }
    }
    return left;
  }

  /** Parts of the sections that go over which KVM has no place for. */
  public List<String> unmapped() throws IOException {
    return Unmapped.of(snapshot.devices(), snapshot.cpus());
  }

  /** Memory of devices, which does not go over. */
  public List<String> leftMemory() {
    return List.copyOf(leftMemory);
  }

  /** What goes over otherwise than the stream has it, and why. */
  public List<String> mended() throws IOException {
    return machine.mended();
  }

  /** Writes the directory; it appears when it is complete. */
  public void writeTo(Path output, Progress progress) throws IOException {
    DirectoryWriter.refuseExisting(output);
    MachineValues values = machine.toKvm();
    List<StateDocument.Range> ranges = pieces.stream().map(Piece::as).toList();
    GuestMemory memory = snapshot.memory();
    try (DirectoryWriter writer = new DirectoryWriter(output)) {
      writer.write(MachineConfig.FILE, config().text());
      writer.write(KvmDirectory.STATE, MachineValues.text(values, ranges));
      long total = pieces.stream().mapToLong(piece -> piece.from().bytes()).sum();
      progress.start("writing " + output.getFileName(), total);
      try (SparseFile file = writer.sparse(KvmDirectory.MEMORY)) {
        ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
        for (Piece piece : pieces) {
          copy(memory, piece.from(), file, chunk, progress);
        }
      }
      progress.at(total);
      writer.commit();
    }
  }

  private static void copy(
      GuestMemory memory,
      MemoryMap.Range range,
      SparseFile file,
      ByteBuffer chunk,
      Progress progress)
      throws IOException {
    for (long done = 0; done < range.bytes(); ) {
      int length = (int) Math.min(CHUNK, range.bytes() - done);
      long from = range.offset() + done;
      if (memory.isZero(range.block(), from, length)) {
        file.skip(length);
      } else {
        memory.readBlock(range.block(), from, chunk.clear().limit(length));
        file.write(chunk.flip());
      }
      done += length;
      progress.at(file.size());
    }
  }

  private MachineConfig config() {
    long bytes = pieces.stream().mapToLong(piece -> piece.from().bytes()).sum();
    return new MachineConfig(
        machine.cpuCount(),
        machine.cpuCount(),
        bytes,
        Optional.empty(),
        true,
        machine.hasSerial() ? OptionalInt.of(COM1) : OptionalInt.empty(),
        OptionalInt.empty(),
        List.of());
  }
}
