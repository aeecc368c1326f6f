package dev.vmstate.libvirt;

import dev.vmstate.bytes.FormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The first 92 bytes of a save image, in the byte order of the machine that wrote it.
 *
 * <pre>
 *  0  magic         16 bytes, "LibvirtQemudSave", or "LibvirtQemudPart" until all is written
 * 16  version       u32, 2; version 1 knows no compression
 * 20  data_len      u32, bytes of XML, cookie and the zeros behind them
 * 24  was_running   u32, 1: 'virsh restore' starts the CPUs
 * 28  format        u32, {@link SaveFormat}
 * 32  cookieOffset  u32, where the cookie starts in the data; 0: there is none
 * 36  unused        14 u32
 * </pre>
 *
 * <p>Source: {@code qemu_saveimage_format.h}, struct _virQEMUSaveHeader. The magic has no byte
 * order; libvirt swaps the words when the version comes out above 2, and so does this. A header
 * keeps its bytes: what is not changed through it, unused words too, is written as it was read.
 */
public final class SaveHeader {
  /** Bytes of a header. */
  public static final int SIZE = 92;

  /** Bytes of the magic, and how both of its values begin. */
  static final String EITHER_MAGIC = "LibvirtQemud";

  private static final String SAVE = "LibvirtQemudSave";
  private static final String PART = "LibvirtQemudPart";
  private static final int VERSION = 16;
  static final int DATA_LEN = 20;
  private static final int WAS_RUNNING = 24;
  static final int FORMAT = 28;
  static final int COOKIE_OFFSET = 32;
  private static final int NEWEST = 2;

  private final byte[] bytes;
  private final ByteOrder order;

  private SaveHeader(byte[] bytes, ByteOrder order) {
    this.bytes = bytes;
    this.order = order;
  }

  /**
   * Reads a header.
   *
   * @param bytes the first 92 bytes of a file
   * @param place the file's name, for errors
   * @throws FormatException when the magic or the version is another one
   */
  static SaveHeader decode(byte[] bytes, String place) throws FormatException {
    if (bytes.length != SIZE) {
      throw new FormatException(
          place,
          0,
          "a libvirt save image starts with 92 bytes of header, here are %d (is the file cut short?)"
              .formatted(bytes.length));
    }
    String magic = new String(bytes, 0, SAVE.length(), StandardCharsets.ISO_8859_1);
    if (!magic.equals(SAVE) && !magic.equals(PART)) {
      throw new FormatException(
          place, 0, "'magic' is neither %s nor %s: no libvirt save image".formatted(SAVE, PART));
    }
    for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
      SaveHeader header = new SaveHeader(bytes.clone(), order);
      if (header.word(VERSION) >= 1 && header.word(VERSION) <= NEWEST) {
        return header;
      }
    }
    throw new FormatException(
        place,
        VERSION,
        "'version' is 0x%x, expected 1 or 2 in either byte order"
            .formatted(new SaveHeader(bytes, ByteOrder.LITTLE_ENDIAN).word(VERSION)));
  }

  /** A finished image's header of version 2, little-endian, without lengths yet. */
  static SaveHeader create(int format) {
    SaveHeader header = new SaveHeader(new byte[SIZE], ByteOrder.LITTLE_ENDIAN);
    return header.with(VERSION, NEWEST).with(FORMAT, format).withComplete(true);
  }

  /** The 92 bytes. */
  byte[] encode() {
    return bytes.clone();
  }

  /** Whether libvirt finished writing the image; it restores no other. */
  public boolean complete() {
    return new String(bytes, 0, SAVE.length(), StandardCharsets.ISO_8859_1).equals(SAVE);
  }

  /** The byte order of the words. */
  public ByteOrder order() {
    return order;
  }

  /** 1 or 2. */
  public int version() {
    return (int) word(VERSION);
  }

  /** Bytes between the header and what QEMU wrote, unsigned. */
  public long dataLength() {
    return word(DATA_LEN);
  }

  /** 0: paused, 1: running; libvirt takes every other number as running. */
  public long wasRunning() {
    return word(WAS_RUNNING);
  }

  /** The number of the payload's format, unsigned, known or not. */
  public long format() {
    return word(FORMAT);
  }

  /** Where the cookie starts, counted from the end of the header; 0: there is none. */
  public long cookieOffset() {
    return word(COOKIE_OFFSET);
  }

  /** The same but whether it is complete. */
  public SaveHeader withComplete(boolean complete) {
    byte[] changed = bytes.clone();
    byte[] magic = (complete ? SAVE : PART).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(magic, 0, changed, 0, magic.length);
    return new SaveHeader(changed, order);
  }

  /** The same with another {@link #dataLength}. */
  SaveHeader withDataLength(long length) {
    return with(DATA_LEN, length);
  }

  /** The same with another {@link #wasRunning}. */
  public SaveHeader withWasRunning(boolean running) {
    return with(WAS_RUNNING, running ? 1 : 0);
  }

  /** The same with another {@link #cookieOffset}. */
  SaveHeader withCookieOffset(long offset) {
    return with(COOKIE_OFFSET, offset);
  }

  private SaveHeader with(int at, long value) {
    byte[] changed = bytes.clone();
    ByteBuffer.wrap(changed).order(order).putInt(at, (int) value);
    return new SaveHeader(changed, order);
  }

  private long word(int at) {
    return ByteBuffer.wrap(bytes).order(order).getInt(at) & 0xffff_ffffL;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SaveHeader header && Arrays.equals(bytes, header.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }
}
