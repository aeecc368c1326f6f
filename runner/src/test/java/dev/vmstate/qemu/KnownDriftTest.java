package dev.vmstate.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.Span;
import dev.vmstate.diff.FieldChange;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KnownDriftTest {
  private static Optional<String> reason(
      String device, String field, long within, String type, String before, String after) {
    byte[] was = HexFormat.of().parseHex(before);
    byte[] is = HexFormat.of().parseHex(after);
    Span span = new Span(100, was.length);
    String path = device + "/" + field;
    return KnownDrift.reason(
        device, new FieldChange(path, path, within, type, span, span, before, after, 0), was, is);
  }

  private static Optional<String> cmos(long within, String before, String after) {
    return reason("mc146818rtc", "cmos_data", within, "buffer", before, after);
  }

  @Test
  void timeAndDateGoOn() {
    assertEquals(Optional.of(KnownDrift.WALL_CLOCK.reason()), cmos(0, "3100540002", "2500440003"));
    assertTrue(cmos(6, "07151126", "01161226").isPresent());
    assertTrue(cmos(0x32, "20", "21").isPresent());
  }

  @Test
  void theAlarmBetweenThemDoesNot() {
    assertFalse(cmos(0, "3100540002", "2501440003").isPresent());
    assertFalse(cmos(0x10, "00", "01").isPresent());
    assertFalse(cmos(9, "2602", "2703").isPresent());
  }

  @Test
  void flagsOfTheClockAreSetNotCleared() {
    assertTrue(cmos(0x0c, "00", "10").isPresent());
    assertTrue(cmos(0x0c, "10", "d0").isPresent());
    assertFalse(cmos(0x0c, "10", "00").isPresent());
    assertFalse(cmos(0x0c, "00", "01").isPresent());
  }

  private static Optional<String> named(String field, String before, String after) {
    return reason("mc146818rtc", "cmos_data/" + field, 0, "uint8", before, after);
  }

  @Test
  void theSameOfBytesWithNames() {
    assertTrue(named("seconds", "31", "25").isPresent());
    assertTrue(named("century", "20", "21").isPresent());
    assertFalse(named("seconds_alarm", "00", "01").isPresent());
    assertFalse(named("equipment", "00", "01").isPresent());
    assertTrue(named("register_c", "10", "d0").isPresent());
    assertFalse(named("register_c", "10", "00").isPresent());
    assertFalse(named("register_b", "00", "10").isPresent());
  }

  @Test
  void aRunningMachineComesUpPaused() {
    assertTrue(
        reason("globalstate", "runstate", 0, "buffer", "72756e6e696e67", "70617573656400")
            .isPresent());
    assertFalse(
        reason("globalstate", "runstate", 0, "buffer", "72756e6e696e67", "70617573656401")
            .isPresent());
    assertTrue(reason("globalstate", "size", 0, "uint32", "00000008", "00000007").isPresent());
    assertFalse(reason("globalstate", "size", 0, "uint32", "00000007", "00000008").isPresent());
  }

  @Test
  void onlyTheNamedFieldsOfTheNamedDevices() {
    assertTrue(
        reason("0000:00:01.1/ide", "bmdma[1]/migration_retry_nsector", 0, "uint32", "02", "00")
            .isPresent());
    assertFalse(reason("0000:00:01.1/ide", "bmdma[1]/addr", 0, "uint32", "02", "00").isPresent());
    assertTrue(
        reason("0000:00:02.0/e1000e", "core.rxbuf_sizes", 4, "uint32", "00", "01").isPresent());
    assertFalse(
        reason("0000:00:02.0/e1000", "core.rxbuf_sizes", 4, "uint32", "00", "01").isPresent());
    assertFalse(reason("timer", "cpu_clock_offset", 0, "int64", "00", "01").isPresent());
  }

  @Test
  void theVlanFilterOpensAsAWhole() {
    String closed = "00".repeat(512);
    String open = "ff".repeat(512);
    assertTrue(reason("x/virtio-net", "virtio", 0x1a5, "virtio", closed, open).isPresent());
    String vlans = "virtio/virtio-net-device/vlans";
    assertTrue(reason("x/virtio-net", vlans, 0, "buffer", closed, open).isPresent());
    assertFalse(reason("x/virtio-net", "virtio", 0x1a5, "virtio", open, closed).isPresent());
    assertFalse(reason("x/virtio-net", "virtio", 0x1a5, "virtio", "00", "ff").isPresent());
  }

  @Test
  void onlyTheTimersLineMayRiseInTheFirstInterruptController() {
    assertTrue(reason("i8259", "irr", 0, "uint8", "10", "11").isPresent());
    assertTrue(reason("i8259", "irr", 0, "uint8", "80", "81").isPresent());
    assertFalse(reason("i8259", "irr", 0, "uint8", "11", "10").isPresent());
    assertFalse(reason("i8259", "irr", 0, "uint8", "10", "13").isPresent());
    assertFalse(reason("i8259", "imr", 0, "uint8", "10", "11").isPresent());
    assertFalse(reason("i8259[1]", "irr", 0, "uint8", "10", "11").isPresent());
  }
}
