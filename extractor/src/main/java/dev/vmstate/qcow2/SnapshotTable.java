package dev.vmstate.qcow2;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.WindowedSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * All snapshots of an image, in table order. QEMU writes 16 or 24 bytes of extra data; old images
 * have none, and then the disk had the size it has now.
 *
 * @param span the whole table
 * @param snapshots its entries
 */
public record SnapshotTable(Span span, List<Qcow2Snapshot> snapshots) {
  /** QEMU's limits. */
  private static final int MOST_EXTRA = 1024;

  private static final long MOST_BYTES = 64 << 20;

  public SnapshotTable {
    snapshots = List.copyOf(snapshots);
  }

  static SnapshotTable decode(ByteSource image, Qcow2Header header) throws IOException {
    if (header.snapshotCount() == 0) {
      return new SnapshotTable(new Span(0, 0), List.of());
    }
    long start = header.snapshotsOffset();
    long end = Math.min(image.size(), start + MOST_BYTES);
    Cursor in =
        new Cursor(
            new WindowedSource(image, 1 << 16),
            image.name() + ": snapshot table",
            new Span(start, end - start));
    List<Qcow2Snapshot> all = new ArrayList<>();
    for (int i = 0; i < header.snapshotCount(); i++) {
      in.skip(-in.position() & 7, "padding");
      all.add(entry(in, header, image.size()));
    }
    return new SnapshotTable(new Span(start, in.position() - start), all);
  }

  private static Qcow2Snapshot entry(Cursor in, Qcow2Header header, long fileSize)
      throws IOException {
    long start = in.position();
    long l1Offset = in.u64("l1_table_offset");
    if (l1Offset < 0 || (l1Offset & (header.clusterSize() - 1)) != 0) {
      throw in.bad(
          "'l1_table_offset' is 0x%x, a multiple of the cluster size 0x%x expected"
              .formatted(l1Offset, header.clusterSize()));
    }
    long l1Size = in.u32("l1_size");
    if (l1Size > Qcow2Header.MOST_L1_BYTES / 8) {
      throw in.bad("an L1 table of %d entries, at most 4194304 expected".formatted(l1Size));
    }
    if (l1Size > 0 && (l1Offset == 0 || l1Offset > fileSize - l1Size * 8)) {
      throw in.bad(
          "an L1 table at 0x%x+0x%x, outside the file of 0x%x bytes (is it cut short?)"
              .formatted(l1Offset, l1Size * 8, fileSize));
    }
    int idLength = in.u16("id length");
    int nameLength = in.u16("name length");
    Instant date = Instant.ofEpochSecond(in.u32("seconds"), in.u32("nanoseconds"));
    long vmClock = in.u64("vm_clock_nsec");
    long vmStateSize = in.u32("vm_state_size");
    long extra = in.u32("extra_data_size");
    if (extra > MOST_EXTRA) {
      throw in.bad("%d bytes of extra data, at most 1024 expected".formatted(extra));
    }
    long extraEnd = in.position() + extra;
    if (extra >= 8) {
      vmStateSize = in.u64("vm_state_size_large");
      if (vmStateSize < 0) {
        throw in.bad("a VM state of 0x%x bytes".formatted(vmStateSize));
      }
    }
    long diskSize = extra >= 16 ? in.u64("disk_size") : header.diskSize();
    if (diskSize < 0) {
      throw in.bad("a disk of 0x%x bytes".formatted(diskSize));
    }
    OptionalLong icount = extra >= 24 ? icount(in.u64("icount")) : OptionalLong.empty();
    in.skip(extraEnd - in.position(), "extra data");
    String id = text(in, idLength, "id");
    String name = text(in, nameLength, "name");
    long end = in.position() + Math.min(-in.position() & 7, in.remaining());
    return new Qcow2Snapshot(
        id,
        name,
        new Span(l1Offset, l1Size * 8),
        date,
        vmClock,
        vmStateSize,
        diskSize,
        icount,
        new Span(start, end - start),
        (int) extra);
  }

  /** QEMU writes all ones where the guest ran without {@code -icount}, qemu-img writes 0. */
  private static OptionalLong icount(long word) {
    return word == -1 ? OptionalLong.empty() : OptionalLong.of(word);
  }

  /** UTF-8 as a rule; what is not is shown byte by byte. */
  private static String text(Cursor in, int length, String field) throws IOException {
    byte[] bytes = in.text(length, field).getBytes(StandardCharsets.ISO_8859_1);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return new String(bytes, StandardCharsets.ISO_8859_1);
    }
  }

  /** The snapshots' names with their ids, for messages: "'a' (1), 'b' (2)". */
  static String list(List<Qcow2Snapshot> snapshots) {
    StringBuilder text = new StringBuilder();
    for (Qcow2Snapshot snapshot : snapshots) {
      if (text.length() > 400) {
        return text.append(" and others").toString();
      }
      text.append(text.isEmpty() ? "" : ", ")
          .append("'%s' (id %s)".formatted(shown(snapshot.name()), shown(snapshot.id())));
    }
    return text.toString();
  }

  /** As it can stand in one line of a terminal. */
  static String shown(String text) {
    String line = text.replaceAll("\\p{Cc}", "?");
    return line.length() > 255 ? line.substring(0, 255) + "…" : line;
  }

  /**
   * The snapshot a person calls {@code wanted}: by name, and where no name fits by id. (QEMU's
   * loadvm takes the id first: with one snapshot named '2' and another one whose id is 2, {@code
   * loadvm 2} silently loads the other one.)
   */
  Qcow2Snapshot find(String place, String wanted) throws IOException {
    List<Qcow2Snapshot> found = snapshots.stream().filter(s -> s.name().equals(wanted)).toList();
    if (found.isEmpty()) {
      found = snapshots.stream().filter(s -> s.id().equals(wanted)).toList();
    }
    if (found.size() > 1) {
      throw new FormatException(
          place,
          found.get(1).entry().offset(),
          "%d snapshots are called '%s': give one's id instead: %s"
              .formatted(found.size(), wanted, list(found)));
    }
    if (found.isEmpty()) {
      throw new FileNotFoundException(
          "%s: has no snapshot '%s'; it has %s"
              .formatted(place, wanted, snapshots.isEmpty() ? "none" : list(snapshots)));
    }
    return found.get(0);
  }
}
