package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.bytes.Span;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.RegisterPart;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.Meaning;
import dev.vmstate.device.NamedNumber;
import dev.vmstate.device.ScalarType;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.hardware.ValuePath;
import dev.vmstate.layout.Layouts;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nic;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that is known of one value: {@code get --explain}.
 *
 * @param path as it is printed
 * @param facts in the order they are told: label and text, the same label on several lines
 * @param node the same as JSON
 */
record Explanation(String path, List<Map.Entry<String, String>> facts, ObjectNode node) {
  private Explanation(String path) {
    this(path, new ArrayList<>(), JsonNodeFactory.instance.objectNode());
  }

  /** Explains a register, a field, an array's value, a buffer or a struct. */
  static Explanation of(HardwareState state, String path) throws IOException {
    Optional<Register> register = ValuePath.find(state, path);
    if (register.isPresent()) {
      Explanation explanation = new Explanation(path);
      explanation.register(register.get(), ValuePath.named(state, path));
      return explanation;
    }
    FieldPath target = FieldPath.find(state.devices(), path);
    Explanation explanation = new Explanation(target.path());
    explanation.field(state, target);
    return explanation;
  }

  void print(Output output, ObjectNode all, String asked) {
    if (output.json) {
      all.set(asked, node.put("path", path));
      return;
    }
    PrintWriter out = output.out();
    out.println(path);
    String last = "";
    for (Map.Entry<String, String> fact : facts) {
      String label = fact.getKey().equals(last) ? "" : fact.getKey();
      out.printf("  %-9s %s%n", label, fact.getValue());
      last = fact.getKey();
    }
  }

  private void register(Register register, Optional<NamedNumber.Of> named) {
    node.put("value", register.text());
    say("value", named.map(NamedNumber.Of::text).orElse(register.text()));
    fact("type", "register of %s".formatted(Sizes.count(register.bits(), "bit")));
    named.ifPresent(this::names);
    for (RegisterPart part : register.parts()) {
      node.withArray("fields").add(part.path());
      say("is", part.path());
    }
    if (!register.editable()) {
      fact(
          "edit",
          register.name().equals("halted")
              ? "not possible: it says whether mp_state is 3; change that"
              : "not possible: the snapshot has its value, but no device that holds it");
    }
  }

  private void field(HardwareState state, FieldPath target) throws IOException {
    Optional<NamedNumber.Of> named = ValuePath.named(target);
    if (target.type().isPresent()) {
      ScalarType type = target.type().get();
      String value = ValuePath.text(state, target.path());
      node.put("value", value);
      say("value", named.map(NamedNumber.Of::text).orElse(value));
      node.put("type", type.name()).put("range", type.range());
      say("type", "%s, %s".formatted(type.name(), type.range()));
    } else {
      fact("type", kind(target.field()));
    }
    Span span = target.span();
    node.put("bytes", span.length()).put("offset", Facts.hex(span.offset()));
    String in = state.vmm().equals("vmstate") ? "of what state.json holds" : "in the stream";
    say("at", "0x%x %s, %s".formatted(span.offset(), in, Sizes.count(span.length(), "byte")));
    Meaning meaning = target.meaning().orElse(Meaning.NONE);
    if (!meaning.name().isEmpty()) {
      fact("name", meaning.name());
    }
    named.ifPresent(this::names);
    if (!meaning.help().isEmpty()) {
      fact("help", meaning.help());
    }
    if (target.field() instanceof Field.Raw raw && !raw.note().isEmpty()) {
      fact("note", raw.note());
    }
    if (target.type().map(ScalarType::comparedOnLoad).orElse(false)) {
      node.put("comparedOnLoad", true);
      say("load", "QEMU compares it with its own value: with another one the load fails");
    }
    subsections(target);
    follows(state, target);
  }

  private static String kind(Field field) {
    if (field instanceof Field.Array array) {
      return "%d x %s, each %s".formatted(array.count(), array.type().name(), array.type().range());
    }
    if (field instanceof Field.Group group) {
      return "%s %s of %s"
          .formatted(
              group.kind() == Field.GroupKind.SUBSECTION ? "subsection" : "struct",
              group.vmsd(),
              Sizes.count(group.children().size(), "field"));
    }
    return field instanceof Field.Raw raw ? "bytes: " + raw.type() : "";
  }

  private void names(NamedNumber.Of number) {
    Meaning meaning = number.kind().meaning();
    for (Meaning.Bits bits : meaning.bits()) {
      long part = bits.of(number.value());
      String mask = Facts.hex(bits.mask());
      node.withObject("/bits")
          .putObject(bits.name())
          .put("mask", mask)
          .put("value", part)
          .put("inPlace", bits.inPlace());
      String set = bits.single() ? "" : " = " + meaning.part(bits, number.value());
      say("bits", "%s %-10s %s%s".formatted(part != 0 ? "*" : " ", mask, bits.name(), set));
    }
    meaning
        .values()
        .forEach(
            (name, value) -> {
              node.withObject("/values").put(name, value);
              boolean is = meaning.bits().isEmpty() && value == number.value();
              say(
                  "values",
                  "%s %-10s %s".formatted(is ? "*" : " ", number.kind().number(value), name));
            });
  }

  /** The subsections around it, which a stream has only when QEMU had a reason. */
  private void subsections(FieldPath target) {
    for (Field at = target.device().root(); at instanceof Field.Group group; ) {
      if (group.kind() == Field.GroupKind.SUBSECTION) {
        String rule =
            Layouts.builtIn()
                .needed(group.name())
                .map(", which QEMU writes when "::concat)
                .orElse("");
        fact("part of", "subsection %s%s".formatted(group.name(), rule));
      }
      Field next = null;
      for (Field child : group.children()) {
        boolean around = child != target.field() || child instanceof Field.Group;
        if (around
            && child.span().offset() <= target.span().offset()
            && child.span().end() >= target.span().end()
            && target.span().length() > 0) {
          next = child;
        }
      }
      if (next == null) {
        return;
      }
      at = next;
    }
  }

  /** Registers that show it, and copies that a command changes together with it. */
  private void follows(HardwareState state, FieldPath target) throws IOException {
    if (target.field() instanceof Field.Group) {
      return;
    }
    for (X86Cpu cpu : state.cpus()) {
      List<Register> registers = new ArrayList<>(cpu.registers());
      registers.addAll(cpu.views());
      for (Register register : registers) {
        if (register.parts().stream().anyMatch(part -> overlap(part.span(), target.span()))) {
          String name = "cpu[%d]/%s".formatted(cpu.index(), register.name());
          node.withArray("registers").add(name);
          say("shown as", name);
        }
      }
    }
    for (Nic nic : state.nics()) {
      if (!nic.section().label().equals(target.device().label()) || nic.mac().isEmpty()) {
        continue;
      }
      for (Nic.Copy copy : nic.copies()) {
        for (FieldEdit edit : copy.set(other(nic.mac().get()), "")) {
          if (overlap(edit.where(), target.span())) {
            fact(
                "copy",
                "of the card's MAC address (%s): 'vmstate set-mac' or mac= in hardware.xml changes all"
                    .formatted(copy.what()));
            return;
          }
        }
      }
    }
  }

  /** Another address in every byte, so that every copy would change all of its bytes. */
  private static MacAddress other(MacAddress mac) {
    byte[] bytes = mac.bytes().clone();
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] ^= (byte) (i == 0 ? 0xfe : 0xff);
    }
    return MacAddress.of(bytes);
  }

  private static boolean overlap(Span a, Span b) {
    return a.offset() < b.end() && b.offset() < a.end();
  }

  private void fact(String label, String text) {
    node.put(label.replace(" of", "Of").replace(" as", "As"), text);
    say(label, text);
  }

  private void say(String label, String text) {
    facts.add(Map.entry(label, text));
  }
}
