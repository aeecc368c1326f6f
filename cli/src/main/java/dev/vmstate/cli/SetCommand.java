package dev.vmstate.cli;

import dev.vmstate.container.Container;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldPath;
import dev.vmstate.hardware.HardwareState;
import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.LinkedEdits;
import dev.vmstate.inject.SaveImageEdit;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.linked.CpuLinks;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.structure.MachineName;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Changes single values. */
@Command(
    name = "set",
    mixinStandardHelpOptions = true,
    description = {
      "Changes device fields and registers.",
      "'machine' is the machine type the stream says it is of; an array or a buffer may be set",
      "from a file (PATH=@FILE), and get another length where it is known which field counts it.",
      "In a libvirt save image also domain.xml (domain.xml=@FILE takes it from a file) and",
      "libvirt/was_running (0: 'virsh restore' leaves the CPUs stopped).",
      "Bits and values have names: PATH=IO|MASTER, PATH+=MASTER sets one, PATH-=MASTER clears it,",
      "PATH=+MASTER|-IO does both; 'vmstate get --explain' lists them.",
      "clock+=SECONDS (or 15m, 12h, 30d) moves RTC, kvmclock and QEMU's clocks on together;",
      "clock-=SECONDS sets the RTC back.",
      "uuid and vmgenid (a UUID, or auto) in every place that has it; in the firmware's tables in",
      "guest memory smbios.serial, .product, .manufacturer, .version, .sku, .family, the same of",
      "smbios.board and smbios.chassis, smbios.bios.vendor, .version, .date, all as long as they",
      "were or shorter; acpi.TABLE.oem_id, .oem_table_id, .oem_revision, .creator_id,",
      ".creator_revision, acpi.TABLE[OFFSET] and the table's checksum.",
      "In the memory of a guest's Linux guest.hostname, guest.domainname."
    },
    footer = {
      "",
      "Example:",
      "  vmstate set vm.mig cpu[0]/rax=0x2a mc146818rtc/cmos_index=12 -o new.mig",
      "  vmstate set vm.mig 0000:00:03.0/e1000/config/command+=MASTER -o new.mig",
      "  vmstate set vm.mig machine=pc-i440fx-5.2 -o new.mig",
      "  vmstate set vm.mig clock+=1h --in-place",
      "  vmstate set vm.mig uuid=auto smbios.serial=SN42 acpi.FACP[0x2e]=1 -o new.mig",
      "  vmstate set vm.mig guest.hostname=copy2 -o new.mig",
      "  vmstate set vm.save domain.xml=@domain.xml -o new.save"
    })
final class SetCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;
  @Mixin private EditTarget target;
  @Mixin private VmlinuxOption vmlinux;

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "PATH=VALUE",
      description = "Numbers in decimal or 0x hex, buffers as hex, arrays as numbers.")
  private List<String> assignments;

  @Option(
      names = "--count-field",
      paramLabel = "PATH",
      description = "The field that says how many elements an array has that gets another length.")
  private @Nullable String countField;

  @Override
  public Integer call() throws Exception {
    target.check();
    List<Map.Entry<String, String>> saved = new ArrayList<>();
    List<Map.Entry<String, String>> fields = new ArrayList<>();
    for (String assignment : assignments) {
      int equals = assignment.indexOf('=');
      if (equals <= 0) {
        throw new ParameterException(
            spec.commandLine(), "'%s' is not PATH=VALUE".formatted(assignment));
      }
      String path = assignment.substring(0, equals);
      (SaveImageValues.has(path) ? saved : fields)
          .add(Map.entry(path, assignment.substring(equals + 1)));
    }
    if (fields.isEmpty()) {
      try (Container container = SaveImageValues.open(snapshot.source());
          EditPlan plan = EditPlan.of(container, edit(container, saved).orElseThrow())) {
        EditReport.print(target.carryOut(plan, output), target.done(), List.of(), output);
      }
    } else {
      fields(fields, saved);
    }
    return 0;
  }

  private void fields(List<Map.Entry<String, String>> fields, List<Map.Entry<String, String>> saved)
      throws IOException {
    try (EditableSnapshot opened = snapshot.openEditable()) {
      target.prepare(opened, output);
      HardwareState state = opened.hardware();
      LinkedEdits linked = new LinkedEdits(opened, vmlinux.file());
      EditSet edits = linked.fields();
      Optional<StructureEdits> structure = Facts.stream(opened).map(StructureEdits::new);
      Assignments assignments =
          new Assignments(state, edits, structure, Optional.ofNullable(countField));
      linked.saved(edit(opened.holder(), saved));
      for (Map.Entry<String, String> field : fields) {
        if (LinkedEdits.has(field.getKey())) {
          String origin = "'%s=%s'".formatted(field.getKey(), field.getValue());
          linked.set(field.getKey(), field.getValue(), origin);
        } else {
          assignments.set(field.getKey(), field.getValue());
        }
      }
      CpuLinks.follow(opened.cpus(), opened.devices(), edits);
      linked.checksums();
      if (structure.isPresent()) {
        structure(structure.get(), linked, fields.stream().anyMatch(SetCommand::isMachine));
      }
      try (EditPlan plan = EditPlan.of(linked, structure)) {
        EditReport.print(target.carryOut(plan, output), target.done(), linked.limits(), output);
      }
    } catch (FieldPath.NotFoundException e) {
      throw snapshot.notThere(e);
    }
  }

  private void structure(StructureEdits structure, LinkedEdits linked, boolean machine)
      throws IOException {
    if (!structure.isEmpty() && structure.snapshot().stream().forward()) {
      structure.snapshot().randomAccess(output.progress());
    }
    if (machine) {
      linked.saved(MachineName.inDomainXml(structure, linked.saved()));
    }
  }

  private static boolean isMachine(Map.Entry<String, String> field) {
    return field.getKey().equals(MachineName.PATH);
  }

  private static Optional<SaveImageEdit> edit(
      Container container, List<Map.Entry<String, String>> values) throws IOException {
    if (values.isEmpty()) {
      return Optional.empty();
    }
    SaveImageEdit edit = SaveImageValues.edit(container, values.get(0).getKey());
    for (Map.Entry<String, String> value : values) {
      SaveImageValues.set(container, edit, value.getKey(), value.getValue());
    }
    return Optional.of(edit);
  }
}
