package dev.vmstate.core.elf;

import dev.vmstate.core.paging.VirtualMap;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Whole cores for tests. */
final class CoreBytes {
  private CoreBytes() {}

  static ByteBuffer notes(List<ElfNote> notes) {
    int bytes = notes.stream().mapToInt(ElfNote::bytes).sum();
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    notes.forEach(note -> note.encode(out));
    return out;
  }

  static LoadPlan write(Path path, GuestMemory memory, List<X86Cpu> cpus) throws IOException {
    CoreLayout layout = CoreLayout.of(memory.map().blocks(), cpus.size());
    LoadPlan plan = LoadPlan.of(layout, memory.map(), VirtualMap.of(memory, cpus));
    try (FileChannel out =
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      CoreWriter writer = new CoreWriter(layout, out);
      writer.writeMemory(memory);
      writer.writeHeader(CoreHeader.encode(layout, plan, CoreHeader.cpuNotes(cpus)));
    }
    return plan;
  }
}
