package dev.vmstate.cli;

import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vmstate.bytes.Progress;
import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How a command prints: for people, or as JSON; how far long work is, or nothing. */
final class Output {
  private static final ObjectMapper JSON =
      JsonMapper.builder(new JsonFactoryBuilder().characterEscapes(new Escapes()).build())
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  /**
   * JSON asks for escapes of C0 alone. A terminal acts on others too, and names are a guest's: what
   * {@link GuestText} does not show as it is, is {@code \\uXXXX} here.
   */
  private static final class Escapes extends CharacterEscapes {
    private static final long serialVersionUID = 1L;

    @Override
    public int[] getEscapeCodesForAscii() {
      int[] codes = standardAsciiEscapesForJSON();
      codes[0x7f] = ESCAPE_STANDARD;
      return codes;
    }

    @Override
    public @Nullable SerializableString getEscapeSequence(int character) {
      boolean kept =
          GuestText.isPlain(character) || Character.getType(character) == Character.SURROGATE;
      return kept ? null : new SerializedString("\\u%04x".formatted(character));
    }
  }

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "No progress bar, no report.")
  boolean quiet;

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  PrintWriter err() {
    return spec.commandLine().getErr();
  }

  void print(JsonNode node) {
    out().println(text(node));
  }

  /** JSON that a terminal may see too. */
  static String text(JsonNode node) {
    try {
      return JSON.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A bar on standard error when that is a terminal. */
  Progress progress() {
    return quiet || !Terminal.stderr() ? Progress.NONE : new ProgressBar(err());
  }
}
