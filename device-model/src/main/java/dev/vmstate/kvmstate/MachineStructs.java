package dev.vmstate.kvmstate;

/**
 * The state of devices that the kernel does not have: those of the machine that {@code vmstate run}
 * makes around a vCPU.
 */
public final class MachineStructs {
  /** Bytes in each of a 16550's two FIFOs. */
  public static final int SERIAL_FIFO = 16;

  /**
   * A 16550 (National Semiconductor PC16550D; QEMU's {@code hw/char/serial.c} has the same parts).
   *
   * <p>Registers are what the guest would read or has written: {@code rbr} the byte received last
   * (FIFOs off), {@code thr} the byte written last, {@code dll} and {@code dlm} the divisor's
   * halves, {@code fcr} the write-only FIFO control register with its reset bits clear. {@code
   * thr_ipending} is 1 while "transmitter empty" waits to be reported (the guest has neither read
   * it from {@code iir} nor written a byte), {@code timeout_ipending} the same for received
   * characters that lie below the FIFO's trigger level. A FIFO's bytes stand in the order in which
   * they came, {@code …_count} of them; those behind are zero. What stands in {@code transmit_fifo}
   * has not left the machine.
   */
  public static final StateStruct SERIAL =
      StateStruct.of("serial", 16 + 2 * SERIAL_FIFO)
          .u8("rbr", "ier", "iir", "fcr", "lcr", "mcr", "lsr", "msr", "scr", "dll", "dlm", "thr")
          .u8("thr_ipending", "timeout_ipending", "receive_count", "transmit_count")
          .data("receive_fifo", SERIAL_FIFO)
          .data("transmit_fifo", SERIAL_FIFO)
          .build();

  private MachineStructs() {}
}
