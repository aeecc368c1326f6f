package dev.vmstate.inject;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.XsaveArea;
import dev.vmstate.device.FieldEdit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What was edited in the image of a CPU's x87 and vector registers. */
final class VectorEdits {
  private VectorEdits() {}

  /**
   * The edits that make one image of the other.
   *
   * @param was made from the snapshot
   * @param now as long, out of a core
   * @throws IOException when a byte was changed that no register of the snapshot stands behind
   */
  static List<FieldEdit> of(X86Cpu cpu, byte[] was, byte[] now, String origin) throws IOException {
    boolean[] known = new boolean[was.length];
    List<FieldEdit> edits = new ArrayList<>();
    for (XsaveArea.Slot slot : XsaveArea.SLOTS) {
      Register register = cpu.find(slot.register()).orElse(null);
      if (slot.offset() + slot.bytes() > was.length || register == null || !register.editable()) {
        continue;
      }
      for (int i = 0; i < slot.bytes(); i++) {
        known[slot.offset() + i] = true;
      }
      if (!slot.piece(was).equals(slot.piece(now))) {
        edits.addAll(register.set(slot.in(now, register), origin + " (" + register.name() + ")"));
      }
    }
    for (int i = 0; i < was.length; i++) {
      if (was[i] != now[i] && !known[i]) {
        throw new IOException(
            "%s: byte 0x%x was changed, but no register of the snapshot stands behind it"
                .formatted(origin, i));
      }
    }
    return edits;
  }
}
