package dev.vmstate.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Sections written out by hand after libslirp's src/state.c. */
class SlirpLayoutTest {
  private static final int TCP = 119;

  private static DeviceSection section(byte[] bytes) throws Exception {
    return DeviceSections.of("slirp", 0, d -> d.opaque("data", "buffer", bytes));
  }

  private static byte[] idle() {
    ByteBuffer b = ByteBuffer.allocate(131);
    b.put((byte) 0).putShort((short) 0x1234);
    b.putShort((short) 1).put(new byte[] {0x52, 0x54, 0, 0x12, 0x34, 0x56});
    return b.array();
  }

  private static void sbuf(ByteBuffer b, int waiting, int length) {
    b.putInt(waiting).putInt(length).putInt(waiting).putInt(0);
    b.put(new byte[length]);
  }

  private static byte[] connected() {
    ByteBuffer b = ByteBuffer.allocate(1024);
    b.put((byte) 42).putInt(0);
    b.putShort((short) 2).putInt(0x6402_000a).putShort((short) 0xd204);
    b.putShort((short) 2).putInt(0x0f02_000a).putShort((short) 0x39e0);
    b.put((byte) 0).put((byte) 0).put((byte) 6).putInt(0x84);
    sbuf(b, 0, 32);
    sbuf(b, 3, 16);
    int tcp = b.position();
    b.putShort((short) 4);
    b.putInt(tcp + 21, 0x0001_f401); // snd_una
    b.putInt(tcp + TCP - 4, 77); // last_ack_sent
    b.position(tcp + TCP);
    b.put(idle());
    return Arrays.copyOf(b.array(), b.position());
  }

  private static String get(DeviceSection section, String path) throws Exception {
    return FieldValue.text(FieldPath.in(section, path));
  }

  @Test
  void leasesAreThereWithoutAnyConnection() throws Exception {
    DeviceSection section = section(idle());
    assertEquals("", note(section));
    assertEquals("4660", get(section, "data/ip_id"));
    assertEquals("525400123456", get(section, "data/bootp_clients[0]/macaddr"));
    assertEquals("0", get(section, "data/bootp_clients[15]/allocated"));
  }

  @Test
  void aConnectionHasBothRingsAndItsTcpState() throws Exception {
    DeviceSection section = section(connected());
    assertEquals("", note(section));
    assertEquals(Integer.toString(0x6402_000a), get(section, "data/socket[0]/fhost/sin_addr"));
    assertEquals("3", get(section, "data/socket[0]/so_snd/sb_cc"));
    FieldPath state = FieldPath.in(section, "data/socket[0]/so_tcpcb/t_state");
    assertEquals("ESTABLISHED", Meanings.of(state).orElseThrow().format(4));
    assertEquals("128001", get(section, "data/socket[0]/so_tcpcb/snd_una"));
    assertEquals("77", get(section, "data/socket[0]/so_tcpcb/last_ack_sent"));
    assertEquals("4660", get(section, "data/ip_id"));
  }

  private static String note(DeviceSection section) {
    return section.root().children().get(0) instanceof Field.Raw raw ? raw.note() : "";
  }

  @Test
  void whatIsNoConnectionStaysBytes() throws Exception {
    byte[] bytes = connected();
    bytes[0] = 43;
    DeviceSection section = section(bytes);
    assertTrue(note(section).contains("end_of_sockets"), note(section));
    assertTrue(note(section(Arrays.copyOf(idle(), 130))).contains("macaddr"));
    assertTrue(note(section(Arrays.copyOf(idle(), 132))).contains("0x1 bytes are left"));
    bytes[0] = 42;
    bytes[33] = 1; // a ring of 64 KiB in a section of 400 bytes
    assertTrue(note(section(bytes)).contains("sb_data"), note(section(bytes)));
  }
}
