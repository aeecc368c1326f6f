package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.container.Container.Fact;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.elf.CoreNote;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What the notes of a dump tell people. */
final class NoteFacts {
  private static final String OSRELEASE = "OSRELEASE=";

  /** Enough for the first line, which is OSRELEASE. */
  private static final int FIRST_LINE = 128;

  private NoteFacts() {}

  static List<Fact> of(
      ByteSource source, List<CoreNote> notes, String vmm, List<X86Cpu> cpus, boolean x86)
      throws IOException {
    List<Fact> facts = new ArrayList<>();
    if (!x86) {
      facts.add(new Fact("cpus", "registers are read of x86 only"));
    } else if (cpus.isEmpty()) {
      facts.add(new Fact("cpus", "the dump has no note of one"));
    } else if (vmm.equals("unknown")) {
      facts.add(new Fact("cpus", "NT_PRSTATUS notes alone: no control registers"));
    }
    for (CoreNote note : notes) {
      if (note.is("VMCOREINFO", 0)) {
        facts.add(vmcoreinfo(source, note.descriptor()));
        break;
      }
    }
    return facts;
  }

  static Fact vmcoreinfo(ByteSource source, Span where) throws IOException {
    Span front = new Span(where.offset(), Math.min(where.length(), FIRST_LINE));
    String line =
        StandardCharsets.ISO_8859_1.decode(source.read(front)).toString().split("\n", 2)[0];
    String kernel =
        line.startsWith(OSRELEASE) && line.chars().allMatch(c -> c >= ' ' && c < 127)
            ? " of kernel " + line.substring(OSRELEASE.length())
            : "";
    return new Fact("VMCOREINFO", "%d bytes%s".formatted(where.length(), kernel));
  }
}
