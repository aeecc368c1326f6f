package dev.vmstate.core.tasks;

import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Arguments or environment of a process, out of its own memory by its own page tables: what the
 * program has made of them since. Source: {@code fs/proc/base.c}, get_mm_cmdline and environ_read.
 *
 * @param strings without the NULs; one character for each byte
 * @param fault why some of it is missing, if so
 */
public record UserStrings(List<String> strings, Optional<String> fault) {
  private static final int PAGE = 4096;

  /** {@code xargs} makes no longer ones; a kernel allows a quarter of the stack. */
  private static final int MOST = 2 << 20;

  public UserStrings {
    strings = List.copyOf(strings);
  }

  /** What {@code /proc/PID/cmdline} shows. */
  public static UserStrings arguments(KernelObject mm) throws IOException {
    long start = mm.number("arg_start");
    long end = mm.number("arg_end");
    if (Long.compareUnsigned(start, end) >= 0) {
      return new UserStrings(List.of(), Optional.empty());
    }
    KernelMemory memory = memory(mm);
    // A last byte that is no NUL was written by setproctitle, which may go on over the environment.
    if (!title(memory, end - 1)) {
      return of(memory, start, end);
    }
    long last = mm.number("env_start") == end ? mm.number("env_end") : end;
    long most = Math.min(Math.max(last, end) - start, PAGE);
    UserStrings title = of(memory, start, start + most);
    return new UserStrings(title.strings().stream().limit(1).toList(), title.fault());
  }

  /** What {@code /proc/PID/environ} shows. */
  public static UserStrings environment(KernelObject mm) throws IOException {
    return of(memory(mm), mm.number("env_start"), mm.number("env_end"));
  }

  private static KernelMemory memory(KernelObject mm) throws IOException {
    KernelMemory kernel = mm.objects().memory();
    OptionalLong root = kernel.translate(mm.number("pgd"));
    if (root.isEmpty()) {
      throw new UnmappedAddressException("virtual", mm.number("pgd"));
    }
    return new KernelMemory(
        kernel.physical(),
        new PageTables(kernel.physical(), kernel.tables().mode(), root.getAsLong()));
  }

  private static boolean title(KernelMemory memory, long last) throws IOException {
    try {
      return memory.u8(last) != 0;
    } catch (UnmappedAddressException absent) {
      return false;
    }
  }

  private static UserStrings of(KernelMemory memory, long start, long end) throws IOException {
    if (end - start < 0 || end - start > MOST) {
      return new UserStrings(
          List.of(), Optional.of("0x%x bytes at 0x%x are too many".formatted(end - start, start)));
    }
    StringBuilder text = new StringBuilder();
    Optional<String> fault = Optional.empty();
    for (long at = start; at < end; ) {
      int part = (int) Math.min(end - at, PAGE - (at & (PAGE - 1)));
      try {
        text.append(new String(memory.bytes(at, part), StandardCharsets.ISO_8859_1));
      } catch (UnmappedAddressException absent) {
        fault = Optional.of("0x%x is not in RAM (swapped out?)".formatted(at));
        break;
      }
      at += part;
    }
    return new UserStrings(parts(text), fault);
  }

  private static List<String> parts(CharSequence text) {
    List<String> parts = new ArrayList<>();
    int from = 0;
    for (int at = 0; at < text.length(); at++) {
      if (text.charAt(at) == 0) {
        parts.add(text.subSequence(from, at).toString());
        from = at + 1;
      }
    }
    if (from < text.length()) {
      parts.add(text.subSequence(from, text.length()).toString());
    }
    return parts;
  }
}
