package dev.vmstate.libvirt;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * What stands behind a save image's metadata, by the number in its header (virQEMUSaveFormat; older
 * libvirt calls the word {@code compressed}). The compressed ones are what the program of that name
 * writes with {@code -c}.
 */
public enum SaveFormat {
  /** A migration stream as it is. */
  RAW("QEVM"),
  GZIP("\u001f\u008b"),
  BZIP2("BZh"),
  XZ("\u00fd7zXZ\0"),
  LZOP("\u0089LZO\0\r\n\u001a\n"),
  /** Since libvirt 10.4.0. */
  ZSTD("(\u00b5/\u00fd"),
  /** A migration stream with mapped-ram, whose offsets count in the file; since libvirt 11.2.0. */
  SPARSE("QEVM");

  /** Bytes {@link #sniff} needs to tell them apart. */
  static final int LONGEST_MAGIC = 9;

  private final String magic;

  SaveFormat(String magic) {
    this.magic = magic;
  }

  /** The number in the header. */
  public int number() {
    return ordinal();
  }

  /** libvirt's word for it, as {@code save_image_format} in qemu.conf takes it. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether a program has to unpack it. */
  public boolean compressed() {
    return this != RAW && this != SPARSE;
  }

  /** Whether the first bytes of the two's payloads are alike. */
  boolean samePayload(SaveFormat other) {
    return magic.equals(other.magic);
  }

  /** The format with that number; empty for one libvirt 11 does not know. */
  static Optional<SaveFormat> of(long number) {
    return Arrays.stream(values()).filter(format -> format.number() == number).findFirst();
  }

  /** By a payload's first bytes; {@link #RAW} for every migration stream. */
  static Optional<SaveFormat> sniff(ByteBuffer front) {
    String start = StandardCharsets.ISO_8859_1.decode(front).toString();
    return Arrays.stream(values()).filter(format -> start.startsWith(format.magic)).findFirst();
  }
}
