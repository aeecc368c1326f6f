package dev.vmstate.inject;

import dev.vmstate.core.objects.GuestWords;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.process.AddressSpace;
import dev.vmstate.core.process.MappedFiles;
import dev.vmstate.core.process.ProcessMark;
import dev.vmstate.core.process.ProcessNotes;
import dev.vmstate.core.process.ThreadPlaces;
import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.EditSet;
import dev.vmstate.elf.CoreFile;
import dev.vmstate.elf.CoreNote;
import dev.vmstate.elf.ElfNote;
import dev.vmstate.elf.NoteField;
import dev.vmstate.elf.PrStatus;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What was edited in the notes of a process's core. Each note is made again from the snapshot and
 * compared. General registers (NT_PRSTATUS) go to the CPU or to the kernel's stack; of other notes
 * it is said that nothing is behind them.
 */
final class ProcessRegisters {
  private static final Map<String, String> I386_NAMES =
      Map.of("eflags", "eflags", "eip", "rip", "esp", "rsp", "orig_eax", "orig_rax");

  private final CoreFile core;
  private final KernelObjects objects;
  private final EditSet fields;
  private final ProcessEdits ram;
  private final List<InjectionReport.Metadata> named;
  private final List<String> notes;

  ProcessRegisters(
      CoreFile core,
      KernelObjects objects,
      EditSet fields,
      ProcessEdits ram,
      List<InjectionReport.Metadata> named,
      List<String> notes) {
    this.core = core;
    this.objects = objects;
    this.fields = fields;
    this.ram = ram;
    this.named = named;
    this.notes = notes;
  }

  /** Of a core that 'vmstate core' made of this very process. */
  void compare(AddressSpace space, List<X86Cpu> cpus, KernelObject task) throws IOException {
    List<ElfNote> was = ProcessNotes.of(objects, cpus, task, MappedFiles.of(space, task)).notes();
    List<CoreNote> now =
        core.notes().stream().filter(note -> !note.owner().equals(ProcessMark.OWNER)).toList();
    if (was.size() != now.size()) {
      notes.add("%s: notes were added or taken away: none of them is compared".formatted(name()));
      return;
    }
    ThreadPlaces places = new ThreadPlaces(objects, cpus, task);
    for (int i = 0; i < was.size(); i++) {
      ByteBuffer before = was.get(i).descriptor();
      ByteBuffer after = core.descriptor(now.get(i));
      if (before.equals(after)) {
        continue;
      }
      if (now.get(i).is(PrStatus.OWNER, PrStatus.NT_PRSTATUS)
          && was.get(i).type() == PrStatus.NT_PRSTATUS
          && before.remaining() == after.remaining()
          && PrStatus.isForm(before.remaining())) {
        thread(places, before, after);
      } else {
        notes.add(
            "%s: the note %s 0x%x was edited: of all notes only NT_PRSTATUS goes back"
                .formatted(name(), GuestWords.printable(now.get(i).owner()), now.get(i).type()));
      }
    }
  }

  private String name() {
    return core.source().name();
  }

  private void thread(ThreadPlaces places, ByteBuffer before, ByteBuffer after) throws IOException {
    List<NoteField.Value> was = PrStatus.decode(before);
    List<NoteField.Value> now = PrStatus.decode(after);
    long pid = was.get(0).value();
    Optional<KernelObject> thread = places.thread(pid);
    boolean any = false;
    for (int i = 1; i < was.size(); i++) {
      if (was.get(i).value() != now.get(i).value()) {
        any = true;
        register(places, thread, pid, was.get(i), now.get(i));
      }
    }
    if (!any) {
      notes.add(
          "%s: NT_PRSTATUS of thread %d was edited, but no register in it: that changes nothing"
              .formatted(name(), pid));
    }
  }

  private void register(
      ThreadPlaces places,
      Optional<KernelObject> thread,
      long pid,
      NoteField.Value was,
      NoteField.Value now)
      throws IOException {
    String field = was.field().name();
    String what = "thread %d: %s".formatted(pid, field);
    try {
      KernelObject task =
          thread.orElseThrow(() -> new IOException("the process has no such thread"));
      ThreadPlaces.Place place = places.of(task, wide(field));
      if (place.cpu().isPresent()) {
        inCpu(place, what, now.value());
      } else {
        inMemory(place, now.value());
        String before = "0x" + Long.toHexString(was.value());
        String after = "0x" + Long.toHexString(now.value());
        named.add(
            new InjectionReport.Metadata(
                what + ", on its kernel stack", before, after, name(), List.of()));
      }
    } catch (IOException e) {
      throw new IOException("%s: %s cannot change: %s".formatted(name(), what, e.getMessage()), e);
    }
  }

  private static String wide(String field) {
    boolean narrow = field.startsWith("e") && field.length() == 3 && !field.equals("es");
    return I386_NAMES.getOrDefault(field, narrow ? "r" + field.substring(1) : field);
  }

  private void inCpu(ThreadPlaces.Place place, String what, long value) throws IOException {
    Register register = place.cpu().orElseThrow().find(place.register()).orElse(null);
    if (register == null || !register.editable()) {
      throw new IOException("no register of the snapshot stands behind it");
    }
    if (register.bits() < 64 && value >>> register.bits() != 0) {
      throw new IOException("it has %d bits".formatted(register.bits()));
    }
    BigInteger number = new BigInteger(Long.toUnsignedString(value));
    fields.addAll(register.set(number, "%s, %s".formatted(name(), what)));
  }

  private void inMemory(ThreadPlaces.Place place, long value) throws IOException {
    for (int i = 0; i < place.bytes(); i++) {
      long physical =
          objects
              .memory()
              .translate(place.address() + i)
              .orElseThrow(() -> new IOException("its kernel stack is not mapped"));
      ram.set(physical, (byte) (value >>> 8 * i));
    }
  }
}
