package dev.vmstate.checksum;

import dev.vmstate.bytes.Span;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32;

/**
 * A checksum over a field's bytes that stands among them. Bytes are those of the stream: arrays of
 * {@code uint16} are big-endian there, whatever the guest sees.
 */
public enum Checksum {
  /**
   * Words 0 to 0x3f of an EEPROM add up to 0xBABA; word 0x3f sees to it. Drivers of all Intel cards
   * verify it: {@code hw/net/e1000x_common.c} (e1000x_core_prepare_eeprom), {@code eepro100.c}
   * (nic_reset).
   */
  EEPROM("eeprom", 0, 128, 126, 2, "words 0 to 0x3f add up to 0xBABA") {
    @Override
    byte[] value(ByteBuffer bytes) {
      int sum = 0xBABA;
      for (int word = 0; word < 0x3f; word++) {
        sum -= bytes.getShort(2 * word);
      }
      return new byte[] {(byte) (sum >> 8), (byte) sum};
    }
  },

  /**
   * The last word of a 21140 serial ROM is the low half of the CRC-32 of the 126 bytes before it:
   * {@code hw/net/tulip.c}, tulip_srom_crc.
   */
  SROM("srom", 0, 128, 126, 2, "the CRC of 126 bytes") {
    @Override
    byte[] value(ByteBuffer bytes) {
      CRC32 crc = new CRC32();
      for (int i = 0; i < 126; i++) {
        crc.update(bytes.get(i ^ 1)); // the guest's bytes: low half of each word first
      }
      return new byte[] {(byte) (crc.getValue() >> 8), (byte) crc.getValue()};
    }
  },

  /**
   * Bytes 12 and 13 of pcnet's PROM are the little-endian sum of all 16, counted as 0 themselves:
   * {@code hw/net/pcnet.c}, pcnet_h_reset.
   */
  PROM("prom", 0, 16, 12, 2, "the sum of 16 bytes") {
    @Override
    byte[] value(ByteBuffer bytes) {
      int sum = 0;
      for (int i = 0; i < 16; i++) {
        sum += i == 12 || i == 13 ? 0 : bytes.get(i) & 0xff;
      }
      return new byte[] {(byte) sum, (byte) (sum >> 8)};
    }
  },

  /**
   * Bytes 0x2e and 0x2f of a PC's CMOS are the sum of 0x10 to 0x2d, high byte first. QEMU fills
   * them in for no one; firmware and DOS programs that verify it are why it is kept.
   */
  CMOS("cmos", 0x10, 48, 0x2e, 2, "the sum of bytes 0x10 to 0x2d") {
    @Override
    byte[] value(ByteBuffer bytes) {
      int sum = 0;
      for (int i = 0x10; i <= 0x2d; i++) {
        sum += bytes.get(i) & 0xff;
      }
      return new byte[] {(byte) (sum >> 8), (byte) sum};
    }
  };

  private final String id;
  private final int from;
  private final int covered;
  private final Span place;
  private final String rule;

  Checksum(String id, int from, int covered, int at, int length, String rule) {
    this.id = id;
    this.from = from;
    this.covered = covered;
    this.place = new Span(at, length);
    this.rule = rule;
  }

  /**
   * The checksum that tables call {@code id}.
   *
   * @throws IllegalArgumentException when there is none
   */
  public static Checksum of(String id) {
    return Arrays.stream(values())
        .filter(checksum -> checksum.id.equals(id))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no checksum '" + id + "'"));
  }

  /** The first byte it says something about. */
  public int from() {
    return from;
  }

  /** How many bytes from the start of the field it is computed of, itself included. */
  public int covered() {
    return covered;
  }

  /** Where it stands, from the start of the field. */
  public Span place() {
    return place;
  }

  /** What it is, for people. */
  public String rule() {
    return rule;
  }

  abstract byte[] value(ByteBuffer bytes);

  /** What has to stand at {@link #place}, given the {@link #covered} bytes. */
  public byte[] compute(byte[] bytes) {
    if (bytes.length < covered) {
      throw new IllegalArgumentException(bytes.length + " bytes, " + covered + " are summed up");
    }
    return value(ByteBuffer.wrap(bytes));
  }

  /** Whether it is right. */
  public boolean holds(byte[] bytes) {
    byte[] there = Arrays.copyOfRange(bytes, (int) place.offset(), (int) place.end());
    return Arrays.equals(there, compute(bytes));
  }
}
