package dev.vmstate.elf;

import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.XsaveArea;
import java.util.Arrays;
import java.util.List;

/**
 * x87 and vector registers of a CPU as Linux puts them into a core file: NT_PRFPREG with the image
 * FXSAVE writes, NT_X86_XSTATE with the one XSAVE writes. QEMU's own dump has neither; gdb reads
 * both ({@code gdb/i386-linux-tdep.c}), and shows with them what it shows of a live process.
 */
public final class VectorNotes {
  /** Type of the note with the FXSAVE image; its owner is CORE. */
  public static final int NT_PRFPREG = 2;

  /** Type of the note with the XSAVE image; its owner is LINUX. */
  public static final int NT_X86_XSTATE = 0x202;

  /** Owner of NT_X86_XSTATE. */
  public static final String XSTATE_OWNER = "LINUX";

  private VectorNotes() {}

  /** The two notes of a CPU; empty when the state of its FPU is not known. */
  public static List<ElfNote> encode(X86Cpu cpu) {
    return XsaveArea.of(cpu)
        .map(
            image ->
                List.of(
                    ElfNote.of(PrStatus.OWNER, NT_PRFPREG, Arrays.copyOf(image, XsaveArea.LEGACY)),
                    ElfNote.of(XSTATE_OWNER, NT_X86_XSTATE, image)))
        .orElse(List.of());
  }
}
