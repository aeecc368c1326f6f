package dev.vmstate.convert.kvm;

import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * The 16550: {@code hw/char/serial.c}, vmstate_serial, and the runner's own ({@code
 * MachineStructs.SERIAL}). What is rarely needed has subsections in a stream, so a stream saved
 * while the line was idle has no place for bytes that are under way.
 */
final class SerialRows {
  private static final int FIFO = MachineStructs.SERIAL_FIFO;
  private static final int FCR_ENABLE = 1;
  private static final int LSR_DATA_READY = 1;
  private static final int LSR_EMPTY = 0x60;
  private static final int THR_EMPTY = 0x20;

  static final List<Row> ROWS =
      List.of(
          Row.same("rbr"),
          Row.same("ier"),
          Row.same("fcr_vmstate", "fcr"),
          Row.same("lcr"),
          Row.same("mcr"),
          Row.same("msr"),
          Row.same("scr"),
          Row.bits("divider", 0, 8, "dll", 0),
          Row.bits("divider", 8, 8, "dlm", 0),
          Row.same("iir"),
          new TransmitterInterrupt(),
          new TimeoutInterrupt(),
          new Received(),
          new Sent(),
          new LineStatus());

  private SerialRows() {}

  /**
   * "Transmitter empty", not looked at yet. Without a subsection it is what IIR says, and while it
   * is not enabled nobody asks for it: enabling it looks at LSR (serial_post_load,
   * serial_thr_ipending_needed).
   */
  private static final class TransmitterInterrupt implements Row {
    private static final String NAME = "thr_ipending";
    private static final int ENABLED = 2;

    private static long identified(long iir) {
      return (iir & 6) == 2 ? 1 : 0;
    }

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      int told = stream.signed(NAME, -1);
      kvm.set(NAME, told < 0 ? identified(stream.get("iir")) : Math.min(told, 1));
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      boolean same = was.get(NAME) == now.get(NAME);
      if (stream.has(NAME) && !same) {
        stream.put(NAME, now.get(NAME));
      } else if (!stream.has(NAME)
          && (now.get("ier") & ENABLED) != 0
          && identified(stream.becomes("iir")) != now.get(NAME)) {
        stream.miss(NAME);
      }
    }
  }

  /** Bytes below the FIFO's trigger level have waited; without a subsection none have. */
  private static final class TimeoutInterrupt implements Row {
    private static final String NAME = "timeout_ipending";

    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      kvm.set(NAME, stream.get(NAME) == 0 ? 0 : 1);
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      if (was.get(NAME) != now.get(NAME)) {
        stream.put(NAME, now.get(NAME));
      }
    }
  }

  private static boolean fifos(StateValue kvm) {
    return (kvm.get("fcr") & FCR_ENABLE) != 0;
  }

  /** Bytes of a {@code Fifo8}, oldest first. */
  private static byte[] queue(StreamNumbers stream, String name) throws IOException {
    int count = (int) Math.min(FIFO, stream.get(name + "/num"));
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      long at = stream.get(name + "/head") + i & FIFO - 1;
      bytes[i] = (byte) stream.get("%s/data[%d]".formatted(name, at));
    }
    return bytes;
  }

  /** Puts bytes into a {@code Fifo8}; false when there is none. */
  private static boolean queue(byte[] bytes, StreamNumbers stream, String name) throws IOException {
    if (!stream.has(name + "/num")) {
      return false;
    }
    stream.put(name + "/head", 0);
    stream.put(name + "/num", bytes.length);
    for (int i = 0; i < bytes.length; i++) {
      stream.put("%s/data[%d]".formatted(name, i), bytes[i]);
    }
    return true;
  }

  private static void set(StateValue kvm, String way, byte[] bytes) {
    int count = Math.min(FIFO, bytes.length);
    kvm.set(way + "_count", count);
    kvm.data(way + "_fifo", Arrays.copyOf(Arrays.copyOf(bytes, count), FIFO));
  }

  private static byte[] get(StateValue kvm, String way) {
    return Arrays.copyOf(kvm.data(way + "_fifo"), (int) Math.min(FIFO, kvm.get(way + "_count")));
  }

  /** What arrived and was not read. */
  private static final class Received implements Row {
    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      if (fifos(kvm)) {
        set(kvm, "receive", queue(stream, "recv_fifo"));
      } else if ((stream.get("lsr") & LSR_DATA_READY) != 0) {
        set(kvm, "receive", new byte[] {(byte) stream.get("rbr")});
      }
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      byte[] bytes = get(now, "receive");
      if (Arrays.equals(get(was, "receive"), bytes) && fifos(was) == fifos(now)) {
        return;
      }
      boolean placed = true;
      if (fifos(now)) {
        placed = queue(bytes, stream, "recv_fifo") || bytes.length == 0;
      } else if (bytes.length > 0) {
        stream.put("rbr", bytes[0]);
      }
      if (!placed) {
        stream.miss("recv_fifo: %d bytes received and not read".formatted(bytes.length));
      }
      stream.put("lsr", 0, 1, placed && bytes.length > 0 ? 1 : 0);
    }
  }

  /** What was written and has not left. */
  private static final class Sent implements Row {
    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      byte[] waiting =
          fifos(kvm)
              ? queue(stream, "xmit_fifo")
              : (stream.get("lsr") & THR_EMPTY) != 0
                  ? new byte[0]
                  : new byte[] {(byte) stream.get("thr")};
      OptionalLong retries = stream.find("tsr_retry");
      if (retries.isPresent() && retries.getAsLong() != 0) {
        byte[] all = new byte[waiting.length + 1];
        all[0] = (byte) stream.get("tsr");
        System.arraycopy(waiting, 0, all, 1, waiting.length);
        waiting = all;
      }
      kvm.set("thr", stream.get("thr"));
      set(kvm, "transmit", waiting);
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      byte[] bytes = get(now, "transmit");
      if (Arrays.equals(get(was, "transmit"), bytes)) {
        return;
      }
      if (bytes.length > 0) {
        stream.miss("xmit_fifo: %d bytes that have not left".formatted(bytes.length));
      }
      if (stream.has("tsr_retry")) {
        stream.put("tsr_retry", 0);
      }
      queue(new byte[0], stream, "xmit_fifo");
      stream.put("lsr", 5, 2, 3);
    }
  }

  /** The line's status; {@link Received} and {@link Sent} have put what goes by the queues. */
  private static final class LineStatus implements Row {
    @Override
    public void toKvm(StreamNumbers stream, StateValue kvm) throws IOException {
      kvm.set("lsr", stream.get("lsr"));
    }

    @Override
    public void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
      int errors = 0xff & ~(LSR_DATA_READY | LSR_EMPTY);
      if ((was.get("lsr") & errors) != (now.get("lsr") & errors)) {
        stream.put("lsr", 1, 4, now.get("lsr") >>> 1);
        stream.put("lsr", 7, 1, now.get("lsr") >>> 7);
      }
    }
  }
}
