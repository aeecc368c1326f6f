package dev.vmstate.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vmstate.container.Container;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.FieldValue;
import dev.vmstate.device.NamedNumber;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.hardware.ValuePath;
import dev.vmstate.inject.LinkedEdits;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.Snapshot;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints single values. */
@Command(
    name = "get",
    mixinStandardHelpOptions = true,
    description = {
      "Prints device fields and registers, one PATH=VALUE a line.",
      "On a terminal, or with --names, bits and values with names stand behind the number:",
      "0x107 [IO MEMORY MASTER SERR].",
      "Of a whole device or struct it lists the fields, arrays and buffers without their values;",
      "of bytes with fields in them too, if a slash ends the path: mc146818rtc/cmos_data/",
      "Out of guest memory: uuid, vmgenid, smbios.serial, acpi.FACP.oem_id (see 'vmstate set'),",
      "guest.hostname, guest.domainname.",
      "Of a libvirt save image also domain.xml and cookie.xml as they are, libvirt/was_running."
    },
    footer = {
      "",
      "Example:",
      "  vmstate get vm.mig cpu[0]/rip 0000:00:03.0/e1000/mac_reg[0x1500] i8259[1]/irr",
      "  vmstate get --explain vm.mig 0000:00:03.0/e1000/config/command",
      "  vmstate get vm.save domain.xml > domain.xml"
    })
final class GetCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;
  @Mixin private VmlinuxOption vmlinux;

  @Option(
      names = {"-e", "--explain"},
      description = "Type, range, names, help, what QEMU does with it and what follows it.")
  private boolean explain;

  @Option(
      names = "--names",
      description = "Names of bits and values behind numbers, also when no terminal shows them.")
  private boolean names;

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "PATH", description = "What to print.")
  private List<String> paths;

  private final ObjectNode bitNames = JsonNodeFactory.instance.objectNode();
  private final ObjectNode valueNames = JsonNodeFactory.instance.objectNode();

  @Override
  public Integer call() throws Exception {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    if (paths.stream().allMatch(SaveImageValues::has)) {
      try (Container container = SaveImageValues.open(snapshot.source())) {
        for (String path : paths) {
          print(path, SaveImageValues.text(container, path), node);
        }
      }
    } else {
      fields(node);
    }
    if (output.json) {
      if (!bitNames.isEmpty()) {
        node.set("bits", bitNames);
      }
      if (!valueNames.isEmpty()) {
        node.set("means", valueNames);
      }
      output.print(node);
    }
    return 0;
  }

  private void fields(ObjectNode node) throws IOException {
    try (Snapshot opened = snapshot.open()) {
      HardwareState state = opened.hardware();
      for (String path : paths) {
        if (SaveImageValues.has(path)) {
          Container holder = SaveImageValues.holder(opened, path);
          print(path, SaveImageValues.text(holder, path), node);
          continue;
        }
        if (LinkedEdits.isValue(path)) {
          if (!(opened instanceof EditableSnapshot editable)) {
            throw new IOException(snapshot.source() + ": a dump has no " + path);
          }
          print(path, new LinkedEdits(editable, vmlinux.file()).text(path), node);
          continue;
        }
        if (explain) {
          Explanation.of(state, path).print(output, node, path);
          continue;
        }
        Optional<FieldPath> group = ValuePath.group(state, path);
        if (group.isPresent()) {
          group(group.get(), output.json ? node.putObject(path) : null);
        } else {
          single(state, path, node);
        }
      }
    } catch (FieldPath.NotFoundException e) {
      throw snapshot.notThere(e);
    }
  }

  /** One number, register, array or buffer; beside a number with names those. */
  private void single(HardwareState state, String path, ObjectNode node) throws IOException {
    Optional<NamedNumber.Of> named = ValuePath.named(state, path);
    if (output.json || named.isEmpty() || !named()) {
      print(path, ValuePath.text(state, path), node);
      named.ifPresent(number -> names(path, number));
    } else {
      print(path, named.get().text(), node);
    }
  }

  /** A program that reads the output wants the number alone. */
  private boolean named() {
    return names || Terminal.stdout();
  }

  /** The value stays what it is; its names stand apart, under {@code bits} and {@code means}. */
  private void names(String path, NamedNumber.Of number) {
    String names = number.names();
    if (number.kind().attribute().equals("bits")) {
      ArrayNode bits = bitNames.putArray(path);
      Arrays.stream(names.split(" ")).filter(name -> !name.matches("0?")).forEach(bits::add);
    } else if (!names.isEmpty()) {
      valueNames.put(path, names);
    }
  }

  private void print(String path, String value, ObjectNode node) {
    if (output.json) {
      node.put(path, value);
    } else if (SaveImageValues.isDocument(path)) {
      output.out().print(value);
    } else {
      output.out().printf("%s=%s%n", path, value);
    }
  }

  /** As JSON everything; for people single numbers, and of what is longer how long it is. */
  private void group(FieldPath group, @Nullable ObjectNode node) throws IOException {
    for (FieldPath leaf : group.leaves()) {
      if (node != null) {
        node.put(leaf.path(), FieldValue.text(leaf));
      } else if (leaf.field() instanceof Field.Array array) {
        output.out().printf("%s (%d x %s)%n", leaf.path(), array.count(), array.type().name());
      } else if (leaf.field() instanceof Field.Raw) {
        output.out().printf("%s (%s)%n", leaf.path(), Sizes.count(leaf.span().length(), "byte"));
      } else {
        Optional<NamedNumber.Of> named = ValuePath.named(leaf);
        String text = named() && named.isPresent() ? named.get().text() : FieldValue.text(leaf);
        output.out().printf("%s=%s%n", leaf.path(), text);
      }
    }
  }
}
