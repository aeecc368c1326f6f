package dev.vmstate.inject;

import dev.vmstate.core.vmcoreinfo.GuestVmcoreinfo;
import dev.vmstate.core.vmcoreinfo.Vmcoreinfo;
import dev.vmstate.core.vmcoreinfo.VmcoreinfoPages;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.exchange.GuestKernel;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The VMCOREINFO note of an edited core: a copy, made for debuggers, of what stands in the guest's
 * memory or was never there. Nothing in the snapshot is behind it, so an edit of it is passed over.
 */
final class VmcoreinfoNote {
  private VmcoreinfoNote() {}

  /** A sentence for a note that is not the one that {@code snapshot}'s kernel has. */
  static List<String> edited(EditableSnapshot snapshot, CoreFile core, VmcoreinfoPages passed)
      throws IOException {
    List<CoreNote> notes = core.notes(Vmcoreinfo.OWNER, 0);
    if (notes.size() != 1 || notes.get(0).descriptor().length() > Vmcoreinfo.MOST_BYTES) {
      return notes.isEmpty() ? List.of() : List.of(text(core));
    }
    byte[] now = new byte[(int) notes.get(0).descriptor().length()];
    core.descriptor(notes.get(0)).get(now);
    if (passed.has(now)) {
      return List.of(); // it stands in memory: no need to ask which kernel runs
    }
    Optional<GuestVmcoreinfo> own =
        GuestKernel.of(snapshot, snapshot.memory(), passed).vmcoreinfo();
    return own.isEmpty() || Arrays.equals(own.get().info().bytes(), now)
        ? List.of()
        : List.of(text(core));
  }

  private static String text(CoreFile core) {
    return "%s: its VMCOREINFO note was edited; it is a copy for debuggers and changes nothing: edit"
            .formatted(core.source().name())
        + " the guest's memory where it stands";
  }
}
