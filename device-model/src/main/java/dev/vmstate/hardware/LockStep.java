package dev.vmstate.hardware;

import dev.vmstate.cpu.BitNames;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.ScalarType;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.nic.MacAddress;
import dev.vmstate.nic.Nic;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Walks a document side by side with the snapshot it was made from: whatever is not a value must be
 * the same, whatever is a changed value becomes an edit. {@link FieldLockStep} does the fields.
 */
final class LockStep implements HardwareXmlHandler {
  private static final String FIXED = "only values may be changed";

  private final HardwareState state;
  private final XmlPlace place;
  private final EditSet edits = new EditSet();
  private final Iterator<RamBlock> blocks;
  private final Iterator<X86Cpu> cpus;
  private final Iterator<Nic> nics;
  private final Iterator<DeviceSection> devices;
  private Iterator<Register> registers = List.<Register>of().iterator();
  private Iterator<Map.Entry<String, List<Register>>> registerGroups = Collections.emptyIterator();
  private @Nullable FieldLockStep fields;

  LockStep(HardwareState state, XmlPlace place) {
    this.state = state;
    this.place = place;
    this.blocks = state.blocks().iterator();
    this.cpus = state.cpus().iterator();
    this.nics = state.nics().iterator();
    this.devices = state.devices().iterator();
  }

  List<FieldEdit> edits() {
    return edits.edits();
  }

  @Override
  public void machine(String vmm, String type, String arch, int line) throws IOException {
    same("vmm", vmm, state.vmm(), line);
    same("machine type", type, state.machine(), line);
    same("arch", arch, state.arch(), line);
  }

  @Override
  public void block(String name, long bytes, int line) throws IOException {
    if (!blocks.hasNext()) {
      throw place.bad(line, "RAM block '%s' is not in the snapshot".formatted(name));
    }
    RamBlock block = blocks.next();
    same("RAM block", name, block.name(), line);
    same("the size of RAM block '%s'".formatted(name), bytes, block.bytes(), line);
  }

  @Override
  public void endRam(int line) throws IOException {
    if (blocks.hasNext()) {
      throw place.bad(line, "RAM block '%s' is missing".formatted(blocks.next().name()));
    }
  }

  @Override
  public void cpu(int index, String mode, int line) throws IOException {
    if (!cpus.hasNext()) {
      throw place.bad(line, "the snapshot has no such CPU");
    }
    X86Cpu cpu = cpus.next();
    same("index", index, cpu.index(), line);
    if (!mode.equals(cpu.mode().toString())) {
      throw place.bad(
          line,
          "mode is '%s' in the document, '%s' in the snapshot: it follows from cr0, efer and cs"
              .formatted(mode, cpu.mode()));
    }
    List<Register> inOrder = new ArrayList<>();
    for (CpuElement element : CpuElement.of(cpu)) {
      inOrder.addAll(element.registers());
    }
    registers = inOrder.iterator();
    registerGroups = CpuElement.groups(cpu).entrySet().iterator();
  }

  @Override
  public void registerGroup(String name, int line) throws IOException {
    endRegisterGroup(line);
    if (!registerGroups.hasNext()) {
      throw place.bad(line, "<%s> is not in the snapshot's document here".formatted(name));
    }
    Map.Entry<String, List<Register>> group = registerGroups.next();
    same("group of registers", name, group.getKey(), line);
    registers = group.getValue().iterator();
  }

  @Override
  public void endRegisterGroup(int line) throws IOException {
    if (registers.hasNext()) {
      throw place.bad(line, "register '%s' is missing".formatted(registers.next().name()));
    }
  }

  @Override
  public void register(String name, BigInteger value, @Nullable DerivedNames names, int line)
      throws IOException {
    if (!registers.hasNext()) {
      throw place.bad(line, "the snapshot has no register '%s' here".formatted(name));
    }
    Register register = registers.next();
    same("register", name, register.name(), line);
    if (value.bitLength() > register.bits()) {
      throw place.bad(
          line, "register '%s': 0x%x does not fit %d bits".formatted(name, value, register.bits()));
    }
    long agreed =
        DerivedNames.agree(
            names,
            BitNames.named(register),
            value.longValue(),
            register.value(),
            place.about("register '%s'".formatted(name)),
            line);
    BigInteger whole = names == null ? value : new BigInteger(Long.toUnsignedString(agreed));
    if (whole.equals(register.whole())) {
      return;
    }
    if (!register.editable()) {
      throw place.bad(
          line,
          "register '%s' cannot be changed: the snapshot has its value, but no device that holds it"
              .formatted(name));
    }
    for (FieldEdit edit : register.set(whole, place.origin(line))) {
      String path = register.field().isPresent() ? place.path() + "/" + name : edit.path();
      edits.add(
          new FieldEdit(
              path, edit.where(), edit.before(), edit.after(), edit.origin(), edit.note()));
    }
  }

  @Override
  public void endCpu(int line) throws IOException {
    endRegisterGroup(line);
    if (registerGroups.hasNext()) {
      throw place.bad(line, "<%s> is missing".formatted(registerGroups.next().getKey()));
    }
  }

  @Override
  public void nic(String device, String model, @Nullable String mac, int line) throws IOException {
    if (!nics.hasNext()) {
      throw place.bad(line, "the snapshot has no such NIC");
    }
    Nic nic = nics.next();
    same("device", device, nic.id(), line);
    same("model", model, nic.model(), line);
    String current = nic.mac().map(MacAddress::toString).orElse(null);
    if (mac == null ? current == null : mac.equalsIgnoreCase(current)) {
      return;
    }
    if (mac == null) {
      throw place.bad(line, "attribute 'mac' is missing: the snapshot has " + current);
    }
    if (nic.copies().isEmpty()) {
      throw place.bad(line, "the device's state holds no MAC address that could be changed");
    }
    MacAddress address;
    try {
      address = MacAddress.parse(mac);
    } catch (IllegalArgumentException e) {
      throw place.bad(line, String.valueOf(e.getMessage()));
    }
    for (Nic.Copy copy : nic.copies()) {
      edits.addAll(copy.set(address, place.origin(line)));
    }
  }

  @Override
  public void device(String name, long instance, long version, int line) throws IOException {
    if (!devices.hasNext()) {
      throw place.bad(line, "the snapshot has no such device");
    }
    DeviceSection section = devices.next();
    same("device", name, section.name(), line);
    same("instance", instance, section.instance(), line);
    same("version", version, section.version(), line);
    fields = new FieldLockStep(section, place, edits);
  }

  @Override
  public void number(Tag tag, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException {
    fields().number(tag, type, value, names);
  }

  @Override
  public void element(Element element, ScalarType type, long value, @Nullable DerivedNames names)
      throws IOException {
    fields().element(element, type, value, names);
  }

  @Override
  public ValueSink text(Tag tag, String type, long size) throws IOException {
    return fields().text(tag, type, size);
  }

  @Override
  public ValueSink numbers(Tag tag, ScalarType type, int count) throws IOException {
    return fields().numbers(tag, type, count);
  }

  @Override
  public ValueSink bytes(Tag tag, String type, long size) throws IOException {
    return fields().bytes(tag, type, size);
  }

  @Override
  public void struct(Tag tag, String vmsd) throws IOException {
    fields().struct(tag, vmsd);
  }

  @Override
  public void subsection(Tag tag, long version) throws IOException {
    fields().subsection(tag, version);
  }

  @Override
  public void endGroup(int line) throws IOException {
    fields().end(line);
  }

  @Override
  public void endDevice(int line) throws IOException {
    fields().end(line);
    fields = null;
  }

  @Override
  public void endMachine(int line) throws IOException {
    if (cpus.hasNext()) {
      throw place.bad(line, "cpu %d is missing".formatted(cpus.next().index()));
    }
    if (nics.hasNext()) {
      throw place.bad(line, "nic '%s' is missing".formatted(nics.next().id()));
    }
    if (devices.hasNext()) {
      throw place.bad(line, "device '%s' is missing".formatted(devices.next().label()));
    }
  }

  private FieldLockStep fields() {
    if (fields == null) {
      throw new IllegalStateException("a field outside any device");
    }
    return fields;
  }

  private void same(String what, Object found, Object expected, int line) throws IOException {
    if (!found.equals(expected)) {
      throw place.bad(
          line,
          "%s is '%s' in the document, '%s' in the snapshot: %s"
              .formatted(what, found, expected, FIXED));
    }
  }
}
