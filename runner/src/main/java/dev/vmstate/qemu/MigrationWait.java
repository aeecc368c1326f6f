package dev.vmstate.qemu;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * Waits for a migration to end. QEMU says so with a MIGRATION event (capability {@code events}); it
 * is asked now and then all the same, since an event sent before the capability was set is lost.
 */
final class MigrationWait {
  private static final Set<String> ENDED = Set.of("completed", "failed", "cancelled");
  private static final Duration ASK = Duration.ofSeconds(1);

  private final Qmp qmp;

  MigrationWait(Qmp qmp) {
    this.qmp = qmp;
  }

  /** Has QEMU report every step of a migration as an event. */
  void announce() throws IOException {
    capability("events");
  }

  /** Sets a migration capability. */
  void capability(String name) throws IOException {
    var arguments = Qmp.arguments();
    arguments.putArray("capabilities").addObject().put("capability", name).put("state", true);
    qmp.execute("migrate-set-capabilities", arguments);
  }

  /**
   * Waits until the migration that runs completes.
   *
   * @throws QemuException when it fails, or does not end in time
   */
  void completed(Duration timeout) throws IOException {
    long until = System.nanoTime() + timeout.toNanos();
    while (System.nanoTime() < until) {
      Optional<JsonNode> event =
          qmp.event(
              e -> "MIGRATION".equals(e.path("event").asText()) && ended(e.path("data")), ASK);
      JsonNode state = event.isPresent() ? event.get().path("data") : qmp.execute("query-migrate");
      if (ended(state)) {
        if (!"completed".equals(state.path("status").asText())) {
          throw failed(state);
        }
        return;
      }
    }
    throw new QemuException(
        "migration has not ended after %d seconds".formatted(timeout.toSeconds()));
  }

  private static boolean ended(JsonNode state) {
    return ENDED.contains(state.path("status").asText());
  }

  /** Why, in QEMU's words if it has any: {@code error-desc} since 2.6. */
  private QemuException failed(JsonNode state) throws IOException {
    JsonNode told = state.has("error-desc") ? state : qmp.execute("query-migrate");
    String why = told.path("error-desc").asText("");
    return new QemuException(
        "migration " + state.path("status").asText() + (why.isEmpty() ? "" : ": " + why));
  }
}
