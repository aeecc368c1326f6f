package dev.vmstate.kvmstate;

/**
 * The state of the devices that the runner has itself, beside those of KVM. Names are ours; a
 * register is called as in the data sheet (National Semiconductor PC16550D).
 */
public final class DeviceStructs {
  /** Section of the serial port. */
  public static final String SERIAL_SECTION = "serial";

  /** Section of the debug port. */
  public static final String DEBUG_PORT_SECTION = "debug-port";

  /** A range of MMIO is the section {@code mmio-0x…}, by its base. */
  public static final String MMIO_SECTION = "mmio-";

  /** The most bytes that the line holds for a serial port that has no room. */
  public static final int SERIAL_LINE = 256;

  /**
   * A 16550A serial port.
   *
   * <ul>
   *   <li>{@code ier}, {@code fcr}, {@code lcr}, {@code mcr}, {@code lsr}, {@code msr}, {@code
   *       scr}, {@code dll}, {@code dlm}: the registers. Of {@code fcr}, what was written last
   *       without the two bits that clear the FIFOs; {@code lsr} without bits 0, 5 and 6, which the
   *       counts give (but with them in a saved state, for whoever reads it).
   *   <li>{@code rbr}: the byte a read of the receiver gives when there is none.
   *   <li>{@code thr_interrupt}: 1 while "transmitter empty" is an interrupt that was not
   *       acknowledged.
   *   <li>{@code timeout}: 1 when bytes below the trigger level are in the FIFO and the line is
   *       idle.
   *   <li>{@code polled}: 1 when the guest has ever read LSR or IIR or written IER, FCR, LCR or
   *       MCR: reading the receiver then never waits.
   *   <li>{@code rx_count} bytes of {@code rx}: received and not read. 1 of them without FIFOs.
   *   <li>{@code tx_count} bytes of {@code tx}: written and not yet put out.
   *   <li>{@code line_count} bytes of {@code line}: arrived at the port, which had no room.
   * </ul>
   */
  public static final StateStruct SERIAL =
      StateStruct.of("serial", 16 + 16 + 16 + SERIAL_LINE + 2)
          .u8("ier", "fcr", "lcr", "mcr", "lsr", "msr", "scr", "dll", "dlm", "rbr")
          .u8("thr_interrupt", "timeout", "polled", "rx_count", "tx_count")
          .at(16)
          .data("rx", 16)
          .data("tx", 16)
          .u16("line_count")
          .data("line", SERIAL_LINE)
          .build();

  /**
   * The debug port: {@code tx_count} (0 or 1) bytes of {@code tx} were written and not yet put out.
   */
  public static final StateStruct DEBUG_PORT =
      StateStruct.of("debug-port", 2).u8("tx_count", "tx").build();

  private DeviceStructs() {}

  /** A range of MMIO of {@code size} bytes: what was stored there. */
  public static StateStruct mmio(int size) {
    return StateStruct.of("mmio", size).data("data", size).build();
  }
}
