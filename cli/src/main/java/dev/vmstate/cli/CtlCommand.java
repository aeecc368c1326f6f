package dev.vmstate.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmstate.control.ApiClient;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Orders for a machine that runs. */
@Command(
    name = "ctl",
    mixinStandardHelpOptions = true,
    description = {
      "Pauses, resumes, saves or ends the machine behind a socket of 'run --api'.",
      "  info          what it is doing; its registers while it is paused",
      "  pause         stops every vCPU",
      "  resume        lets them run",
      "  snapshot DIR  saves a paused machine as a new directory",
      "  end           pauses it and ends the process that runs it"
    },
    footer = {
      "",
      "Example:",
      "  vmstate ctl vm.sock pause && vmstate ctl vm.sock snapshot snap",
      "  curl --unix-socket vm.sock http://localhost/api/v1/vm.info",
      "  curl --unix-socket vm.sock -X PUT http://localhost/api/v1/vm.pause"
    })
final class CtlCommand implements Callable<Integer> {
  /** What can be said. */
  enum Verb {
    INFO,
    PAUSE,
    RESUME,
    SNAPSHOT,
    END;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Parameters(index = "0", paramLabel = "SOCKET", description = "The PATH of --api.")
  private Path socket;

  @Parameters(index = "1", paramLabel = "VERB", description = "info, pause, resume, snapshot, end.")
  private Verb verb;

  @Parameters(index = "2", arity = "0..1", paramLabel = "DIR", description = "For snapshot.")
  private @Nullable Path directory;

  @Mixin private Output output;
  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if ((directory == null) == (verb == Verb.SNAPSHOT)) {
      throw new ParameterException(
          spec.commandLine(),
          directory == null ? "snapshot: into which DIR?" : verb + " takes no DIR");
    }
    ApiClient client = new ApiClient(socket);
    switch (verb) {
      case PAUSE -> client.pause();
      case RESUME -> client.resume();
      case END -> client.end();
      case INFO -> info(client.info());
      case SNAPSHOT -> {
        if (directory != null) {
          client.snapshot(directory);
        }
      }
    }
    return 0;
  }

  private void info(JsonNode facts) {
    if (output.json) {
      output.print(facts);
      return;
    }
    boolean told =
        List.of("condition", "failed", "shutdown")
            .contains(facts.path("stopped").path("kind").asText());
    boolean running = facts.path("state").asText().equals("Running");
    output
        .out()
        .printf(
            "%s%s, %s, %s, %s%n",
            facts.path("state").asText().toLowerCase(Locale.ROOT),
            told && !running ? " (%s)".formatted(facts.path("stopped").path("text").asText()) : "",
            Sizes.count(facts.path("vcpus").size(), "vCPU"),
            Sizes.text(facts.path("memory_actual_size").asLong()),
            Sizes.count(facts.path("exits").asLong(), "exit"));
    for (JsonNode vcpu : facts.path("vcpus")) {
      String rip = vcpu.path("registers").path("rip").asText("");
      if (!rip.isEmpty()) {
        output
            .out()
            .printf(
                "CPU %d at rip %s (%s%s)%n",
                vcpu.path("index").asInt(),
                rip,
                vcpu.path("mode").asText(),
                vcpu.path("halted").asBoolean() ? ", halted" : "");
      }
    }
  }
}
