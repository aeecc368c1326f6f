package dev.vmstate.machine;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.container.FileSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;

/**
 * A file to be run: which of its bytes go where, and how the first instruction is reached.
 *
 * @param pieces by their addresses; none overlap
 * @param mode of the first instruction
 * @param entry its guest-physical address
 * @param protocol what else it is given
 */
record Payload(List<Piece> pieces, BootMode mode, long entry, Protocol protocol) {
  /** What is in registers and memory for the first instruction. */
  enum Protocol {
    /** Nothing. */
    NONE,
    /** Xen's: EBX points to {@code hvm_start_info}. */
    PVH,
    /** GRUB's first: EAX 0x2badb002, EBX points to its information. */
    MULTIBOOT
  }

  /**
   * Bytes of the file.
   *
   * @param gpa where they go
   * @param offset in the file
   * @param fileBytes how many
   * @param memoryBytes how many with the zeros behind them
   */
  record Piece(long gpa, long offset, long fileBytes, long memoryBytes) {
    long end() {
      return gpa + memoryBytes;
    }
  }

  private static final long REAL_LOAD = 0x1000;
  private static final long FLAT_LOAD = 0x100000;
  private static final long MEGABYTE = 0x100000;
  private static final int ELF_MAGIC = 0x7f454c46;

  Payload {
    pieces = pieces.stream().sorted(Comparator.comparingLong(Piece::gpa)).toList();
  }

  /**
   * What the file of {@code options} is.
   *
   * @throws FormatException when it is an ELF file that makes no sense, or is nothing
   */
  static Payload read(ByteSource file, MachineOptions options) throws IOException {
    if (file.size() == 0) {
      throw new FormatException(file.name(), 0, "the file is empty");
    }
    Payload found;
    if (file.size() >= 4 && file.read(new Span(0, 4)).getInt() == ELF_MAGIC) {
      if (options.load().isPresent()) {
        throw new FormatException(
            file.name(), 0, "an ELF file says itself where it goes: leave out the load address");
      }
      found = ElfPayload.read(file, options.mode());
    } else {
      found =
          MultibootHeader.flat(file, options)
              .orElseGet(
                  () -> {
                    BootMode mode = options.mode().orElse(BootMode.REAL16);
                    long load =
                        options.load().orElse(mode == BootMode.REAL16 ? REAL_LOAD : FLAT_LOAD);
                    Piece all = new Piece(load, 0, file.size(), file.size());
                    return new Payload(List.of(all), mode, load, Protocol.NONE);
                  });
    }
    OptionalLong entry = options.entry();
    return entry.isEmpty()
        ? found
        : new Payload(found.pieces, found.mode, entry.getAsLong(), found.protocol);
  }

  /**
   * Puts it into memory.
   *
   * @throws FormatException when it does not fit there, or the first instruction is outside
   */
  void load(ByteSource file, PhysicalRam ram) throws IOException {
    for (int i = 0; i < pieces.size(); i++) {
      Piece piece = pieces.get(i);
      if (!ram.has(piece.gpa, piece.memoryBytes)) {
        throw new FormatException(
            file.name(),
            piece.offset,
            "0x%x bytes for 0x%x, which is not in the RAM %s: more --memory or another place"
                .formatted(piece.memoryBytes, piece.gpa, ranges(ram)));
      }
      if (i > 0 && pieces.get(i - 1).end() > piece.gpa) {
        throw new FormatException(
            file.name(),
            piece.offset,
            "what goes to 0x%x overlaps what goes to 0x%x"
                .formatted(piece.gpa, pieces.get(i - 1).gpa));
      }
    }
    if (!ram.has(entry, 1)) {
      throw new FormatException(
          file.name(), 0, "entry 0x%x is not in the RAM %s".formatted(entry, ranges(ram)));
    }
    if (mode == BootMode.REAL16 && entry >= MEGABYTE) {
      throw new FormatException(
          file.name(), 0, "entry 0x%x: real mode reaches 0xfffff".formatted(entry));
    }
    for (Piece piece : pieces) {
      copy(file, piece, ram);
      ram.clear(piece.gpa + piece.fileBytes, piece.memoryBytes - piece.fileBytes);
    }
  }

  private static void copy(ByteSource file, Piece piece, PhysicalRam ram) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(piece.fileBytes, 1 << 20));
    for (long done = 0; done < piece.fileBytes; done += buffer.limit()) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), piece.fileBytes - done));
      file.read(piece.offset + done, buffer);
      ram.write(piece.gpa + done, buffer.flip());
    }
  }

  private static String ranges(PhysicalRam ram) {
    return String.join(
        " and ", ram.ranges().stream().map(r -> "0x%x-0x%x".formatted(r.gpa(), r.end())).toList());
  }

  /** Reads and loads in one step, for those who have a path. */
  static Payload load(MachineOptions options, PhysicalRam ram) throws IOException {
    try (FileSource file = new FileSource(options.payload())) {
      Payload payload = read(file, options);
      payload.load(file, ram);
      return payload;
    }
  }
}
