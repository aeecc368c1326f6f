package dev.vmstate.convert;

import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.UnsupportedFormatException;
import dev.vmstate.snapshot.StreamSnapshot;
import dev.vmstate.stream.Configuration;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The head of a stream with one capability more or less. */
final class Configurations {
  static final String MAPPED_RAM = "mapped-ram";

  private static final int HEADER = 8;

  private Configurations() {}

  /**
   * Records between the head and the RAM section: the advice that a postcopy may come, sections of
   * disks.
   */
  static Span beforeRam(StreamSnapshot snapshot) {
    long from = snapshot.header().configuration().map(it -> it.span().end()).orElse((long) HEADER);
    return new Span(from, snapshot.ram().header().span().offset() - from);
  }

  /** Magic, version and configuration, which says mapped-ram or does not. */
  static byte[] head(StreamSnapshot snapshot, boolean mapped) throws IOException {
    byte[] front = snapshot.stream().bytes(new Span(0, HEADER));
    Optional<Configuration> configuration = snapshot.header().configuration();
    if (configuration.isEmpty() && !mapped) {
      return front;
    }
    Configuration old =
        configuration.orElseThrow(
            () ->
                new UnsupportedFormatException(
                    snapshot.source().toString(),
                    HEADER,
                    "no configuration section (machine types up to 2.3 write none): there is no"
                        + " place that could say mapped-ram"));
    List<String> capabilities = new ArrayList<>(old.capabilities());
    capabilities.remove(MAPPED_RAM);
    if (mapped) {
      capabilities.add(MAPPED_RAM);
    }
    Configuration fresh =
        new Configuration(old.machine(), old.pageBits(), capabilities, old.uuid(), old.span());
    byte[] body = fresh.encode();
    byte[] head = Arrays.copyOf(front, front.length + body.length);
    System.arraycopy(body, 0, head, front.length, body.length);
    return head;
  }
}
