package dev.vmstate.core.process;

import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.elf.PrStatus;
import dev.vmstate.elf.VectorNotes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The notes of a thread behind its NT_PRSTATUS, in the order of the kernel's register sets ({@code
 * arch/x86/kernel/ptrace.c}):
 *
 * <pre>
 * x86-64: NT_PRFPREG 512, NT_X86_XSTATE if there is XSAVE, NT_X86_SHSTK if the thread has one
 * i386:   NT_PRFPREG 108, NT_PRXFPREG 512, NT_X86_XSTATE, NT_386_TLS if the thread has TLS
 * </pre>
 */
final class RegisterSets {
  static final int NT_PRXFPREG = 0x46e6_2b7f;
  static final int NT_386_TLS = 0x200;
  static final int NT_X86_SHSTK = 0x204;
  static final int NT_X86_XSAVE_LAYOUT = 0x205;
  private static final String LINUX = VectorNotes.XSTATE_OWNER;

  private static final int I387_BYTES = 108;
  private static final int ST_AT = 32;
  private static final int TLS = 3;
  private static final long SHADOW_STACK = 1;

  private RegisterSets() {}

  /** Those of a 64-bit thread. */
  static List<ElfNote> of(KernelObject task, XstateLayout layout, ThreadVectors.Vectors vectors)
      throws IOException {
    List<ElfNote> notes = new ArrayList<>();
    notes.add(ElfNote.of(PrStatus.OWNER, VectorNotes.NT_PRFPREG, vectors.image().fxsave()));
    xstate(layout, vectors).ifPresent(notes::add);
    if (task.has("thread.features") && (task.number("thread.features") & SHADOW_STACK) != 0) {
      ByteBuffer pointer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      pointer.putLong(0, vectors.image().shadowStack());
      notes.add(new ElfNote(LINUX, NT_X86_SHSTK, pointer));
    }
    return notes;
  }

  /** Those of a 32-bit thread. */
  static List<ElfNote> ofI386(
      KernelObject task,
      UserRegisters registers,
      XstateLayout layout,
      Optional<ThreadVectors.Vectors> vectors)
      throws IOException {
    List<ElfNote> notes = new ArrayList<>();
    if (vectors.isPresent()) {
      byte[] image = vectors.get().image().fxsave();
      boolean long64 = task.objects().memory().wordBytes() == 8;
      notes.add(ElfNote.of(PrStatus.OWNER, VectorNotes.NT_PRFPREG, i387(image, registers, long64)));
      notes.add(ElfNote.of(LINUX, NT_PRXFPREG, image));
      xstate(layout, vectors.get()).ifPresent(notes::add);
    }
    threadLocal(task).ifPresent(notes::add);
    return notes;
  }

  private static Optional<ElfNote> xstate(XstateLayout layout, ThreadVectors.Vectors vectors) {
    return layout.size() == 0
        ? Optional.empty()
        : Optional.of(
            ElfNote.of(
                LINUX,
                VectorNotes.NT_X86_XSTATE,
                vectors.image().xsave(vectors.mask(), vectors.pkru())));
  }

  /**
   * What FSAVE writes, from what FXSAVE did: {@code u32 cwd, swd, twd, fip, fcs, foo, fos}, then
   * eight registers of 10 bytes. FXSAVE of 64-bit mode has no selectors: the kernel puts CS and DS
   * there. Source: {@code arch/x86/kernel/fpu/regset.c}, convert_from_fxsr.
   */
  static byte[] i387(byte[] fxsave, UserRegisters registers, boolean long64) {
    ByteBuffer in = ByteBuffer.wrap(fxsave).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer out = ByteBuffer.allocate(I387_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    int high = 0xffff_0000;
    out.putInt(in.getShort(0) & 0xffff | high).putInt(in.getShort(2) & 0xffff | high);
    out.putInt(tags(in) | high).putInt(in.getInt(8));
    if (long64) {
      out.putInt((int) registers.get("cs")).putInt(in.getInt(16));
      out.putInt((int) registers.get("ds") & 0xffff | high);
    } else {
      out.putInt(in.getShort(12) & 0xffff | in.getShort(6) << 16);
      out.putInt(in.getInt(16)).putInt(in.getInt(20));
    }
    for (int i = 0; i < 8; i++) {
      out.put(28 + 10 * i, in, ST_AT + 16 * i, 10);
    }
    return out.array();
  }

  /** Two bits for each register: 0 a number, 1 zero, 2 NaN and the like, 3 empty. */
  private static int tags(ByteBuffer in) {
    int top = in.getShort(2) >> 11 & 7;
    int tags = 0;
    for (int i = 0; i < 8; i++) {
      int tag = 3;
      if ((in.get(4) >> i & 1) != 0) {
        int at = ST_AT + 16 * (i - top & 7);
        int exponent = in.getShort(at + 8) & 0x7fff;
        long mantissa = in.getLong(at);
        if (exponent == 0) {
          tag = mantissa == 0 ? 1 : 2;
        } else {
          tag = exponent != 0x7fff && mantissa < 0 ? 0 : 2;
        }
      }
      tags |= tag << 2 * i;
    }
    return tags;
  }

  /** Three {@code struct user_desc}, of 16 bytes: the descriptors set_thread_area made. */
  private static Optional<ElfNote> threadLocal(KernelObject task) throws IOException {
    KernelObjects objects = task.objects();
    long at = task.at("thread.tls_array");
    int first = objects.memory().wordBytes() == 8 ? 12 : 6;
    ByteBuffer out = ByteBuffer.allocate(16 * TLS).order(ByteOrder.LITTLE_ENDIAN);
    boolean any = false;
    for (int i = 0; i < TLS; i++) {
      long descriptor = objects.memory().u64(at + 8L * i);
      any |= descriptor != 0;
      out.putInt(first + i);
      out.putInt((int) (descriptor >>> 16 & 0xff_ffff | descriptor >>> 56 << 24));
      out.putInt((int) (descriptor & 0xffff | descriptor >>> 32 & 0xf_0000));
      out.putInt(flags(descriptor));
    }
    return any ? Optional.of(new ElfNote(LINUX, NT_386_TLS, out.flip())) : Optional.empty();
  }

  /**
   * seg_32bit:1, contents:2, read_exec_only:1, limit_in_pages:1, seg_not_present:1, useable:1,
   * lm:1.
   */
  private static int flags(long descriptor) {
    return bit(descriptor, 54)
        | (int) (descriptor >>> 42 & 3) << 1
        | (1 - bit(descriptor, 41)) << 3
        | bit(descriptor, 55) << 4
        | (1 - bit(descriptor, 47)) << 5
        | bit(descriptor, 52) << 6
        | bit(descriptor, 53) << 7;
  }

  private static int bit(long descriptor, int bit) {
    return (int) (descriptor >>> bit & 1);
  }

  /**
   * NT_X86_XSAVE_LAYOUT, behind all threads, where the kernel writes it (6.12): {@code u32 type,
   * size, offset, flags} for each component of {@code features} from AVX on.
   */
  static Optional<ElfNote> layout(XstateLayout layout) {
    if (layout.size() == 0) {
      return Optional.empty();
    }
    long extended = layout.features() & ~3L & (1L << XstateLayout.FEATURES) - 1;
    ByteBuffer out =
        ByteBuffer.allocate(16 * Long.bitCount(extended)).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 2; i < XstateLayout.FEATURES; i++) {
      if ((extended >>> i & 1) != 0) {
        out.putInt(i).putInt(layout.sizes().get(i));
        out.putInt(layout.offsets().get(i)).putInt(layout.flags().get(i));
      }
    }
    return Optional.of(new ElfNote(LINUX, NT_X86_XSAVE_LAYOUT, out.flip()));
  }
}
