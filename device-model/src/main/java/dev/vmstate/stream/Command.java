package dev.vmstate.stream;

import dev.vmstate.bytes.Cursor;
import dev.vmstate.bytes.Span;
import java.io.IOException;
import java.util.List;

/**
 * A COMMAND record: {@code 0x08 u16 command, u16 length, that many bytes}.
 *
 * <p>Source: {@code migration/savevm.c}, enum qemu_vm_cmd. QEMU 10.0 writes one (SWITCHOVER_START)
 * into every stream, right before the last {@code ram} section; older readers stop at it.
 *
 * @param command the number
 * @param span the whole record
 */
public record Command(int command, Span span) {
  private static final int POSTCOPY_ADVISE = 3;
  private static final int ENABLE_COLO = 8;
  private static final int POSTCOPY_RESUME = 9;

  /** Bytes of a command without data. */
  private static final int FRAMING = 5;

  private static final List<String> NAMES =
      List.of(
          "INVALID",
          "OPEN_RETURN_PATH",
          "PING",
          "POSTCOPY_ADVISE",
          "POSTCOPY_LISTEN",
          "POSTCOPY_RUN",
          "POSTCOPY_RAM_DISCARD",
          "PACKAGED",
          "ENABLE_COLO",
          "POSTCOPY_RESUME",
          "RECV_BITMAP",
          "SWITCHOVER_START");

  /** Decodes from the type byte on. */
  public static Command decode(Cursor in) throws IOException {
    long start = in.position();
    in.u8("command mark");
    int command = in.u16("command");
    int length = in.u16("command length");
    in.skip(length, "command data");
    return new Command(command, new Span(start, in.position() - start));
  }

  /** Whether a QEMU up to 11 writes it. */
  public boolean known() {
    return command > 0 && command < NAMES.size();
  }

  /** QEMU's name for it. */
  public String name() {
    return command < NAMES.size() ? NAMES.get(command) : "command " + command;
  }

  /** Whether RAM or devices after it no longer stand in this stream alone. */
  public boolean leavesTheStream() {
    return command >= POSTCOPY_ADVISE && command <= POSTCOPY_RESUME && !advisesBitmapsAlone();
  }

  /** Without data it announces that dirty bitmaps may follow later, and RAM is all here. */
  private boolean advisesBitmapsAlone() {
    return command == POSTCOPY_ADVISE && span.length() == FRAMING;
  }

  /** Why a stream with this command is refused; only where {@link #leavesTheStream}. */
  public String refusal() {
    return "command %s: %s"
        .formatted(
            name(),
            command == ENABLE_COLO
                ? "a COLO stream, which goes on with one checkpoint after the other: save without the"
                    + " capability x-colo"
                : "a post-copy stream, which leaves pages behind at its source: save without the"
                    + " capability postcopy-ram");
  }
}
