package dev.vmstate.linked;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.DeviceSections;
import dev.vmstate.device.FieldEdit;
import java.io.IOException;
import java.math.BigInteger;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Clocks of a machine that has run for 15 seconds on a host with a TSC of 2.6 GHz. */
class ClockShiftTest {
  private static final long RAN = 15_000_000_000L;
  private static final long HOST = 1_795_268_237_331_521_000L;
  private static final String EVENING = "590059002300" + "06311299" + "2602";

  private static DeviceSection timer(long clock, long ticks) throws IOException {
    return DeviceSections.of(
        "timer",
        0,
        d ->
            d.i64("cpu_ticks_offset", ticks)
                .buffer("unused", new byte[8])
                .i64("cpu_clock_offset", clock));
  }

  /** CMOS whose first bytes are these, its century 19. */
  private static DeviceSection rtc(String front, long lastUpdate, int century) throws IOException {
    byte[] cmos = new byte[128];
    byte[] first = HexFormat.of().parseHex(front);
    System.arraycopy(first, 0, cmos, 0, first.length);
    cmos[0x32] = (byte) century;
    return DeviceSections.of(
        "mc146818rtc",
        0,
        d ->
            d.buffer("cmos_data", cmos)
                .u64("base_rtc", 1_795_268_237L)
                .u64("last_update", lastUpdate)
                .i64("update_timer", lastUpdate + 60_000_000_000L)
                .u64("next_alarm_time", lastUpdate + 60_000_000_000L));
  }

  private static Map<String, String> changes(LinkedEdit edit) {
    Map<String, String> changes = new TreeMap<>();
    for (FieldEdit field : edit.edits()) {
      if (field.changes()) {
        BigInteger before = new BigInteger(field.before().array());
        BigInteger after = new BigInteger(field.after().array());
        changes.put(
            field.path(),
            field.where().length() == 1
                ? HexFormat.of().formatHex(field.after().array())
                : after.subtract(before).toString());
      }
    }
    return changes;
  }

  @Test
  void forwardsEveryClockMovesAndTheYearChanges() throws Exception {
    DeviceSection kvmclock = DeviceSections.of("kvmclock", 0, d -> d.u64("clock", RAN));
    LinkedEdit edit =
        ClockShift.of(
            List.of(timer(RAN, 39_000_000_000L), kvmclock, rtc(EVENING, HOST, 0x19)), 2, "test");
    Map<String, String> changes = changes(edit);
    assertEquals("2000000000", changes.remove("timer/cpu_clock_offset"));
    assertEquals("5200000000", changes.remove("timer/cpu_ticks_offset"));
    assertEquals("2000000000", changes.remove("kvmclock/clock"));
    assertEquals("2", changes.remove("mc146818rtc/base_rtc"));
    assertEquals("-2000000000", changes.remove("mc146818rtc/update_timer"));
    assertEquals("-2000000000", changes.remove("mc146818rtc/next_alarm_time"));
    // Friday 31 December 1999, 23:59:59: two seconds later Saturday 1 January 2000, 00:00:01
    Map<String, String> cmos = new TreeMap<>();
    cmos.put("mc146818rtc/cmos_data[0x0]", "01");
    cmos.put("mc146818rtc/cmos_data[0x2]", "00");
    cmos.put("mc146818rtc/cmos_data[0x4]", "00");
    cmos.put("mc146818rtc/cmos_data[0x6]", "07");
    cmos.put("mc146818rtc/cmos_data[0x7]", "01");
    cmos.put("mc146818rtc/cmos_data[0x8]", "01");
    cmos.put("mc146818rtc/cmos_data[0x9]", "00");
    cmos.put("mc146818rtc/cmos_data[0x32]", "20");
    assertEquals(cmos, changes);
    assertTrue(edit.limits().toString().contains("pending timers"), edit.limits()::toString);
  }

  @Test
  void backwardsTheRtcAloneMoves() throws Exception {
    LinkedEdit edit =
        ClockShift.of(List.of(timer(RAN, 39_000_000_000L), rtc(EVENING, HOST, 0x19)), -60, "test");
    Map<String, String> changes = changes(edit);
    assertEquals("-60", changes.get("mc146818rtc/base_rtc"));
    assertEquals("60000000000", changes.get("mc146818rtc/next_alarm_time"));
    assertEquals("58", changes.get("mc146818rtc/cmos_data[0x2]"));
    assertEquals(4, changes.size(), changes::toString);
    assertTrue(edit.limits().get(0).startsWith("timer, kvmclock"), edit.limits()::toString);
  }

  /** {@code -rtc clock=vm}: the RTC is read off the virtual clock, which has moved already. */
  @Test
  void anRtcThatCountsByTheVirtualClockMovesWithIt() throws Exception {
    List<DeviceSection> devices = List.of(timer(RAN, 39_000_000_000L), rtc(EVENING, RAN - 5, 0x19));
    Map<String, String> later = changes(ClockShift.of(devices, 2, "test"));
    assertFalse(later.containsKey("mc146818rtc/base_rtc"), later::toString);
    assertEquals("01", later.get("mc146818rtc/cmos_data[0x0]"));
    Map<String, String> earlier = changes(ClockShift.of(devices, -2, "test"));
    assertEquals("-2", earlier.get("mc146818rtc/base_rtc"));
  }

  @ParameterizedTest
  @CsvSource({
    // register B: 0x02 24 hours, 0x04 binary; the hour and what it is ten hours later
    "02, 09, 19",
    "06, 09, 13",
    "00, 09, 87",
    "04, 0c, 0a",
    "04, 8b, 09",
    "00, 12, 10",
    "00, 92, 90",
  })
  void hoursAreWrittenAsRegisterBSays(String registerB, String hour, String later)
      throws Exception {
    String front = "0000" + "0000" + hour + "00" + "01" + "05" + "05" + "20" + "26" + registerB;
    DeviceSection rtc = rtc(front, HOST, registerB.matches("0[46]") ? 20 : 0x20);
    Map<String, String> changes = changes(ClockShift.of(List.of(rtc), 36_000, "test"));
    assertEquals(later, changes.get("mc146818rtc/cmos_data[0x4]"));
  }

  @Test
  void bytesThatAreNoTimeStay() throws Exception {
    LinkedEdit edit = ClockShift.of(List.of(rtc("ff".repeat(12), HOST, 0xff)), 5, "test");
    assertEquals(3, changes(edit).size());
    assertTrue(edit.limits().toString().contains("are no time"), edit.limits()::toString);
  }

  @Test
  void aMachineThatHasNotRunKeepsItsTicks() throws Exception {
    LinkedEdit edit = ClockShift.of(List.of(timer(0, 0)), 5, "test");
    assertEquals(Map.of("timer/cpu_clock_offset", "5000000000"), changes(edit));
    assertTrue(edit.limits().get(0).contains("cpu_ticks_offset"), edit.limits()::toString);
  }

  @Test
  void whatLeavesItsRangeIsRefused() throws Exception {
    List<DeviceSection> timer = List.of(timer(RAN, 39_000_000_000L));
    IOException e =
        assertThrows(IOException.class, () -> ClockShift.of(timer, 9_300_000_000L, "test"));
    assertTrue(e.getMessage().startsWith("timer/cpu_clock_offset: "), e.getMessage());
    List<DeviceSection> rtc = List.of(rtc(EVENING, HOST, 0x19));
    assertThrows(IOException.class, () -> ClockShift.of(rtc, -1_800_000_000L, "test"));
    assertThrows(IOException.class, () -> ClockShift.of(List.of(), 1, "test"));
  }
}
