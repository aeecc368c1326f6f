package dev.vmstate.nic;

import dev.vmstate.bytes.Span;
import dev.vmstate.checksum.Checksum;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * One place of an address, as {@code nics.table} says it.
 *
 * @param path the field; {@code ../NAME/…} in another section of the same device
 * @param element the first element
 * @param width bytes of an element
 * @param pattern the bytes from there on
 * @param ifSame whether it is a copy only while it holds the card's address
 * @param checksum over the field
 */
record CopyRule(
    String path,
    int element,
    int width,
    MacPattern pattern,
    boolean ifSame,
    Optional<Checksum> checksum) {
  private static final String SIBLING = "../";

  /** The place, if this QEMU version has it and it is as wide as it should be. */
  Optional<Copies.Found> find(DeviceSection device, List<DeviceSection> devices)
      throws IOException {
    Optional<FieldPath> target = field(device, devices);
    long at = (long) element * width;
    if (target.isEmpty()
        || !fits(target.get().field())
        || at + pattern.length() > target.get().span().length()
        || checksum.isPresent() && checksum.get().covered() > target.get().span().length()) {
      return Optional.empty();
    }
    byte[] all = target.get().device().source().bytes(target.get().span());
    byte[] now = Arrays.copyOfRange(all, (int) at, (int) at + pattern.length());
    Nic.Copy copy =
        Copies.copy(
            what(target.get()) + (checksum.isPresent() ? " and checksum" : ""),
            (mac, origin) -> edits(target.get(), all, mac, origin));
    return Optional.of(new Copies.Found(copy, pattern.read(now)));
  }

  /** The field, whether or not it holds an address. */
  Optional<FieldPath> field(DeviceSection device, List<DeviceSection> devices) {
    if (!path.startsWith(SIBLING)) {
      return Copies.find(device, path);
    }
    String[] parts = path.substring(SIBLING.length()).split("/", 2);
    String name = device.name().substring(0, device.name().lastIndexOf('/') + 1) + parts[0];
    return devices.stream()
        .filter(other -> other.name().equals(name) && other.instance() == device.instance())
        .findFirst()
        .flatMap(other -> Copies.find(other, parts[1]));
  }

  /** Bytes may be anything; numbers have to be of the width the table says. */
  private boolean fits(Field field) {
    if (field instanceof Field.Array array) {
      return array.type().width() == width;
    }
    return !(field instanceof Field.Scalar scalar) || scalar.type().width() == width;
  }

  /** Every element that changes, and the checksum over them. */
  private List<FieldEdit> edits(FieldPath field, byte[] all, MacAddress mac, String origin) {
    int at = element * width;
    byte[] changed = all.clone();
    byte[] with = pattern.write(Arrays.copyOfRange(all, at, at + pattern.length()), mac);
    System.arraycopy(with, 0, changed, at, with.length);
    List<FieldEdit> edits = new ArrayList<>();
    if (width == 1) {
      edits.add(part(field, all, changed, at, with.length, origin));
    } else {
      for (int i = at; i < at + with.length; i += width) {
        edits.add(part(field, all, changed, i, width, origin));
      }
    }
    if (checksum.isPresent()) {
      Span place = checksum.get().place();
      System.arraycopy(
          checksum.get().compute(changed), 0, changed, (int) place.offset(), (int) place.length());
      edits.add(part(field, all, changed, (int) place.offset(), (int) place.length(), origin));
    }
    return edits;
  }

  private FieldEdit part(
      FieldPath field, byte[] before, byte[] after, int at, int length, String origin) {
    return FieldEdit.of(
        name(field, at, length),
        field.span().at(at, length),
        Arrays.copyOfRange(before, at, at + length),
        Arrays.copyOfRange(after, at, at + length),
        origin);
  }

  private String name(FieldPath field, int at, int length) {
    if (at == 0 && length == field.span().length()) {
      return field.path();
    }
    return length == width
        ? "%s[0x%x]".formatted(field.path(), at / width)
        : "%s[0x%x..0x%x]".formatted(field.path(), at, at + length - 1);
  }

  private String what(FieldPath field) {
    int count = pattern.length() / width;
    if (element == 0 && pattern.length() == field.span().length()) {
      return field.path();
    }
    return width == 4 && count == 2
        ? "%s[0x%x] and the register after it".formatted(field.path(), element)
        : "%s[%d..%d]".formatted(field.path(), element, element + count - 1);
  }
}
