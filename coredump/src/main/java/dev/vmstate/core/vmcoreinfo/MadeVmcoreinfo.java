package dev.vmstate.core.vmcoreinfo;

import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The VMCOREINFO a kernel would have written, had it been built to: the same lines in the same
 * order, from its symbols, its types and its memory. For a kernel that did write one the two texts
 * are equal, which is how the table of lines is tested.
 */
public final class MadeVmcoreinfo {
  private final KernelFacts kernel;
  private final Release release;
  private final KernelNumbers numbers;

  private MadeVmcoreinfo(KernelFacts kernel) {
    this.kernel = kernel;
    this.release = Release.of(kernel.release());
    this.numbers = new KernelNumbers(kernel);
  }

  /** The text: {@code KEY=VALUE} lines, without those whose value is not known. */
  public static String text(KernelFacts kernel) throws IOException {
    MadeVmcoreinfo made = new MadeVmcoreinfo(kernel);
    StringBuilder text = new StringBuilder();
    for (InfoLine line : InfoLine.table()) {
      if (line.conditions().stream().allMatch(made::holds)) {
        Optional<String> value =
            line.rule().isEmpty() ? made.value(line) : made.numbers.value(line.rule());
        value.ifPresent(v -> text.append(line.key()).append('=').append(v).append('\n'));
      }
    }
    return text.toString();
  }

  private boolean holds(String condition) {
    String[] words = condition.split(" ");
    return switch (words[0]) {
      case "since" -> release.since(words[1]);
      case "before" -> !release.since(words[1]);
      case "symbol" -> kernel.symbol(words[1]).isPresent();
      case "no" -> kernel.symbol(words[2]).isEmpty();
      case "32bit" -> kernel.memory().wordBytes() == 4;
      case "64bit" -> kernel.memory().wordBytes() == 8;
      default -> throw new IllegalArgumentException("no such condition: " + condition);
    };
  }

  private Optional<String> value(InfoLine line) {
    String name = line.argument();
    int dot = name.indexOf('.');
    String type = dot < 0 ? name : name.substring(0, dot);
    String member = name.substring(dot + 1);
    boolean hex = line.kind().equals("SYMBOL");
    OptionalLong value =
        switch (line.kind()) {
          case "SYMBOL" -> kernel.symbol(name);
          case "SIZE" -> kernel.size(name);
          case "OFFSET" -> kernel.offset(type, member);
          case "LENGTH" -> kernel.elements(type, member);
          case "NUMBER" -> kernel.enumerator(name);
          default -> throw new IllegalArgumentException("no rule for " + line.key());
        };
    return value.isPresent()
        ? Optional.of(hex ? Long.toHexString(value.getAsLong()) : Long.toString(value.getAsLong()))
        : Optional.empty();
  }
}
