package dev.vmstate.core.process;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.elf.PrStatus;
import dev.vmstate.memory.GuestMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * NT_PRPSINFO of a process, that of its group leader. {@code struct elf_prpsinfo}:
 *
 * <pre>
 * x86-64: i8 state, sname, zomb, nice   u64 flag @8    u32 uid, gid
 * i386:   the same four                 u32 flag       u16 uid, gid
 * both:   i32 pid, ppid, pgrp, sid      char fname[16], psargs[80]      136 or 124 bytes
 * </pre>
 *
 * Source: {@code fs/binfmt_elf.c}, fill_psinfo.
 */
final class ProcessInfo {
  static final int NT_PRPSINFO = 3;
  private static final int BYTES = 136;
  private static final int I386_BYTES = 124;
  private static final int NAME = 16;
  private static final int ARGUMENTS = 80;
  private static final String STATES = "RSDTZW";
  private static final long NICE_0 = 120;
  private static final long OVERFLOW = 65534;

  private ProcessInfo() {}

  /** The note; {@code remarks} gets why there are no arguments in it. */
  static ElfNote of(
      KernelObjects objects,
      KernelObject leader,
      ProcessIds ids,
      boolean i386,
      List<String> remarks)
      throws IOException {
    NoteBytes out = new NoteBytes(i386 ? I386_BYTES : BYTES, i386);
    long bits = leader.number(leader.has("__state") ? "__state" : "state") & 0xffff_ffffL;
    int state = bits == 0 ? 0 : Long.numberOfTrailingZeros(bits) + 1;
    char name = state < STATES.length() ? STATES.charAt(state) : '.';
    out.u8(state).u8(name).u8(name == 'Z' ? 1 : 0).u8(leader.signed("static_prio") - NICE_0);
    out.word(leader.number("flags"));
    long user = user(leader, "uid", "uid_map");
    long group = user(leader, "gid", "gid_map");
    if (i386) {
      out.u16(user > 0xffff ? OVERFLOW : user).u16(group > 0xffff ? OVERFLOW : group);
    } else {
      out.u32(user).u32(group);
    }
    out.u32(ids.thread(leader)).u32(ids.parent(leader));
    out.u32(ids.group(leader)).u32(ids.session(leader));
    byte[] comm = leader.text("comm").getBytes(StandardCharsets.ISO_8859_1);
    out.out().put(comm, 0, Math.min(comm.length, NAME - 1));
    out.out().position((i386 ? I386_BYTES : BYTES) - ARGUMENTS);
    Optional<KernelObject> mm = leader.follow("mm", "mm_struct");
    if (mm.isPresent()) {
      arguments(objects, mm.get(), out, remarks);
    }
    return ElfNote.of(PrStatus.OWNER, NT_PRPSINFO, out.array());
  }

  private static void arguments(
      KernelObjects objects, KernelObject mm, NoteBytes out, List<String> remarks)
      throws IOException {
    long start = mm.number("arg_start");
    long count = mm.number("arg_end") - start;
    if (count <= 0) {
      return;
    }
    try {
      KernelMemory user = user(objects, mm);
      for (int i = 0; i < Math.min(count, ARGUMENTS - 1); i++) {
        int next = user.u8(start + i);
        out.u8(next == 0 ? ' ' : next);
      }
    } catch (UnmappedAddressException away) {
      remarks.add(
          "NT_PRPSINFO ends where the arguments are not in RAM, at 0x%x".formatted(away.address()));
    }
  }

  /** Memory as a process sees it, as far as it has pages. */
  private static KernelMemory user(KernelObjects objects, KernelObject mm) throws IOException {
    GuestMemory physical = objects.memory().physical();
    long top = mm.number("pgd");
    long root =
        objects
            .memory()
            .translate(top)
            .orElseThrow(() -> new UnmappedAddressException("virtual", top));
    return new KernelMemory(
        physical, new PageTables(physical, objects.memory().tables().mode(), root));
  }

  /** As the process's own user namespace numbers it: from_kuid_munged. */
  private static long user(KernelObject leader, String id, String map) throws IOException {
    Optional<KernelObject> credentials = leader.follow("real_cred", "cred");
    if (credentials.isEmpty()) {
      return OVERFLOW;
    }
    long kernel = credentials.get().number(id + ".val");
    Optional<KernelObject> space = credentials.get().follow("user_ns", "user_namespace");
    if (space.isEmpty()) {
      return kernel;
    }
    KernelObject extents = space.get().inside(map, "uid_gid_map");
    long count = extents.number("nr_extents");
    long each = extents.objects().types().size("uid_gid_extent").orElse(12);
    long first = count > 5 ? extents.number("forward") : extents.at("extent");
    for (long i = 0; i < Math.min(count, 340); i++) {
      KernelObject extent = extents.objects().at("uid_gid_extent", first + i * each);
      long lower = extent.number("lower_first");
      if (kernel >= lower && kernel - lower < extent.number("count")) {
        return extent.number("first") + kernel - lower;
      }
    }
    return OVERFLOW;
  }
}
