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

  /** Section of the serial port. */
  public static final String SERIAL_SECTION = "serial";

  /** Section of what is between the serial port and the outside. */
  public static final String SERIAL_LINE_SECTION = "serial-line";

  /** Section of the debug port. */
  public static final String DEBUG_PORT_SECTION = "debug-port";

  /** A range of MMIO is the section {@code mmio-0x…}, by its base. */
  public static final String MMIO_SECTION = "mmio-";

  /**
   * The most bytes that a serial line holds for a port that has no room: as many as KVM reads ahead
   * for one repeated IN, whose bytes go back there when it is not done after all.
   */
  public static final int SERIAL_LINE_MOST = 1024;

  /**
   * Between a serial port and the outside: {@code count} bytes have arrived for which the port had
   * no room. {@code polled} is 1 when the guest has ever looked at LSR or IIR or written IER, FCR,
   * LCR or MCR: then reading the receiver does not wait for a byte. Where a state has no such
   * section (it is no part of the chip) nothing has arrived, and the guest has.
   */
  public static final StateStruct SERIAL_LINE =
      StateStruct.of("serial-line", 4 + SERIAL_LINE_MOST)
          .u8("polled")
          .at(2)
          .u16("count")
          .data("bytes", SERIAL_LINE_MOST)
          .build();

  /** The debug port: {@code count} (0 or 1) bytes, {@code data}, were written and not put out. */
  public static final StateStruct DEBUG_PORT =
      StateStruct.of("debug-port", 2).u8("count", "data").build();

  private MachineStructs() {}

  /** A range of MMIO of {@code size} bytes: what was stored there. */
  public static StateStruct mmio(int size) {
    return StateStruct.of("mmio", size).data("data", size).build();
  }
}
