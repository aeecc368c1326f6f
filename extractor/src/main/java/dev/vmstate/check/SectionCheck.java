package dev.vmstate.check;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.VmDescription;
import dev.vmstate.schema.ClassDescription;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which section meets which, as {@code migration/savevm.c} (find_se,
 * qemu_loadvm_section_start_full) looks them up: by name and instance. A section that the machine
 * does not expect ends the load; one that it expects and does not get leaves the device as it is
 * after reset.
 */
final class SectionCheck {
  private static final Pattern PCI =
      Pattern.compile("([0-9a-f]{4}:)?([0-9a-f]{2}):([0-9a-f]{2})\\.([0-7])/.*");

  private record Key(String name, long instance) {}

  /** A section and what its own stream says of it. */
  record Described(DeviceSection section, Optional<VmDescription.Device> description) {}

  private final StreamSnapshot snapshot;
  private final Destination to;
  private final List<Finding> findings;

  SectionCheck(StreamSnapshot snapshot, Destination to, List<Finding> findings) {
    this.snapshot = snapshot;
    this.to = to;
    this.findings = findings;
  }

  void run() throws IOException {
    Map<Key, Deque<Described>> own = new LinkedHashMap<>();
    for (Described section : described(to.fresh())) {
      own.computeIfAbsent(key(section.section()), key -> new ArrayDeque<>()).add(section);
    }
    List<Described> strange = new ArrayList<>();
    for (Described saved : described(snapshot)) {
      Deque<Described> same = own.get(key(saved.section()));
      if (same != null && !same.isEmpty()) {
        pair(saved, same.remove());
      } else {
        strange.add(saved);
      }
    }
    List<Described> left = new ArrayList<>();
    own.values().forEach(left::addAll);
    for (Described saved : strange) {
      if (!byOldName(saved, left)) {
        unknown(saved, left);
      }
    }
    for (Described missing : left) {
      findings.add(
          Finding.warning(
              missing.section().label(),
              "",
              "only the destination has this section: the device keeps its state of after reset"));
    }
  }

  private static Key key(DeviceSection section) {
    return new Key(section.name(), section.instance());
  }

  private static List<Described> described(StreamSnapshot stream) throws IOException {
    Map<Key, Deque<VmDescription.Device>> descriptions = new HashMap<>();
    Optional<VmDescription> all = stream.description();
    if (all.isPresent()) {
      for (VmDescription.Device device : all.get().devices()) {
        descriptions
            .computeIfAbsent(new Key(device.name(), device.instance()), key -> new ArrayDeque<>())
            .add(device);
      }
    }
    List<Described> sections = new ArrayList<>();
    for (DeviceSection section : stream.devices()) {
      Deque<VmDescription.Device> fitting = descriptions.get(key(section));
      sections.add(
          new Described(
              section, Optional.ofNullable(fitting == null ? null : fitting.pollFirst())));
    }
    return sections;
  }

  private void pair(Described saved, Described own) throws IOException {
    DeviceSection section = saved.section();
    if (section.version() > own.section().version()) {
      tooNew(section, own.section().version());
      return;
    }
    String name = own.description().map(d -> d.body().name()).orElse("");
    if (section.version() < own.section().version()) {
      Optional<Long> least =
          to.classes().sections(name).stream().map(ClassDescription::minimum).min(Long::compare);
      if (least.isPresent() && section.version() < least.get()) {
        findings.add(
            Finding.error(
                    section.label(),
                    "",
                    "version %d, QEMU %s reads %d to %d"
                        .formatted(
                            section.version(), to.qemu(), least.get(), own.section().version()))
                .fixedBy("drop-section", section.label())
                .at("the device then keeps its state of after reset"));
        return;
      }
    }
    if (saved.description().isPresent() && own.description().isPresent()) {
      new StructComparison(section, own.section().version(), to, findings)
          .compare(saved.description().get().body(), own.description().get().body());
    }
    ValueCheck.of(section, own.section(), findings);
    PciCheck.of(section, own.section(), to, findings);
    VirtioCheck.of(section, own.section(), to, findings);
  }

  private void tooNew(DeviceSection section, long known) {
    findings.add(
        Finding.error(
                section.label(),
                "",
                "version %d is too new, QEMU %s reads up to %d"
                    .formatted(section.version(), to.qemu(), known))
            .fixedBy("drop-section", section.label())
            .at("the device then keeps its state of after reset"));
  }

  /**
   * Up to 0.12 sections were called by the device alone; QEMU still finds a device by that name,
   * counted among those of its kind (se->compat).
   */
  private boolean byOldName(Described saved, List<Described> left) throws IOException {
    DeviceSection section = saved.section();
    if (section.name().contains("/")) {
      return false;
    }
    long count = 0;
    for (Described own : to.whole() ? described(to.fresh()) : List.<Described>of()) {
      if (own.section().name().endsWith("/" + section.name()) && count++ == section.instance()) {
        left.removeIf(other -> key(other.section()).equals(key(own.section())));
        pair(saved, own);
        findings.add(
            Finding.info(
                section.label(), "", "goes to %s by its old name".formatted(own.section().name())));
        return true;
      }
    }
    return false;
  }

  private void unknown(Described saved, List<Described> left) throws IOException {
    DeviceSection section = saved.section();
    Optional<String> description = description(saved);
    List<ClassDescription> classes =
        description.map(name -> to.classes().sections(name)).orElse(List.of());
    if (expectedThoughNotSaved(description)) {
      findings.add(
          Finding.info(
              section.label(),
              "",
              "the destination has such a device, which has nothing to save after reset"));
      return;
    }
    List<Described> alike =
        left.stream().filter(own -> kind(own.section()).equals(kind(section))).toList();
    if (alike.size() == 1) {
      DeviceSection own = alike.get(0).section();
      findings.add(
          Finding.error(
                  section.label(),
                  "",
                  "the destination has this device under another name: %s".formatted(own.label()))
              .fixedBy("rename-section", section.label(), own.label())
              .at(where(section) + "or put the device where it was"));
      return;
    }
    if (!classes.isEmpty() && !to.whole()) {
      findings.add(
          Finding.info(
              section.label(),
              "",
              "no part of the board: the machine needs " + option(section, description.get())));
      againstClasses(saved, classes);
      return;
    }
    if (classes.isEmpty() && !to.whole() && holds(section)) {
      findings.add(
          Finding.info(
              section.label(), "", "no part of the board: QEMU %s has it".formatted(to.qemu())));
      return;
    }
    String reason =
        to.whole()
            ? "the destination has no such section"
            : "QEMU %s knows no such device".formatted(to.qemu());
    if (section.name().equals("cpu") || section.name().equals("apic") && !hasCpu(section)) {
      reason += ": it has fewer CPUs (-smp)";
    } else if (section.name().equals("apic") || section.name().equals("kvm-tpr-opt")) {
      reason += ": its CPU model has no APIC";
    } else if (section.name().equals("kvmclock")) {
      reason += ": it comes with -accel kvm";
    } else if (!classes.isEmpty()) {
      reason += ": add " + option(section, description.get());
    }
    findings.add(
        Finding.error(section.label(), "", reason)
            .fixedBy("drop-section", section.label())
            .at("the device's state is lost"));
  }

  private boolean hasCpu(DeviceSection apic) throws IOException {
    return to.fresh().devices().stream()
        .anyMatch(own -> own.name().equals("cpu") && own.instance() == apic.instance());
  }

  private static String where(DeviceSection section) {
    Matcher place = PCI.matcher(section.name());
    return place.matches()
        ? "the guest's driver knows it at %s:%s.%s; "
            .formatted(place.group(2), place.group(3), place.group(4))
        : "";
  }

  private boolean holds(DeviceSection section) throws IOException {
    String last = section.name().substring(section.name().lastIndexOf('/') + 1);
    return to.names().hold(last).orElse(true);
  }

  /** Name of the class description, from the stream, or else by the section's name. */
  private Optional<String> description(Described saved) {
    Optional<String> own =
        saved
            .description()
            .map(device -> device.body().name())
            .filter(name -> !to.classes().sections(name).isEmpty());
    return own.or(() -> to.classes().descriptionOf(saved.section().name()));
  }

  /** What the section is of: its name without the place in front. */
  private static String kind(DeviceSection section) {
    Matcher place = PCI.matcher(section.name());
    String name = section.name();
    return place.matches() ? name.substring(name.lastIndexOf('/', name.length()) + 1) : name;
  }

  /**
   * A section may be left out while there is nothing to say ({@code needed}), and is expected all
   * the same: then there are more devices of that class than sections.
   */
  private boolean expectedThoughNotSaved(Optional<String> description) throws IOException {
    if (description.isEmpty() || !to.whole()) {
      return false;
    }
    int devices =
        to.classes().classesOf(description.get()).stream()
            .mapToInt(name -> to.devices().getOrDefault(name, 0))
            .sum();
    long sections =
        to.fresh().devices().stream()
            .filter(
                own ->
                    own.name().equals(description.get())
                        || own.name().endsWith("/" + description.get()))
            .count();
    return devices > sections;
  }

  /** The words for QEMU's command line that add the device where it was. */
  private String option(DeviceSection section, String description) {
    List<String> classes = to.classes().classesOf(description);
    String name = classes.contains(description) ? description : classes.get(0);
    if (name.startsWith("virtio-") && name.endsWith("-device")) {
      name = name.replaceFirst("-device$", "-pci");
    }
    Matcher place = PCI.matcher(section.name());
    String at = "";
    if (place.matches()) {
      String function = place.group(4).equals("0") ? "" : "." + place.group(4);
      at = ",addr=0x%s%s".formatted(place.group(3), function);
    }
    return "-device %s%s".formatted(name, at);
  }

  /** Of a device that is not there now, what its class says. */
  private void againstClasses(Described saved, List<ClassDescription> classes) throws IOException {
    DeviceSection section = saved.section();
    long newest = classes.stream().mapToLong(ClassDescription::version).max().orElseThrow();
    long oldest = classes.stream().mapToLong(ClassDescription::minimum).min().orElseThrow();
    if (section.version() > newest) {
      tooNew(section, newest);
      return;
    }
    if (section.version() < oldest) {
      findings.add(
          Finding.error(
                  section.label(),
                  "",
                  "version %d, QEMU %s reads %d to %d"
                      .formatted(section.version(), to.qemu(), oldest, newest))
              .fixedBy("drop-section", section.label())
              .at("the device's state is lost"));
      return;
    }
    SubsectionCheck.of(section, to, findings);
    if (saved.description().isPresent()) {
      ClassComparison.of(section, saved.description().get().body(), classes, to, findings);
    }
  }
}
