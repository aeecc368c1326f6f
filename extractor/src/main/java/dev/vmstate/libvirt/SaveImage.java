package dev.vmstate.libvirt;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.FormatException;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What libvirt puts before QEMU's bytes in a save image.
 *
 * <pre>
 * image ::= header (92 bytes), data (data_len bytes), payload
 * data  ::= XML NUL [cookie NUL] zeros
 * </pre>
 *
 * <p>The domain XML is what {@code virsh restore} starts QEMU by. The cookie ({@code <cookie>},
 * since libvirt 3.x) holds what the XML does not, like the CPU as QEMU really made it. libvirt
 * leaves 64 KiB of zeros so that {@code virsh save-image-edit} can make the XML longer; images
 * written by 1.3.2 to 6.2 have none. Neither a checksum nor the payload's length is kept anywhere.
 *
 * <p>Source: {@code src/qemu/qemu_saveimage.c}, virQEMUSaveDataWrite, qemuSaveImageReadHeader.
 */
public final class SaveImage {
  /**
   * More than this between header and payload is no XML: a string that goes through libvirt's
   * protocol has at most 4 MiB (REMOTE_STRING_MAX).
   */
  public static final int MOST_DATA = 8 << 20;

  private static final int BLOCK = 4096;

  /** The room libvirt leaves behind XML and cookie. */
  static final int ROOM = 64 << 10;

  private final String place;
  private final SaveHeader header;
  private final byte[] data;
  private final int xmlLength;
  private final Optional<Span> cookie;
  private final SaveFormat format;
  private final List<String> notes;

  private SaveImage(
      String place,
      SaveHeader header,
      byte[] data,
      int xmlLength,
      Optional<Span> cookie,
      SaveFormat format,
      List<String> notes) {
    this.place = place;
    this.header = header;
    this.data = data;
    this.xmlLength = xmlLength;
    this.cookie = cookie;
    this.format = format;
    this.notes = List.copyOf(notes);
  }

  /** Whether a file that starts so is a save image, finished or not. */
  public static boolean startsWith(ByteBuffer front) {
    return StandardCharsets.ISO_8859_1
        .decode(front.duplicate())
        .toString()
        .startsWith(SaveHeader.EITHER_MAGIC);
  }

  /**
   * Reads everything before the payload, and the payload's first bytes.
   *
   * @throws FormatException when a length does not hold together with the file
   */
  public static SaveImage read(ByteSource file) throws IOException {
    String place = file.name();
    SaveHeader header = SaveHeader.decode(some(file, 0, SaveHeader.SIZE), place);
    long length = header.dataLength();
    if (length == 0 || length > MOST_DATA) {
      throw new FormatException(
          place,
          SaveHeader.DATA_LEN,
          "'data_len' is %d, expected 1 to %d: the header is damaged".formatted(length, MOST_DATA));
    }
    byte[] data = some(file, SaveHeader.SIZE, (int) length);
    if (data.length < length) {
      throw new FormatException(
          place,
          SaveHeader.DATA_LEN,
          "'data_len' is %d, %d bytes are left (is the file cut short?)"
              .formatted(length, data.length));
    }
    byte[] magic = some(file, SaveHeader.SIZE + length, SaveFormat.LONGEST_MAGIC);
    return of(place, header, data, ByteBuffer.wrap(magic));
  }

  /** Bytes from {@code offset} on, as many as there are. */
  private static byte[] some(ByteSource file, long offset, int most) throws IOException {
    byte[] bytes = new byte[most];
    return Arrays.copyOf(bytes, file.readSome(offset, ByteBuffer.wrap(bytes)));
  }

  /**
   * An image that is to be written: version 2, little-endian, finished, with the room libvirt
   * leaves behind XML and cookie; the payload starts at a multiple of 4096.
   *
   * @param xml the domain XML without a NUL
   * @param cookie the cookie without a NUL
   */
  public static SaveImage create(
      byte[] xml, Optional<byte[]> cookie, boolean running, SaveFormat format) {
    SaveHeader header = SaveHeader.create(format.number()).withWasRunning(running);
    byte[] kept = cookie.map(bytes -> Arrays.copyOf(bytes, bytes.length + 1)).orElse(new byte[0]);
    long length = xml.length + 1L + kept.length + ROOM + SaveHeader.SIZE;
    long rounded = (length + BLOCK - 1) / BLOCK * BLOCK - SaveHeader.SIZE;
    byte[] data = Arrays.copyOf(xml, Math.toIntExact(rounded));
    System.arraycopy(kept, 0, data, xml.length + 1, kept.length);
    Optional<Span> at = cookie.map(bytes -> new Span(xml.length + 1L, bytes.length));
    SaveHeader lengths =
        header.withDataLength(data.length).withCookieOffset(at.map(Span::offset).orElse(0L));
    return new SaveImage("new image", lengths, data, xml.length, at, format, List.of());
  }

  private static SaveImage of(String place, SaveHeader header, byte[] data, ByteBuffer payload)
      throws FormatException {
    List<String> notes = new ArrayList<>();
    if (!header.complete()) {
      notes.add("not finished (magic LibvirtQemudPart): libvirt refuses to restore it");
    }
    Optional<Span> cookie = cookie(place, header, data);
    int xmlLength = end(data, 0, cookie.map(span -> (int) span.offset()).orElse(data.length));
    SaveFormat format = format(place, header, payload, notes);
    return new SaveImage(place, header, data, xmlLength, cookie, format, notes);
  }

  /** libvirt takes everything before cookieOffset as the XML, so a NUL must stand before it. */
  private static Optional<Span> cookie(String place, SaveHeader header, byte[] data)
      throws FormatException {
    long offset = header.cookieOffset();
    if (offset == 0) {
      return Optional.empty();
    }
    if (offset >= data.length) {
      throw new FormatException(
          place,
          SaveHeader.COOKIE_OFFSET,
          "'cookieOffset' is %d, data_len is %d: the cookie must stand inside"
              .formatted(offset, data.length));
    }
    int at = (int) offset;
    if (data[at - 1] != 0) {
      throw new FormatException(
          place,
          SaveHeader.SIZE + offset - 1,
          "0x%02x before the cookie, expected the NUL that ends the domain XML"
              .formatted(data[at - 1]));
    }
    return Optional.of(new Span(at, end(data, at, data.length) - at));
  }

  /** The first NUL in {@code [from, to)}, or {@code to}: very old libvirt wrote none. */
  private static int end(byte[] data, int from, int to) {
    int at = from;
    while (at < to && data[at] != 0) {
      at++;
    }
    return at;
  }

  /** What the payload's first bytes say counts; what the header says is what libvirt will try. */
  private static SaveFormat format(
      String place, SaveHeader header, ByteBuffer payload, List<String> notes)
      throws FormatException {
    Optional<SaveFormat> said =
        header.version() == 1 ? Optional.of(SaveFormat.RAW) : SaveFormat.of(header.format());
    Optional<SaveFormat> seen = SaveFormat.sniff(payload);
    if (said.isPresent() && (seen.isEmpty() || seen.get().samePayload(said.get()))) {
      return said.get();
    }
    String word = said.map(SaveFormat::word).orElse("unknown to libvirt 11");
    if (seen.isEmpty()) {
      throw new FormatException(
          place,
          SaveHeader.FORMAT,
          "'format' is %d (%s), expected 0 to %d"
              .formatted(header.format(), word, SaveFormat.values().length - 1));
    }
    notes.add(
        "the header says format %d (%s), but QEMU's part is %s: libvirt cannot restore it so"
            .formatted(header.format(), word, seen.get().word()));
    return seen.get();
  }

  /** The header. */
  public SaveHeader header() {
    return header;
  }

  /** How the payload is packed. */
  public SaveFormat format() {
    return format;
  }

  /** What is odd about the image, for people. */
  public List<String> notes() {
    return notes;
  }

  /** File offset of the payload. */
  public long payloadAt() {
    return SaveHeader.SIZE + (long) data.length;
  }

  /** The domain XML's bytes, without the NUL behind it. */
  public byte[] domainXml() {
    return Arrays.copyOf(data, xmlLength);
  }

  /** The domain XML, read. */
  public DomainXml domain() throws FormatException {
    return DomainXml.parse(place + ": domain XML", domainXml());
  }

  /** The cookie's bytes, without the NUL behind it. */
  public Optional<byte[]> cookie() {
    return cookie.map(span -> Arrays.copyOfRange(data, (int) span.offset(), (int) span.end()));
  }

  /** How many bytes the domain XML may have before the payload has to move. */
  public long mostXml() {
    return data.length - 1L - cookie.map(span -> span.length() + 1).orElse(0L);
  }

  /** Everything before the payload, as it stands in the file. */
  public byte[] front() {
    ByteBuffer front = ByteBuffer.allocate(SaveHeader.SIZE + data.length);
    return front.put(header.encode()).put(data).array();
  }

  /** The same image with another header, whose lengths are this one's. */
  public SaveImage with(SaveHeader changed) {
    if (changed.dataLength() != header.dataLength()
        || changed.cookieOffset() != header.cookieOffset()) {
      throw new IllegalArgumentException("the lengths belong to the data");
    }
    return new SaveImage(place, changed, data, xmlLength, cookie, format, notes);
  }

  /**
   * The same image with another domain XML. Where the length stays, nothing else changes; where it
   * does not, the cookie moves and zeros fill the rest, as libvirt does it. If it does not fit,
   * {@link #payloadAt} grows: to a multiple of 4096, or, for a sparse image, by a multiple of 1
   * MiB, so that mapped-ram's pages stay aligned in the file.
   *
   * @param xml without a NUL
   */
  public SaveImage withDomainXml(byte[] xml) {
    byte[] kept = cookie().orElse(new byte[0]);
    int cookieLength = cookie.isPresent() ? kept.length + 1 : 0;
    if (xml.length == xmlLength) {
      byte[] changed = data.clone();
      System.arraycopy(xml, 0, changed, 0, xml.length);
      return new SaveImage(place, header, changed, xml.length, cookie, format, notes);
    }
    long needed = xml.length + 1L + cookieLength;
    byte[] changed = new byte[(int) (needed <= data.length ? data.length : grown(needed))];
    System.arraycopy(xml, 0, changed, 0, xml.length);
    System.arraycopy(kept, 0, changed, xml.length + 1, kept.length);
    Optional<Span> moved = cookie.map(span -> new Span(xml.length + 1L, span.length()));
    SaveHeader lengths =
        header.withDataLength(changed.length).withCookieOffset(moved.map(Span::offset).orElse(0L));
    return new SaveImage(place, lengths, changed, xml.length, moved, format, notes);
  }

  private long grown(long needed) {
    long least = SaveHeader.SIZE + needed + ROOM;
    long step = format == SaveFormat.SPARSE ? 1 << 20 : 4096;
    long base = format == SaveFormat.SPARSE ? payloadAt() % step : 0;
    return base + (least - base + step - 1) / step * step - SaveHeader.SIZE;
  }
}
