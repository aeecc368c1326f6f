package dev.vmstate.inject;

import dev.vmstate.bytes.Progress;
import dev.vmstate.core.edit.GuestName;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.device.EditSet;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.exchange.GuestObjects;
import dev.vmstate.firmware.Acpi;
import dev.vmstate.firmware.GenerationId;
import dev.vmstate.firmware.Smbios;
import dev.vmstate.firmware.TableEdit;
import dev.vmstate.layout.LayoutFit;
import dev.vmstate.linked.Checksums;
import dev.vmstate.linked.ClockShift;
import dev.vmstate.linked.LinkedEdit;
import dev.vmstate.snapshot.EditableSnapshot;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Edits of one snapshot that go to several places at once, or to places in guest memory that
 * firmware has chosen, by the names people give them: {@code clock+=3600}, {@code uuid=…}, {@code
 * smbios.serial=…}, {@code acpi.FACP.oem_id=…}, {@code guest.hostname=…}.
 */
public final class LinkedEdits {
  private static final String LATER = "clock+";
  private static final String EARLIER = "clock-";
  private static final String MACHINE = "uuid";
  private static final String VMGENID = "vmgenid";
  private static final String SMBIOS = "smbios.";
  private static final String ACPI = "acpi.";
  private static final String AUTO = "auto";
  private static final Map<String, GuestName> GUEST =
      Map.of("guest.hostname", GuestName.HOSTNAME, "guest.domainname", GuestName.DOMAINNAME);

  private static final String SMBIOS_LIMIT =
      "what the firmware makes of QEMU's command line (-uuid, -smbios) at the next reset, and what the"
          + " guest's kernel has read from the tables at boot";

  private static final String ACPI_LIMIT =
      "the copy in /rom@etc/acpi/tables: at a reset QEMU makes it anew and the firmware takes it; and"
          + " what the guest's kernel has made of the tables at boot";

  private static final String VMGENID_LIMIT =
      "the guid= of -device vmgenid: QEMU writes that one over it while loading and tells the guest of"
          + " a change, so give it there too";

  private static final String GUEST_LIMIT =
      "what programs have asked before, and what the guest's disk says (/etc/hostname), by which the"
          + " name is set at the next boot";

  private static final Pattern DURATION = Pattern.compile("(\\d{1,11})([smhd]?)");

  private final EditableSnapshot snapshot;
  private final Optional<Path> vmlinux;
  private final EditSet fields = new EditSet();
  private final List<String> limits = new ArrayList<>();
  private final List<InjectionReport.Metadata> named = new ArrayList<>();
  private Optional<SaveImageEdit> saved = Optional.empty();
  private @Nullable MemoryEdits memory;
  private @Nullable Smbios smbios;
  private @Nullable Acpi acpi;
  private @Nullable KernelObjects kernel;

  /** No edit yet. */
  public LinkedEdits(EditableSnapshot snapshot) {
    this(snapshot, Optional.empty());
  }

  /** {@code vmlinux}: of a guest whose kernel does not say how its structures are laid out. */
  public LinkedEdits(EditableSnapshot snapshot, Optional<Path> vmlinux) {
    this.snapshot = snapshot;
    this.vmlinux = vmlinux;
  }

  /** Whether {@code path} names such an edit. */
  public static boolean has(String path) {
    return path.equals(LATER) || path.equals(EARLIER) || isValue(path);
  }

  /** Whether {@code path} names a value that {@link #text} gives. */
  public static boolean isValue(String path) {
    return path.equals(MACHINE)
        || path.equals(VMGENID)
        || GUEST.containsKey(path)
        || path.startsWith(SMBIOS)
        || path.startsWith(ACPI);
  }

  /**
   * Adds one.
   *
   * @param path one that {@link #has} knows
   * @param origin who asks, for the report
   * @throws IllegalArgumentException when the value is none
   * @throws IOException when the snapshot has no place for it
   */
  public void set(String path, String value, String origin) throws IOException {
    switch (path) {
      case LATER -> clock(seconds(path, value), origin);
      case EARLIER -> clock(-seconds(path, value), origin);
      case MACHINE -> uuid(identity(value), origin);
      case VMGENID -> vmgenid(identity(value), origin);
      default -> table(path, value, origin);
    }
  }

  private void table(String path, String value, String origin) throws IOException {
    try {
      GuestName name = GUEST.get(path);
      if (name != null) {
        guest(name, path, value, origin);
      } else if (path.startsWith(SMBIOS)) {
        report(smbios().text(path.substring(SMBIOS.length()), value), origin);
        limits.add(SMBIOS_LIMIT);
      } else {
        acpi().set(path.substring(ACPI.length()), value).forEach(edit -> report(edit, origin));
        limits.add(ACPI_LIMIT);
      }
    } catch (IOException e) {
      throw placed(e);
    }
  }

  private void guest(GuestName name, String path, String value, String origin) throws IOException {
    String before = name.set(kernel(), memoryEdits(), value);
    report(new TableEdit(path, before, value), origin);
    for (String other : name.others(kernel(), before)) {
      limits.add("%s, a UTS namespace that has the name %s too".formatted(other, before));
    }
    limits.add(GUEST_LIMIT);
  }

  /** A value that stands in memory, as {@link #isValue} knows them. */
  public String text(String path) throws IOException {
    try {
      if (path.equals(MACHINE)) {
        return smbios().uuid().toString();
      }
      if (path.equals(VMGENID)) {
        return GenerationId.text(memoryEdits().read(GenerationId.address(snapshot.devices()), 16));
      }
      if (GUEST.containsKey(path)) {
        return GUEST.get(path).text(kernel());
      }
      return path.startsWith(SMBIOS)
          ? smbios().text(path.substring(SMBIOS.length()))
          : acpi().text(path.substring(ACPI.length()));
    } catch (IOException e) {
      throw placed(e);
    }
  }

  private IOException placed(IOException e) {
    String message = String.valueOf(e.getMessage());
    String place = snapshot.source().toString();
    return message.startsWith(place) ? e : new IOException(place + ": " + message, e);
  }

  private static UUID identity(String value) {
    return value.equals(AUTO) ? UUID.randomUUID() : Smbios.parse(value);
  }

  private void uuid(UUID uuid, String origin) throws IOException {
    boolean any = false;
    try {
      report(smbios().uuid(uuid), origin);
      limits.add(SMBIOS_LIMIT);
      any = true;
    } catch (IOException e) {
      limits.add("SMBIOS: " + e.getMessage());
    }
    Optional<FieldEdit> configuration =
        snapshot instanceof StreamSnapshot stream
            ? MachineUuid.configuration(stream, uuid, origin)
            : Optional.empty();
    if (configuration.isPresent()) {
      fields.add(configuration.get());
      any = true;
    }
    Optional<SaveImageEdit> image = saved.or(() -> SaveImageEdit.of(snapshot.holder()));
    if (image.isPresent() && MachineUuid.inDomainXml(image.get(), uuid, origin) > 0) {
      saved = image;
      any = true;
    }
    if (!any) {
      throw new IOException(
          "%s: no place holds the machine's UUID (%s)"
              .formatted(snapshot.source(), limits.get(limits.size() - 1)));
    }
  }

  private void vmgenid(UUID uuid, String origin) throws IOException {
    try {
      long address = GenerationId.address(snapshot.devices());
      String before = GenerationId.text(memoryEdits().read(address, 16));
      memoryEdits().write(address, GenerationId.bytes(uuid));
      report(new TableEdit("vmgenid, at 0x%x".formatted(address), before, uuid.toString()), origin);
      limits.add(VMGENID_LIMIT);
    } catch (IOException e) {
      throw placed(e);
    }
  }

  private void report(TableEdit edit, String origin) {
    if (!edit.before().equals(edit.after())) {
      named.add(
          new InjectionReport.Metadata(
              edit.path(), edit.before(), edit.after(), origin, List.of()));
    }
  }

  private MemoryEdits memoryEdits() throws IOException {
    MemoryEdits known = memory;
    if (known == null) {
      known = new MemoryEdits(snapshot);
      memory = known;
    }
    return known;
  }

  private KernelObjects kernel() throws IOException {
    KernelObjects known = kernel;
    if (known == null) {
      known = GuestObjects.of(snapshot, vmlinux, Progress.NONE);
      kernel = known;
    }
    return known;
  }

  private Smbios smbios() throws IOException {
    Smbios known = smbios;
    if (known == null) {
      known = Smbios.find(memoryEdits());
      smbios = known;
    }
    return known;
  }

  private Acpi acpi() throws IOException {
    Acpi known = acpi;
    if (known == null) {
      known = Acpi.find(memoryEdits());
      acpi = known;
    }
    return known;
  }

  /** {@code 90}, {@code 90s}, {@code 15m}, {@code 12h}, {@code 30d}. */
  private static long seconds(String path, String value) {
    Matcher duration = DURATION.matcher(value);
    if (!duration.matches()) {
      throw new IllegalArgumentException(
          "%s=%s: seconds expected, or a number with s, m, h or d behind it"
              .formatted(path, value));
    }
    long unit =
        switch (duration.group(2)) {
          case "m" -> 60;
          case "h" -> 3600;
          case "d" -> 86400;
          default -> 1;
        };
    return Long.parseLong(duration.group(1)) * unit;
  }

  private void clock(long seconds, String origin) throws IOException {
    try {
      LinkedEdit edit = ClockShift.of(snapshot.devices(), seconds, origin);
      fields.addAll(edit.edits());
      limits.addAll(edit.limits());
    } catch (IOException e) {
      throw placed(e);
    }
  }

  /** Lets checksums follow what the fields change. */
  public void checksums() throws IOException {
    Checksums.follow(snapshot.devices(), fields, "set");
    LayoutFit.warn(snapshot.devices(), fields);
  }

  /** Of which snapshot. */
  EditableSnapshot snapshot() {
    return snapshot;
  }

  /** Device fields; others may be added. */
  public EditSet fields() {
    return fields;
  }

  /** Memory, if any of it changes. */
  Optional<MemoryEdits> memory() {
    return Optional.ofNullable(memory);
  }

  /** What a libvirt save image keeps before the stream. */
  public Optional<SaveImageEdit> saved() {
    return saved;
  }

  /** Also changes that. */
  public void saved(Optional<SaveImageEdit> edit) {
    saved = edit;
  }

  /** Named values in memory. */
  List<InjectionReport.Metadata> named() {
    return List.copyOf(named);
  }

  /** What keeps its old value, for people. */
  public List<String> limits() {
    return limits.stream().distinct().toList();
  }
}
