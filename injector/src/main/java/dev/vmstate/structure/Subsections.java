package dev.vmstate.structure;

import dev.vmstate.bytes.Splice;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.VmdescText;
import dev.vmstate.inject.InjectionReport;
import dev.vmstate.inject.StructureEdits;
import dev.vmstate.layout.Layouts;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Optional parts of a device's state: one goes, or comes. QEMU looks each up by its name, so their
 * order means nothing to it ({@code migration/vmstate.c}, vmstate_subsection_load); one that comes
 * is put where the snapshot it comes from has it, so that taking it out and putting it back gives
 * the same file.
 */
public final class Subsections {
  private Subsections() {}

  /** Takes one out. */
  public static void drop(StructureEdits edits, String path, String origin) throws IOException {
    FieldPath found = FieldPath.find(edits.snapshot().devices(), path);
    if (!(found.field() instanceof Field.Group group)
        || group.kind() != Field.GroupKind.SUBSECTION) {
      throw notOne(found);
    }
    List<Field.Group> around = Groups.around(found.device().root(), group);
    int index = Groups.subsections(around.get(around.size() - 1)).indexOf(group);
    edits.splice(Splice.cut(group.span()));
    Optional<VmdescText.Device> described = edits.described(found.device());
    if (described.isPresent()) {
      described.get().place(around).drop(index, group.span().length());
    }
    edits.report(
        new InjectionReport.Structural(
            found.path(),
            "subsection dropped",
            group.span().offset(),
            group.span().length(),
            0,
            origin,
            rule(group.vmsd())));
  }

  /** When QEMU writes it: its own rule, where a table has it. */
  private static List<String> rule(String subsection) {
    return Layouts.builtIn().needed(subsection).stream()
        .map(needed -> "QEMU writes it when: " + needed)
        .toList();
  }

  private static FieldPath.NotFoundException notOne(FieldPath found) {
    List<String> there =
        Groups.subsectionPaths(found.device().root(), found.device().label()).stream()
            .limit(12)
            .toList();
    return new FieldPath.NotFoundException(
        "'%s' is no subsection: %s has %s"
            .formatted(found.path(), found.device().label(), there.isEmpty() ? "none" : there));
  }

  /** A group that can have the subsection, and what is to be put into it. */
  private record Target(FieldPath parent, Field.Group group, String name) {
    String path() {
      return parent.path() + "/" + name;
    }
  }

  /**
   * The group a path for a new subsection names. Names of both hold slashes; QEMU takes a
   * subsection only if its name begins with the name of the vmsd it belongs to.
   */
  private static Target target(StreamSnapshot snapshot, String path) throws IOException {
    Optional<FieldPath> nearest = Optional.empty();
    for (int slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      FieldPath parent;
      try {
        parent = FieldPath.find(snapshot.devices(), path.substring(0, slash));
      } catch (FieldPath.NotFoundException e) {
        continue;
      }
      if (parent.field() instanceof Field.Group group) {
        nearest = nearest.or(() -> Optional.of(parent));
        String name = path.substring(slash + 1);
        if (!group.vmsd().isEmpty()
            && name.startsWith(group.vmsd())
            && name.length() > group.vmsd().length()) {
          return new Target(parent, group, name);
        }
      }
    }
    if (nearest.isEmpty()) {
      FieldPath.find(snapshot.devices(), path); // says what there is
    }
    FieldPath parent = nearest.orElseThrow();
    Field.Group group = (Field.Group) parent.field();
    throw new FieldPath.NotFoundException(
        group.vmsd().isEmpty()
            ? "'%s': where the fields of %s end is not known, so nothing can be put behind them"
                .formatted(path, parent.path())
            : "'%s': a subsection's name begins with that of what it is in, QEMU takes no other: '%s/%s…' is the path"
                .formatted(path, parent.path(), group.vmsd()));
  }

  /** Puts one in that another snapshot has, at its place among the others. */
  public static void add(StructureEdits edits, String path, StreamSnapshot from, String origin)
      throws IOException {
    FieldPath found = FieldPath.find(from.devices(), path);
    if (!(found.field() instanceof Field.Group group)
        || group.kind() != Field.GroupKind.SUBSECTION) {
      throw notOne(found);
    }
    List<Field.Group> around = Groups.around(found.device().root(), group);
    List<Field.Group> siblings = Groups.subsections(around.get(around.size() - 1));
    String parent = found.path();
    parent = parent.substring(0, parent.length() - group.label().length() - 1);
    FieldPath into = FieldPath.find(edits.snapshot().devices(), parent);
    if (!(into.field() instanceof Field.Group there)) {
      throw new FieldPath.NotFoundException(
          "'%s': %s has no fields that are known".formatted(path, into.path()));
    }
    Target target = new Target(into, there, group.vmsd());
    Optional<VmdescText.Device> described = new StructureEdits(from).described(found.device());
    Optional<String> description =
        described.isPresent()
            ? described.get().place(around).subsection(siblings.indexOf(group))
            : Optional.empty();
    put(
        edits,
        target,
        from.stream().bytes(group.span()),
        group.version(),
        group.body().length(),
        description,
        siblings.stream().map(Field.Group::vmsd).toList(),
        origin);
  }

  /**
   * Puts one in whose bytes are given, behind all others.
   *
   * @param body its fields' bytes
   */
  public static void add(
      StructureEdits edits, String path, byte[] body, long version, String origin)
      throws IOException {
    Target target = target(edits.snapshot(), path);
    put(
        edits,
        target,
        SubsectionBytes.of(target.name(), version, body),
        version,
        body.length,
        Optional.empty(),
        List.of(),
        origin);
  }

  private static void put(
      StructureEdits edits,
      Target target,
      byte[] bytes,
      long version,
      long bodyBytes,
      Optional<String> description,
      List<String> order,
      String origin)
      throws IOException {
    DeviceSection device = target.parent().device();
    List<String> there =
        Groups.subsections(target.group()).stream().map(Field.Group::vmsd).toList();
    if (there.contains(target.name())) {
      throw new IOException(
          "%s: %s is there already".formatted(edits.snapshot().source(), target.path()));
    }
    int index = place(there, target.name(), order);
    long at =
        index < there.size()
            ? Groups.subsections(target.group()).get(index).span().offset()
            : target.group().body().end();
    edits.splice(Splice.insert(at, bytes));
    Optional<VmdescText.Device> described = edits.described(device);
    if (described.isPresent()) {
      List<Field.Group> around = new ArrayList<>(Groups.around(device.root(), target.group()));
      around.add(target.group());
      String told =
          description.isPresent()
              ? description.get()
              : edits.vmdesc().orElseThrow().subsection(target.name(), version, bodyBytes);
      described.get().place(around).add(index, told, bytes.length);
    }
    edits.report(
        new InjectionReport.Structural(
            target.path(), "subsection added", at, 0, bytes.length, origin, rule(target.name())));
  }

  /** In front of the first that comes later in {@code order}, or behind all. */
  private static int place(List<String> there, String name, List<String> order) {
    List<String> later = order.subList(order.indexOf(name) + 1, order.size());
    for (int i = 0; i < there.size(); i++) {
      if (later.contains(there.get(i))) {
        return i;
      }
    }
    return there.size();
  }
}
