package dev.vmstate.qemu;

import dev.vmstate.diff.FieldChange;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A field that comes back changed from a QEMU that loaded and saved a snapshot without running it.
 *
 * <p>Found by doing that with QEMU 5.2, 7.2, 10.0 and 11.1 under TCG and KVM, machines pc, q35 and
 * microvm, with guests stopped at power-on, in the BIOS and in Linux, and some forty devices.
 * Everything else came back byte by byte, the clocks of section {@code timer} included: they stand
 * still while the machine does.
 */
enum KnownDrift {
  /** All versions. {@code hw/rtc/mc146818rtc.c}, rtc_pre_save: no drift with -rtc clock=vm. */
  WALL_CLOCK(
      "mc146818rtc",
      "cmos_data(/(seconds|minutes|hours|day_of_week|day|month|year|century))?",
      "the clock chip shows the host's time, which goes on while the guest is stopped") {
    @Override
    boolean explains(FieldChange change, byte[] before, byte[] after) {
      return !change.field().endsWith("/cmos_data"); // a number of its own
    }

    @Override
    boolean explains(long within, byte before, byte after) {
      // seconds, minutes, hours; weekday, day, month, year; century: not the alarm in between
      return within == 0
          || within == 2
          || within == 4
          || within >= 6 && within <= 9
          || within == 0x32;
    }
  },

  /**
   * All versions, where the guest had not seen the last update end (machines stopped at power-on):
   * rtc_update_timer runs by the host's clock and sets the update-ended flag, at the alarm's time
   * the alarm flag. Where the guest asked for ticks, rtc_periodic_timer sets the periodic flag. A
   * flag that the guest wants an interrupt for sets IRQF too, see {@link ClockInterrupt}.
   */
  CLOCK_FLAGS(
      "mc146818rtc",
      "cmos_data(/register_c)?",
      "the clock chip's host-driven timer went off while the guest was stopped") {
    /** The other bits of register C are always 0. */
    private static final int NO_FLAG = 0x0f;

    @Override
    boolean explains(FieldChange change, byte[] before, byte[] after) {
      return change.field().endsWith("/register_c") && explains(0x0c, before[0], after[0]);
    }

    @Override
    boolean explains(long within, byte before, byte after) {
      return within == 0x0c && ((before ^ after) & NO_FLAG) == 0 && (before & ~after) == 0;
    }
  },

  /**
   * All versions, together with {@link #CLOCK_FLAGS}: the timers that went off are set anew, and
   * the alarm's time is computed anew, which may round it by a microsecond.
   */
  CLOCK_TIMERS(
      "mc146818rtc",
      "update_timer|next_alarm_time|periodic_timer|next_periodic_time",
      "the clock chip's timers follow the host's time, which goes on while the guest is stopped"),

  /**
   * All versions, machine pc. {@code hw/ide/pci.c}, ide_bmdma_post_load: what a failed request
   * would be tried again with is taken over only when one has failed; otherwise it is left over
   * from the last request.
   */
  IDE_RETRY(
      "ide",
      "bmdma\\[[01]]/migration_retry_(unit|sector_num|nsector)",
      "QEMU drops what the last disk request left here: no request waits to be tried again"),

  /**
   * QEMU 5.2, guests without a driver for the card. {@code hw/net/virtio-net.c},
   * virtio_net_set_features: all 4096 VLANs pass when the guest has not asked for the filter.
   */
  VLAN_FILTER(
      "virtio-net",
      "virtio(/virtio-net-device/vlans)?",
      "QEMU opens the VLAN filter of a card whose driver has not asked for it") {
    @Override
    boolean explains(FieldChange change, byte[] before, byte[] after) {
      return after.length == 4096 / 8 && allAre(before, 0) && allAre(after, 0xff);
    }
  },

  /**
   * QEMU 10.0 and 11.1, not 7.2, igb too. {@code hw/net/e1000e_core.c}, e1000e_core_post_load:
   * computed from the registers RCTL, RFCTL and PSRCTL.
   */
  E1000E_BUFFERS(
      "(e1000e|igb)",
      "core\\.(rx_desc_len|rxbuf_sizes|rx_desc_buf_size)",
      "QEMU computes it from the card's registers while loading"),

  /**
   * All versions with KVM. {@code hw/i386/kvm/clock.c}: the value reaches the kernel when the guest
   * starts to run; until then saving asks the kernel, whose clock began with this QEMU.
   */
  KVM_CLOCK(
      "kvmclock", "clock", "KVM gets the clock only when the guest starts; QEMU saves KVM's own"),

  /**
   * QEMU 5.2 with KVM, one time in a dozen. KVM's own i8254 starts counting when it gets its state,
   * and its first tick may come before the machine is saved.
   */
  KVM_TICK("i8259", "irr|last_irr", "KVM's timer chip ticked while the guest was stopped") {
    @Override
    boolean explains(FieldChange change, byte[] before, byte[] after) {
      return change.path().startsWith("i8259/")
          && before.length == 1
          && (before[0] & 1) == 0
          && after[0] == (before[0] | 1);
    }
  },

  /** All versions: with -S a running machine comes up paused, and says so when saved. */
  RUN_STATE(
      "globalstate", "size|runstate", "the snapshot's guest ran; here it is loaded, not started") {
    @Override
    boolean explains(FieldChange change, byte[] before, byte[] after) {
      return change.type().equals("uint32")
          ? Arrays.equals(before, new byte[] {0, 0, 0, 8})
              && Arrays.equals(after, new byte[] {0, 0, 0, 7})
          : change.within() == 0
              && change.before().equals("72756e6e696e67") // running
              && change.after().equals("70617573656400"); // paused
    }
  };

  private final Pattern device;
  private final Pattern field;
  private final String reason;

  /**
   * @param device pattern of the idstr, or of its last part where a bus address stands before it
   * @param field pattern of the path below the device
   */
  KnownDrift(String device, String field, String reason) {
    this.device = Pattern.compile("(.*/)?" + device + "(\\[\\d+])?");
    this.field = Pattern.compile(field);
    this.reason = reason;
  }

  /** Why, for people. */
  String reason() {
    return reason;
  }

  /**
   * The drift a change is wholly explained by.
   *
   * @param device the device's label
   * @param change from what was loaded to what was saved; a count of further values is never known
   * @param before all bytes of the change
   */
  static Optional<String> reason(String device, FieldChange change, byte[] before, byte[] after) {
    if (change.more() > 0 || before.length != after.length) {
      return Optional.empty();
    }
    List<KnownDrift> here =
        Arrays.stream(values()).filter(drift -> drift.isAbout(device, change)).toList();
    for (KnownDrift drift : here) {
      if (drift.explains(change, before, after)) {
        return Optional.of(drift.reason);
      }
    }
    // A range of bytes may hold several drifts side by side: every byte has to have its own.
    Optional<String> first = Optional.empty();
    for (int i = 0; i < before.length; i++) {
      long within = change.within() + i;
      byte was = before[i];
      byte is = after[i];
      if (was == is) {
        continue;
      }
      Optional<KnownDrift> drift =
          here.stream().filter(known -> known.explains(within, was, is)).findFirst();
      if (drift.isEmpty()) {
        return Optional.empty();
      }
      first = first.or(() -> drift.map(KnownDrift::reason));
    }
    return first;
  }

  private boolean isAbout(String label, FieldChange change) {
    return device.matcher(label).matches()
        && change.field().startsWith(label + "/")
        && field.matcher(change.field().substring(label.length() + 1)).matches();
  }

  /** Whether it explains the change as a whole; drifts of single bytes say no. */
  boolean explains(FieldChange change, byte[] before, byte[] after) {
    return true;
  }

  /** Whether it explains one byte of a buffer. */
  boolean explains(long within, byte before, byte after) {
    return false;
  }

  private static boolean allAre(byte[] bytes, int value) {
    for (byte b : bytes) {
      if ((b & 0xff) != value) {
        return false;
      }
    }
    return true;
  }
}
