package dev.vmstate.convert.kvm;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.cpu.XsaveArea;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.StateValue;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * x87 and vector registers: QEMU has fields, KVM the image the XSAVE instruction writes.
 *
 * <p>{@code env.fpregs} are big-endian, mantissa before exponent, and in TCG's streams physical
 * registers (R0 first), in KVM's in stack order (ST0 first); an image has the stack's.
 */
final class VectorRows {
  private static final int LEAST = 4096;
  private static final int XCOMP_BV_END = 528;
  private static final int MXCSR_MASK = 0xffff;
  private static final long X87_SSE = 3;
  private static final int TOP = 11;

  /** {component's bit, offset, end} of those that an image has behind its header. */
  private static final int[][] COMPONENTS = {
    {2, 576, 832},
    {3, 960, 1024},
    {4, 1024, 1088},
    {5, 1088, 1152},
    {6, 1152, 1664},
    {7, 1664, 2688},
    {9, 2688, 2696},
    {17, 2752, 2816},
    {18, 2816, 11008}
  };

  private final X86Cpu cpu;
  private final boolean stackOrder;

  /** {@code kvm}: whether KVM ran the machine of the stream. */
  VectorRows(X86Cpu cpu, boolean kvm) {
    this.cpu = cpu;
    this.stackOrder = kvm;
  }

  /** The image; as long as KVM's, or longer where the stream has more. */
  StateValue toKvm() {
    int size = LEAST;
    for (XsaveArea.Slot slot : XsaveArea.SLOTS) {
      if (cpu.find(slot.register()).isPresent()) {
        size = Math.max(size, slot.offset() + slot.bytes());
      }
    }
    byte[] image = new byte[size];
    for (XsaveArea.Slot slot : XsaveArea.SLOTS) {
      cpu.find(slot.register()).ifPresent(register -> slot.put(image, register));
    }
    StateValue kvm = KvmStructs.xsave(size).of(image);
    kvm.set("mxcsr_mask", MXCSR_MASK);
    kvm.set("xstate_bv", components(image));
    return kvm;
  }

  /**
   * Which components are not in their initial state. TCG says none, and XSAVE's image would load as
   * zeros: x87 and SSE always count. KVM's streams may mark what the guest has never enabled, which
   * another host would refuse.
   */
  private long components(byte[] image) {
    long marked = cpu.find("xstate_bv").map(Register::value).orElse(0L);
    long components = marked & cpu.find("xcr0").map(Register::value).orElse(0L) | X87_SSE;
    for (int[] component : COMPONENTS) {
      for (int i = component[1]; i < Math.min(component[2], image.length); i++) {
        components |= image[i] == 0 ? 0 : 1L << component[0];
      }
    }
    return components;
  }

  /** Puts what differs into the stream. */
  void toStream(StateValue was, StateValue now, StreamNumbers stream) throws IOException {
    byte[] before = was.bytes();
    byte[] after = effective(now);
    int top = (int) (now.get("fsw") >>> TOP & 7);
    boolean turned = !stackOrder && top != (was.get("fsw") >>> TOP & 7);
    boolean[] known = new boolean[after.length];
    for (XsaveArea.Slot slot : XsaveArea.SLOTS) {
      if (slot.offset() + slot.bytes() > after.length) {
        continue;
      }
      boolean same =
          slot.offset() + slot.bytes() <= before.length
              && slot.piece(before).equals(slot.piece(after));
      boolean stack = slot.register().matches("st\\d");
      Optional<Register> register = cpu.find(stack ? place(slot, top) : slot.register());
      if (register.isPresent() && (!same || stack && turned)) {
        stream.put(register.get().name(), slot.bit(), 8 * slot.bytes(), slot.piece(after));
      }
      if (register.isPresent() || same || slot.piece(after).signum() == 0) {
        for (int i = 0; i < slot.bytes(); i++) {
          known[slot.offset() + i] = true;
        }
      } else {
        stream.miss(slot.register());
        Arrays.fill(known, slot.offset(), slot.offset() + slot.bytes(), true);
      }
    }
    long bits = now.get("xstate_bv");
    if (was.get("xstate_bv") != bits && stream.has("xstate_bv")) {
      stream.put("xstate_bv", bits | X87_SSE);
    }
    for (int i = XCOMP_BV_END; i < after.length; i++) {
      if (!known[i] && after[i] != 0 && (i >= before.length || before[i] != after[i])) {
        stream.miss("xsave[0x%x]: a component that QEMU does not have".formatted(i));
        return;
      }
    }
  }

  /**
   * Marks x87 and SSE as in use, which TCG does not: QEMU would load zeros where KVM runs it. For a
   * stream that changes anyway.
   */
  void mark(StreamNumbers stream) throws IOException {
    if (stream.has("xstate_bv") && (stream.becomes("xstate_bv") & X87_SSE) != X87_SSE) {
      stream.put("xstate_bv", 0, 2, X87_SSE);
    }
  }

  private String place(XsaveArea.Slot slot, int top) {
    int number = slot.register().charAt(2) - '0';
    return "fpr" + (stackOrder ? number : number + top & 7);
  }

  /** The image with initial values where {@code xstate_bv} says that nothing else is there. */
  private static byte[] effective(StateValue now) {
    byte[] image = now.bytes();
    long bits = now.get("xstate_bv");
    StateValue value = now.shape().of(image);
    if ((bits & 1) == 0) {
      value.set("fcw", 0x37f).set("fsw", 0).set("ftw", 0).set("fop", 0).set("fip", 0).set("fdp", 0);
      Arrays.fill(image, 32, 160, (byte) 0);
    }
    if ((bits & 2) == 0) {
      Arrays.fill(image, 160, 416, (byte) 0);
    }
    for (int[] component : COMPONENTS) {
      if ((bits >>> component[0] & 1) == 0 && component[1] < image.length) {
        Arrays.fill(image, component[1], Math.min(component[2], image.length), (byte) 0);
      }
    }
    return image;
  }
}
