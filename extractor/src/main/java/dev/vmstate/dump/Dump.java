package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.container.Container;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.kdump.FlatRecord;
import dev.vmstate.kdump.KdumpHeader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A dump of a machine's RAM and CPUs, opened read-only: what every kind of it can tell. */
public abstract class Dump implements Closeable {
  private static final String ELF = "\u007fELF";

  Dump() {}

  /** Whether a file that starts with {@code front} may be a dump; 12 bytes tell. */
  public static boolean startsWith(ByteBuffer front) {
    String start = StandardCharsets.ISO_8859_1.decode(front.duplicate()).toString();
    return start.startsWith(ELF)
        || start.startsWith(KdumpHeader.KDUMP_SIGNATURE)
        || start.startsWith(FlatRecord.SIGNATURE);
  }

  /**
   * Opens a dump of any kind. Closing it frees memory outside the heap; the file is the caller's.
   *
   * @throws dev.vmstate.bytes.FormatException when it is none, or a damaged one
   */
  public static Dump open(ByteSource file) throws IOException {
    if (starts(file, FlatRecord.SIGNATURE)) {
      return open(new FlattenedSource(file), true);
    }
    return open(file, false);
  }

  private static Dump open(ByteSource dump, boolean flattened) throws IOException {
    return starts(dump, ELF) ? ElfDump.read(dump, flattened) : KdumpDump.read(dump, flattened);
  }

  private static boolean starts(ByteSource file, String with) throws IOException {
    Span front = new Span(0, Math.min(with.length(), file.size()));
    return StandardCharsets.ISO_8859_1.decode(file.read(front)).toString().equals(with);
  }

  /** The container's stable name: {@code elf-core} or {@code kdump}. */
  public abstract String container();

  /** What else is to be said of it. */
  public abstract List<Container.Fact> facts();

  /** Who wrote it: {@code qemu}, as its notes show, or {@code unknown}. */
  public abstract String vmm();

  /** The processor: {@code x86_64}, {@code i386}, {@code aarch64} … or {@code unknown}. */
  public abstract String arch();

  /** Bytes of a page. */
  public abstract int pageSize();

  /** The x86 CPUs, by their number; empty for other processors. */
  public abstract List<X86Cpu> cpus();

  /** Its memory: a block for each contiguous range of physical addresses. */
  public abstract DumpMemory memory();

  @Override
  public void close() throws IOException {}
}
