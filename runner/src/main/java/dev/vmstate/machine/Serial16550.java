package dev.vmstate.machine;

import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.io.OutputStream;
import java.util.function.BooleanSupplier;

/**
 * A 16550A serial port, after National Semiconductor's data sheet (PC16550D), without time: a byte
 * written is sent at once, the line has no errors, and the receiver's timeout has run out as soon
 * as nothing more is on the line.
 *
 * <p>Two departures from the chip, for guests of a few instructions. Words are 8 bits whatever LCR
 * says: the chip wakes up with words of 5. And a read of the receiver when there is no byte
 * <em>waits</em> for one ({@link #ready}) if the guest has never looked at LSR or IIR nor written
 * IER, FCR, LCR or MCR: without those it has no other way to wait. Any other guest gets what the
 * chip gives, the last byte again. Nothing waits after the end of the input.
 *
 * <p>Input never overruns: what has no room stays on the line. Used by the vCPUs' threads and the
 * one that reads the input.
 */
final class Serial16550 implements PortDevice {
  /** How many ports it has. */
  static final int PORTS = 8;

  private static final long LOOK_UP_MILLIS = 20;
  private static final int FIFO = 16;
  private static final int IER_RECEIVED = 1;
  private static final int IER_TRANSMITTER = 2;
  private static final int IER_LINE = 4;
  private static final int IER_MODEM = 8;
  private static final int FCR_ENABLE = 1;
  private static final int FCR_CLEAR_RECEIVER = 2;
  private static final int FCR_CLEAR_TRANSMITTER = 4;
  private static final int FCR_KEPT = 0xc9;
  private static final int LCR_DLAB = 0x80;
  private static final int LSR_READY = 1;
  private static final int LSR_OVERRUN = 2;
  private static final int LSR_ERRORS = 0x1e;
  private static final int LSR_THR_EMPTY = 0x20;
  private static final int LSR_EMPTY = 0x60;
  private static final int LSR_KEPT = 0x9e;

  /** Interrupt identities in the order of their priority. */
  private static final int ID_LINE = 6;

  private static final int ID_RECEIVED = 4;
  private static final int ID_TIMEOUT = 0xc;
  private static final int ID_TRANSMITTER = 2;
  private static final int ID_MODEM = 0;
  private static final int ID_NONE = 1;
  private static final int ID_FIFOS = 0xc0;
  private static final int[] TRIGGER = {1, 4, 8, 14};

  private final SerialOutput output;
  private final IrqLine irq;
  private final ModemLines modem = new ModemLines();
  private final ByteQueue received = new ByteQueue(FIFO);
  private final ByteQueue line = new ByteQueue(MachineStructs.SERIAL_LINE_MOST);
  private int ier;
  private int fcr;
  private int lcr;
  private int lsr;
  private int scr;
  private int dll;
  private int dlm;
  private int rbr;
  private int thr;
  private boolean transmitterInterrupt;
  private boolean timeout;
  private boolean polled;
  private boolean ended;
  private boolean raised;

  /** How many bytes a vCPU waits for; 0 when none does. */
  private int wanted;

  /**
   * A port as after power-on.
   *
   * @param output where it sends to
   * @param irq its interrupt, which MCR's OUT2 switches on as in a PC
   */
  Serial16550(OutputStream output, IrqLine irq) {
    this.output = new SerialOutput(output, FIFO);
    this.irq = irq;
  }

  @Override
  public synchronized int read(int offset) throws IOException {
    int value =
        switch (offset) {
          case 0 -> dlab() ? dll : receiver();
          case 1 -> dlab() ? dlm : ier;
          case 2 -> identity();
          case 3 -> lcr;
          case 4 -> modem.control();
          case 5 -> lineStatus();
          case 6 -> modem.readStatus();
          default -> scr;
        };
    update();
    return value;
  }

  @Override
  public synchronized void write(int offset, int value) throws IOException {
    int b = value & 0xff;
    switch (offset) {
      case 0 -> {
        if (dlab()) {
          dll = b;
        } else {
          transmit(b);
        }
      }
      case 1 -> {
        if (dlab()) {
          dlm = b;
        } else {
          enable(b & 0xf);
        }
      }
      case 2 -> fifos(b);
      case 3 -> {
        polled = true;
        lcr = b;
      }
      case 4 -> {
        polled = true;
        modem.control(b);
        refill();
      }
      case 7 -> scr = b;
      default -> {
        // LSR and MSR: "writing is not recommended", for the factory's tests.
      }
    }
    update();
  }

  private boolean dlab() {
    return (lcr & LCR_DLAB) != 0;
  }

  private boolean hasFifos() {
    return (fcr & FCR_ENABLE) != 0;
  }

  private int receiver() {
    if (received.count() > 0) {
      rbr = received.take();
      timeout = false;
      refill();
    }
    return rbr;
  }

  private void transmit(int b) throws IOException {
    transmitterInterrupt = false;
    thr = b;
    if (modem.loop()) {
      loop(b);
    } else if (!output.send(b, room())) {
      return;
    }
    transmitterInterrupt = true;
  }

  /** A byte that comes back: without FIFOs it replaces the one there, with them it is lost. */
  private void loop(int b) {
    if (received.count() == room()) {
      lsr |= LSR_OVERRUN;
      if (hasFifos()) {
        return;
      }
      received.clear();
    }
    received.put(b);
    timeout = hasFifos();
  }

  private void enable(int value) {
    polled = true;
    // "Transmitter empty" is an interrupt as soon as it is enabled: what drivers start sending by.
    if ((value & ~ier & IER_TRANSMITTER) != 0 && output.empty()) {
      transmitterInterrupt = true;
    }
    ier = value;
  }

  private void fifos(int value) throws IOException {
    polled = true;
    boolean changed = ((value ^ fcr) & FCR_ENABLE) != 0;
    if (changed || (value & FCR_CLEAR_RECEIVER) != 0) {
      received.clear();
      timeout = false;
    }
    if (changed || (value & FCR_CLEAR_TRANSMITTER) != 0) {
      // What is held back was sent as far as the guest can know.
      output.drain();
      transmitterInterrupt = true;
    }
    fcr = (value & FCR_ENABLE) == 0 ? 0 : value & FCR_KEPT;
    refill();
  }

  private int identity() {
    polled = true;
    int id = pending();
    if (id == ID_TRANSMITTER) {
      transmitterInterrupt = false;
    }
    return id | (hasFifos() ? ID_FIFOS : 0);
  }

  private int lineStatus() {
    polled = true;
    int value = lsr | derivedStatus();
    lsr &= ~LSR_ERRORS;
    return value;
  }

  private int derivedStatus() {
    return (received.count() > 0 ? LSR_READY : 0) | (output.empty() ? LSR_EMPTY : 0);
  }

  private int pending() {
    if ((ier & IER_LINE) != 0 && (lsr & LSR_ERRORS) != 0) {
      return ID_LINE;
    }
    if ((ier & IER_RECEIVED) != 0 && received.count() >= (hasFifos() ? TRIGGER[fcr >> 6] : 1)) {
      return ID_RECEIVED;
    }
    if ((ier & IER_RECEIVED) != 0 && timeout) {
      return ID_TIMEOUT;
    }
    if ((ier & IER_TRANSMITTER) != 0 && transmitterInterrupt) {
      return ID_TRANSMITTER;
    }
    return (ier & IER_MODEM) != 0 && modem.changed() ? ID_MODEM : ID_NONE;
  }

  private void update() throws IOException {
    boolean high = pending() != ID_NONE && modem.interrupts();
    if (high != raised) {
      raised = high;
      irq.set(high);
    }
  }

  private int room() {
    return hasFifos() ? FIFO : 1;
  }

  /** The line is cut while the port talks to itself. */
  private void refill() {
    if (!modem.loop()) {
      while (line.count() > 0 && received.count() < room()) {
        received.put(line.take());
      }
    }
    timeout = hasFifos() && received.count() > 0 && line.count() == 0;
    notifyAll();
  }

  @Override
  public synchronized void hold() {
    output.hold();
  }

  @Override
  public synchronized void release() throws IOException {
    transmitterInterrupt |= !output.empty();
    output.release();
    update();
  }

  /** Whether {@code count} reads of the port at {@code offset} would not have to wait. */
  synchronized boolean ready(int offset, int count) {
    return offset != 0 || polled || ended || received.count() + line.count() >= count;
  }

  /**
   * Waits until that is so, or {@code stop} says so: which is asked from time to time, since
   * whoever wants a stop cannot wait for a port whose output nobody takes.
   */
  synchronized void awaitReady(int offset, int count, BooleanSupplier stop)
      throws InterruptedException {
    while (!ready(offset, count) && !stop.getAsBoolean()) {
      wanted = count;
      notifyAll();
      wait(LOOK_UP_MILLIS);
    }
    wanted = 0;
  }

  /** Makes {@link #awaitRoom} look again. */
  synchronized void wake() {
    notifyAll();
  }

  /**
   * Waits until the line takes bytes.
   *
   * @return how many; 0 when {@code stop} says so
   */
  synchronized int awaitRoom(BooleanSupplier stop) throws InterruptedException {
    while (!stop.getAsBoolean()) {
      int most = Math.max(room(), wanted) - received.count() - line.count();
      if (most > 0 && !modem.loop()) {
        return Math.min(most, MachineStructs.SERIAL_LINE_MOST - line.count());
      }
      wait();
    }
    return 0;
  }

  /** Bytes arrive, no more than there was room for. */
  synchronized void arrive(byte[] bytes, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      line.put(bytes[i] & 0xff);
    }
    refill();
    update();
  }

  /** No more input will come. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  /**
   * The chip, for a snapshot. Without FIFOs the one byte received stands in RBR and LSR says that
   * it is there, and so does the one held back in THR.
   */
  synchronized StateValue state() {
    boolean fifos = hasFifos();
    StateValue state = MachineStructs.SERIAL.zero();
    state.set("rbr", !fifos && received.count() > 0 ? received.first() : rbr).set("thr", thr);
    state.set("ier", ier).set("iir", pending() | (fifos ? ID_FIFOS : 0)).set("fcr", fcr);
    state.set("lcr", lcr).set("lsr", lsr | derivedStatus()).set("scr", scr);
    state.set("mcr", modem.control()).set("msr", modem.status()).set("dll", dll).set("dlm", dlm);
    state.set("thr_ipending", transmitterInterrupt ? 1 : 0);
    state.set("timeout_ipending", timeout ? 1 : 0);
    if (fifos) {
      state.set("receive_count", received.count()).set("transmit_count", output.kept().count());
      state.data("receive_fifo", received.bytes()).data("transmit_fifo", output.kept().bytes());
    }
    return state;
  }

  /** What is between it and the outside, for a snapshot. */
  synchronized StateValue lineState() {
    return MachineStructs.SERIAL_LINE
        .zero()
        .set("polled", polled ? 1 : 0)
        .set("count", line.count())
        .data("bytes", line.bytes());
  }

  /**
   * Becomes what a snapshot kept, holding output back; raises the interrupt if it was.
   *
   * @throws IOException when a count is more than there is room for
   */
  synchronized void restore(StateValue chip, StateValue onLine) throws IOException {
    ier = (int) chip.get("ier") & 0xf;
    fcr = (int) chip.get("fcr") & FCR_KEPT;
    lcr = (int) chip.get("lcr");
    lsr = (int) chip.get("lsr") & LSR_KEPT;
    modem.restore((int) chip.get("mcr"), (int) chip.get("msr"));
    scr = (int) chip.get("scr");
    dll = (int) chip.get("dll");
    dlm = (int) chip.get("dlm");
    rbr = (int) chip.get("rbr");
    thr = (int) chip.get("thr");
    transmitterInterrupt = chip.get("thr_ipending") != 0;
    timeout = chip.get("timeout_ipending") != 0;
    received.restore("receive_fifo", chip.get("receive_count"), chip.data("receive_fifo"));
    output.kept().restore("transmit_fifo", chip.get("transmit_count"), chip.data("transmit_fifo"));
    if (!hasFifos()) {
      if ((chip.get("lsr") & LSR_READY) != 0 && received.count() == 0) {
        received.put(rbr);
      }
      if ((chip.get("lsr") & LSR_THR_EMPTY) == 0 && output.empty()) {
        output.kept().put(thr);
      }
    }
    polled = onLine.get("polled") != 0;
    line.restore("serial-line", onLine.get("count"), onLine.data("bytes"));
    output.hold();
    update();
  }
}
