package dev.vmstate.cli;

import dev.vmstate.inject.EditPlan;
import dev.vmstate.inject.MacEdit;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nic;
import dev.vmstate.nic.Nics;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Changes every copy of a MAC address that a NIC's state holds. */
@Command(
    name = "set-mac",
    mixinStandardHelpOptions = true,
    description = {
      "Changes a NIC's MAC address, in every place that has it.",
      "Registers, EEPROM and its checksum, configuration space, the receive filter; of any",
      "card of QEMU that migrates. What it cannot reach is said.",
      "In a libvirt save image the domain XML's too, by which 'virsh restore' starts QEMU."
    },
    footer = {
      "",
      "Example:",
      "  vmstate set-mac vm.mig 0000:00:03.0/e1000 52:54:00:12:34:56 -o new.mig",
      "  vmstate set-mac vm.mig e1000 52:54:00:12:34:56 --guest -o new.mig"
    })
final class SetMacCommand implements Callable<Integer> {
  @Mixin private SnapshotArgument snapshot;
  @Mixin private Output output;
  @Mixin private EditTarget target;

  @Parameters(
      index = "1",
      paramLabel = "NIC",
      description = "Its id as 'vmstate nics' prints it, or a part of it, or its MAC address.")
  private String nic;

  @Parameters(
      index = "2",
      paramLabel = "MAC",
      converter = MacConverter.class,
      description = "The new address, like 52:54:00:12:34:56.")
  private MacAddress mac;

  @Option(
      names = "--all-copies",
      description = {
        "Also change what merely looks like the old address in the card's state, as in packets",
        "it has just sent; without this it is listed."
      })
  private boolean allCopies;

  @Option(
      names = "--guest",
      description = {
        "Also change what the guest's Linux has of the address in its memory: interfaces with it,",
        "their drivers' copies. Resumed, 'ip link' in the guest and the card agree."
      })
  private boolean guest;

  @Mixin private Below4g below4g;
  @Mixin private VmlinuxOption vmlinux;

  static final class MacConverter implements ITypeConverter<MacAddress> {
    @Override
    public MacAddress convert(String text) {
      try {
        return MacAddress.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  private Nic find(List<Nic> nics) throws IOException {
    try {
      return Nics.find(nics, nic);
    } catch (IOException e) {
      throw snapshot.notThere(e);
    }
  }

  @Override
  public Integer call() throws Exception {
    target.check();
    try (EditableSnapshot opened = snapshot.openEditable()) {
      target.prepare(opened, output);
      below4g.apply(opened);
      Nic found = find(Nics.of(opened.devices()));
      MacEdit edit = new MacEdit(opened, found, mac, allCopies);
      if (guest) {
        edit.guest(vmlinux.file(), output.progress());
      }
      try (EditPlan plan = EditPlan.of(edit)) {
        EditReport.print(target.carryOut(plan, output), target.done(), edit.limits(), output);
      }
    }
    return 0;
  }
}
