package dev.vmstate.linked;

import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.util.Optional;

/**
 * The time of day in the first bytes of a PC's CMOS, as register B says it is written: BCD or
 * binary, of 12 or of 24 hours ({@code hw/rtc/mc146818rtc.c}, rtc_set_cmos and rtc_get_time).
 */
final class CmosTime {
  static final int SECONDS = 0;
  static final int MINUTES = 2;
  static final int HOURS = 4;
  static final int DAY_OF_WEEK = 6;
  static final int DAY = 7;
  static final int MONTH = 8;
  static final int YEAR = 9;
  static final int REGISTER_B = 0x0b;
  static final int CENTURY = 0x32;

  /** All places of the time. */
  static final int[] PLACES = {SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY, MONTH, YEAR, CENTURY};

  private static final int BINARY = 0x04;
  private static final int HOURS_24 = 0x02;
  private static final int PM = 0x80;

  private CmosTime() {}

  /** The time; empty when the bytes are none, as before the firmware has set them. */
  static Optional<LocalDateTime> read(byte[] cmos) {
    int hours = cmos[HOURS] & 0xff;
    boolean pm = false;
    if ((cmos[REGISTER_B] & HOURS_24) == 0) {
      pm = (hours & PM) != 0;
      hours = number(cmos, hours & ~PM) % 12;
    } else {
      hours = number(cmos, hours);
    }
    try {
      return Optional.of(
          LocalDateTime.of(
              100 * number(cmos, cmos[CENTURY] & 0xff) + number(cmos, cmos[YEAR] & 0xff),
              number(cmos, cmos[MONTH] & 0xff),
              number(cmos, cmos[DAY] & 0xff),
              hours + (pm ? 12 : 0),
              number(cmos, cmos[MINUTES] & 0xff),
              number(cmos, cmos[SECONDS] & 0xff)));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  /** The same CMOS at another time, years 0 to 9999. */
  static byte[] write(byte[] cmos, LocalDateTime time) {
    byte[] changed = cmos.clone();
    int hours = time.getHour();
    int pm = 0;
    if ((cmos[REGISTER_B] & HOURS_24) == 0) {
      pm = hours >= 12 ? PM : 0;
      hours = hours % 12 == 0 ? 12 : hours % 12;
    }
    changed[SECONDS] = coded(cmos, time.getSecond());
    changed[MINUTES] = coded(cmos, time.getMinute());
    changed[HOURS] = (byte) (coded(cmos, hours) | pm);
    changed[DAY_OF_WEEK] = coded(cmos, time.getDayOfWeek().getValue() % 7 + 1); // Sunday is 1
    changed[DAY] = coded(cmos, time.getDayOfMonth());
    changed[MONTH] = coded(cmos, time.getMonthValue());
    changed[YEAR] = coded(cmos, time.getYear() % 100);
    changed[CENTURY] = coded(cmos, time.getYear() / 100);
    return changed;
  }

  /** The value of a byte; 100 and more when it is no number. */
  private static int number(byte[] cmos, int value) {
    if ((cmos[REGISTER_B] & BINARY) != 0) {
      return value;
    }
    return (value & 0x0f) > 9 || value >> 4 > 9 ? 0xff : 10 * (value >> 4) + (value & 0x0f);
  }

  private static byte coded(byte[] cmos, int value) {
    return (byte) ((cmos[REGISTER_B] & BINARY) != 0 ? value : value / 10 << 4 | value % 10);
  }
}
