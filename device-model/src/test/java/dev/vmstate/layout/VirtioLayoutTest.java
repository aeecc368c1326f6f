package dev.vmstate.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.device.SectionDecoder;
import java.io.IOException;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class VirtioLayoutTest {
  /** More than the 64 queues of a console with every optional part need. */
  private static final int MOST_FIELDS = 3000;

  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 12);
  }

  static java.util.List<String> versions() {
    return SavedFields.VERSIONS;
  }

  @ParameterizedTest(name = "QEMU {0}")
  @MethodSource("versions")
  void everyByteThatQemuSavedHasAName(String version) throws Exception {
    TreeSet<String> classes = new TreeSet<>();
    for (SavedFields saved : SavedFields.of(version)) {
      DeviceSection section = saved.section();
      Field field = section.root().children().get(0);
      assertTrue(field instanceof Field.Group, () -> saved.idstr() + ": " + field);
      int fields = tiles(field);
      assertTrue(fields <= MOST_FIELDS, () -> saved.idstr() + " has " + fields);
      assertEquals(0, section.opaqueBytes(), saved.idstr());
      classes.add(saved.idstr().substring(saved.idstr().lastIndexOf('/') + 1));
    }
    assertFalse(classes.isEmpty());
    if (!version.equals("5.2")) {
      assertEquals(
          "[virtio-9p, virtio-balloon, virtio-blk, virtio-console, virtio-gpu, virtio-input,"
              + " virtio-iommu, virtio-mem, virtio-net, virtio-rng, virtio-scsi]",
          classes.toString());
    }
  }

  /** Children stand one behind the other and fill their group; the number of all fields. */
  private static int tiles(Field field) {
    if (!(field instanceof Field.Group group)) {
      return 1;
    }
    long at = group.body().offset();
    int count = 1;
    for (Field child : group.children()) {
      assertEquals(at, child.span().offset(), child.label());
      at = child.span().end();
      count += tiles(child);
    }
    assertEquals(group.body().end(), at, group.label());
    return count;
  }

  /** A card of a Linux guest on QEMU 7.2's pc, whose address was the default one. */
  @Test
  void aCardInUseShowsWhatItsDriverAccepted() throws Exception {
    DeviceSection card = null;
    for (SavedFields saved : SavedFields.of("7.2")) {
      DeviceSection section = saved.section();
      if (saved.idstr().equals("0000:00:03.0/virtio-net")
          && get(section, "virtio/status").equals("15")) {
        card = section;
      }
    }
    assertNotNull(card);
    assertEquals("ACKNOWLEDGE|DRIVER|DRIVER_OK|FEATURES_OK", named(card, "virtio/status"));
    String features = named(card, "virtio/virtio/64bit_features/guest_features");
    assertTrue(features.contains("MRG_RXBUF|STATUS|CTRL_VQ|"), features);
    assertTrue(features.contains("|VERSION_1"), features);
    assertEquals(get(card, "virtio/virtio-net-device/mac"), get(card, "virtio/config/mac"));
    assertEquals("LINK_UP", named(card, "virtio/config/status"));
    long avail = number(card, "virtio/virtio/virtqueues/vq[0]/vring.avail");
    long desc = number(card, "virtio/vq[0]/vring.desc");
    assertEquals(16 * number(card, "virtio/vq[0]/vring.num"), avail - desc);
    FieldPath state =
        FieldPath.in(card, "virtio/virtio/extra_state/virtio_pci/modern_state/guest_features[1]");
    assertTrue(Meanings.of(state).orElseThrow().format(1).equals("VERSION_1"));
  }

  private static String get(DeviceSection section, String path) throws IOException {
    return FieldValue.text(FieldPath.in(section, path));
  }

  private static long number(DeviceSection section, String path) throws IOException {
    return ((Field.Scalar) FieldPath.in(section, path).field()).value();
  }

  private static String named(DeviceSection section, String path) throws IOException {
    FieldPath found = FieldPath.in(section, path);
    return Meanings.of(found).orElseThrow().format(((Field.Scalar) found.field()).value());
  }

  @Test
  void aMountTagIsText() throws Exception {
    for (SavedFields saved : SavedFields.of("10.0")) {
      if (!saved.idstr().endsWith("/virtio-9p")) {
        continue;
      }
      byte[] bytes = saved.bytes().array().clone();
      // The guest has not read it: put there by hand.
      long at = FieldPath.in(saved.section(), "virtio/config").span().offset();
      bytes[(int) at] = 2;
      bytes[(int) at + 2] = 't';
      bytes[(int) at + 3] = '0';
      DeviceSection section = saved.section(bytes, new SectionDecoder.Budget());
      FieldPath tag = FieldPath.in(section, "virtio/config/tag");
      assertEquals("\"t0\"", FieldValue.text(tag));
      assertEquals("[97, 0]", java.util.Arrays.toString(FieldValue.bytes(tag, "\"a\"")));
      assertEquals("[97, 98]", java.util.Arrays.toString(FieldValue.bytes(tag, "6162")));
      return;
    }
    throw new AssertionError("no virtio-9p was saved");
  }

  /** Whatever the bytes are, they are covered, and the tree is not larger than the budget. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void changedBytesNeverBreakAnything(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    for (String version : SavedFields.VERSIONS) {
      for (SavedFields saved : SavedFields.of(version)) {
        byte[] bytes = saved.bytes().array().clone();
        if (random.nextInt(8) == 0) {
          random.nextBytes(bytes);
        } else if (random.nextInt(8) == 0) {
          bytes = java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
        }
        // Most of the bytes are unused queues; what decides stands in front and behind.
        for (int i = random.nextInt(6); i > 0 && bytes.length > 0; i--) {
          int front = Math.min(bytes.length, 1200);
          int at = random.nextInt(4) == 0 ? random.nextInt(bytes.length) : random.nextInt(front);
          bytes[at] = (byte) (random.nextBoolean() ? 0xff : random.nextInt());
        }
        SectionDecoder.Budget budget = new SectionDecoder.Budget();
        int room = 1 + random.nextInt(20_000);
        assertTrue(budget.take((1 << 20) - room));
        Field field = saved.section(bytes, budget).root().children().get(0);
        assertEquals(bytes.length, field.span().length());
        int fields = tiles(field);
        assertTrue(fields <= room + 1, () -> fields + " fields, room for " + room);
        if (field instanceof Field.Raw raw) {
          assertTrue(raw.note().contains("at offset 0x"), raw.note());
        }
      }
    }
  }
}
