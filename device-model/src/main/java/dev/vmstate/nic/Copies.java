package dev.vmstate.nic;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The encodings in which device state keeps a MAC address {@code m0:m1:m2:m3:m4:m5}. Each finds its
 * place in a section and is empty where a QEMU version has no such field.
 */
final class Copies {
  /** Every e1000-family EEPROM's words add up to this. */
  private static final int EEPROM_SUM = 0xBABA;

  private static final int EEPROM_CHECKSUM_WORD = 0x3f;

  private Copies() {}

  /** A copy together with the address it holds now. */
  record Found(Nic.Copy copy, MacAddress now) {}

  /** Six bytes in a row: a buffer of 6, or an array of 6 {@code uint8}. */
  static Optional<Found> plain(DeviceSection device, String path) throws IOException {
    Optional<FieldPath> target = find(device, path);
    if (target.isEmpty() || target.get().span().length() != 6) {
      return Optional.empty();
    }
    return Optional.of(plain(device, target.get().span(), target.get().path()));
  }

  /** Six bytes at a place no schema names. */
  static Found plain(DeviceSection device, Span span, String path) throws IOException {
    byte[] now = device.source().bytes(span);
    return new Found(
        copy(path, (mac, origin) -> List.of(FieldEdit.of(path, span, now, mac.bytes(), origin))),
        MacAddress.of(now));
  }

  /**
   * Receive address registers: {@code low = m0|m1<<8|m2<<16|m3<<24, high = m4|m5<<8} and flags
   * above, which stay (bit 31 of the high one says the address is valid).
   */
  static Optional<Found> receiveAddress(DeviceSection device, String path, int element)
      throws IOException {
    Optional<FieldPath> low = find(device, path + "[" + element + "]");
    Optional<FieldPath> high = find(device, path + "[" + (element + 1) + "]");
    if (low.isEmpty()
        || high.isEmpty()
        || low.get().span().length() != 4
        || high.get().span().length() != 4) {
      return Optional.empty();
    }
    ScalarType word = ScalarType.of("uint32").orElseThrow();
    byte[] lowNow = device.source().bytes(low.get().span());
    byte[] highNow = device.source().bytes(high.get().span());
    long lowValue = word.decode(lowNow, 0);
    long highValue = word.decode(highNow, 0);
    byte[] now = new byte[6];
    for (int i = 0; i < 6; i++) {
      now[i] = (byte) (i < 4 ? lowValue >> 8 * i : highValue >> 8 * (i - 4));
    }
    Nic.Copy copy =
        copy(
            low.get().path() + " and the register after it",
            (mac, origin) -> {
              long newLow = mac.word(0) | (long) mac.word(1) << 16;
              long newHigh = highValue & 0xffff_0000L | mac.word(2);
              return List.of(
                  FieldEdit.of(
                      low.get().path(), low.get().span(), lowNow, word.encode(newLow), origin),
                  FieldEdit.of(
                      high.get().path(), high.get().span(), highNow, word.encode(newHigh), origin));
            });
    return Optional.of(new Found(copy, MacAddress.of(now)));
  }

  /**
   * Three EEPROM words {@code m0|m1<<8, m2|m3<<8, m4|m5<<8} from word {@code first} on; with {@code
   * checksum}, word 0x3f is changed so that words 0 to 0x3f still add up to 0xBABA. Guest drivers
   * refuse an EEPROM whose sum is wrong.
   */
  static Optional<Found> eeprom(DeviceSection device, String path, int first, boolean checksum)
      throws IOException {
    Optional<FieldPath> target = find(device, path);
    if (target.isEmpty()
        || !(target.get().field() instanceof Field.Array words)
        || words.type().width() != 2
        || words.count() <= EEPROM_CHECKSUM_WORD) {
      return Optional.empty();
    }
    byte[] all = device.source().bytes(words.span().at(0, 2L * (EEPROM_CHECKSUM_WORD + 1)));
    byte[] now = new byte[6];
    int oldSum = 0;
    for (int i = 0; i <= EEPROM_CHECKSUM_WORD; i++) {
      oldSum += (int) words.type().decode(all, 2 * i);
    }
    for (int i = 0; i < 6; i++) {
      now[i] = (byte) (words.type().decode(all, 2 * (first + i / 2)) >> 8 * (i % 2));
    }
    int sum = oldSum;
    Nic.Copy copy =
        copy(
            "%s[%d..%d]%s"
                .formatted(target.get().path(), first, first + 2, checksum ? " and checksum" : ""),
            (mac, origin) -> {
              List<FieldEdit> edits = new ArrayList<>();
              int newSum = sum;
              for (int i = 0; i < 3; i++) {
                newSum += mac.word(i) - (int) words.type().decode(all, 2 * (first + i));
                edits.add(word(target.get(), words, all, first + i, mac.word(i), origin));
              }
              if (checksum) {
                int old = (int) words.type().decode(all, 2 * EEPROM_CHECKSUM_WORD);
                int fixed = old + EEPROM_SUM - newSum & 0xffff;
                edits.add(word(target.get(), words, all, EEPROM_CHECKSUM_WORD, fixed, origin));
              }
              return edits;
            });
    return Optional.of(new Found(copy, MacAddress.of(now)));
  }

  private static FieldEdit word(
      FieldPath path, Field.Array words, byte[] all, int i, int value, String origin) {
    byte[] before = {all[2 * i], all[2 * i + 1]};
    return FieldEdit.of(
        "%s[0x%x]".formatted(path.path(), i),
        words.element(i),
        before,
        words.type().encode(value),
        origin);
  }

  /** The field at a path below the device, if this QEMU version has it. */
  static Optional<FieldPath> find(DeviceSection device, String path) {
    try {
      return Optional.of(FieldPath.in(device, path));
    } catch (FieldPath.NotFoundException e) {
      return Optional.empty();
    }
  }

  /** How a copy is changed. */
  interface Setter {
    List<FieldEdit> set(MacAddress mac, String origin) throws IOException;
  }

  static Nic.Copy copy(String what, Setter setter) {
    return new Nic.Copy() {
      @Override
      public String what() {
        return what;
      }

      @Override
      public List<FieldEdit> set(MacAddress mac, String origin) throws IOException {
        return setter.set(mac, origin);
      }
    };
  }
}
