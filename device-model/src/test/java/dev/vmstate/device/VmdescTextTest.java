package dev.vmstate.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Span;
import dev.vmstate.bytes.Splice;
import dev.vmstate.fixtures.DeviceFields;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random devices, written twice by hand: with a subsection and without it. An edit of one text has
 * to give the other, byte for byte.
 */
class VmdescTextTest {
  static LongStream seeds() {
    Long one = Long.getLong("vmstate.seed");
    return one != null ? LongStream.of(one) : LongStream.range(0, 300);
  }

  /** A vmsd: fields, structs inside, subsections; each subsection has a number. */
  private static final class Vmsd {
    private final String name;
    private final int numbers;
    private final List<Vmsd> structs = new ArrayList<>();
    private final List<Vmsd> subsections = new ArrayList<>();
    private int id = -1;

    Vmsd(String name, int numbers) {
      this.name = name;
      this.numbers = numbers;
    }

    static Vmsd random(String name, SplittableRandom random, int depth, int[] ids) {
      Vmsd vmsd = new Vmsd(name, random.nextInt(3));
      for (int i = random.nextInt(3); depth > 0 && i > 0; i--) {
        vmsd.structs.add(random(name + "_s" + i, random, depth - 1, ids));
      }
      for (int i = random.nextInt(4); depth > 0 && i > 0; i--) {
        Vmsd subsection = random(name + "/x" + i, random, depth - 1, ids);
        subsection.id = ids[0]++;
        vmsd.subsections.add(subsection);
      }
      return vmsd;
    }

    void write(DeviceFields out, Set<Integer> without) {
      for (int i = 0; i < numbers; i++) {
        out.u16("n" + i, i);
      }
      out.array("a", "uint32", 1, 2);
      for (Vmsd struct : structs) {
        out.struct(struct.name, struct.name, 1, inner -> struct.write(inner, without));
      }
      for (Vmsd sub : subsections) {
        if (!without.contains(sub.id)) {
          out.subsection(sub.name, 1, inner -> sub.write(inner, without));
        }
      }
    }
  }

  /** The stream's end: the payload, and behind it the JSON with its length. */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  private record Stream(byte[] payload, String json) {
    ByteSource source() {
      byte[] text = json.getBytes(StandardCharsets.UTF_8);
      return ByteSource.of(
          "a",
          ByteBuffer.allocate(payload.length + 4 + text.length)
              .put(payload)
              .putInt(text.length)
              .put(text)
              .array());
    }

    Span at() {
      return new Span(payload.length + 4L, json.getBytes(StandardCharsets.UTF_8).length);
    }

    Field.Group tree() throws IOException {
      VmDescription description =
          VmDescriptionJson.read(
              new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)), "a", 0);
      return SectionDecoder.decode(
          source(), new Span(0, payload.length), "dev", description.devices().get(1).body());
    }

    String edited(VmdescText text) throws IOException {
      byte[] bytes = source().bytes(new Span(0, at().end()));
      List<Splice> splices = new ArrayList<>(text.splices());
      splices.sort(Comparator.comparingLong((Splice s) -> s.where().offset()).reversed());
      StringBuilder out = new StringBuilder(new String(bytes, StandardCharsets.ISO_8859_1));
      for (Splice splice : splices) {
        byte[] with = new byte[splice.with().remaining()];
        splice.with().get(with);
        out.replace(
            (int) splice.where().offset(),
            (int) splice.where().end(),
            new String(with, StandardCharsets.ISO_8859_1));
      }
      byte[] after = out.toString().getBytes(StandardCharsets.ISO_8859_1);
      int length = ByteBuffer.wrap(after).getInt(payload.length);
      assertEquals(after.length - payload.length - 4, length, "the length in front of the JSON");
      return new String(after, payload.length + 4, length, StandardCharsets.UTF_8);
    }
  }

  private static Stream stream(Vmsd device, Set<Integer> without, UnaryOperator<String> style) {
    DeviceFields fields = DeviceFields.of(out -> device.write(out, without));
    String other = "{\"name\": \"other\", \"instance_id\": 0, \"vmsd_name\": \"o\", ";
    String json =
        "{\"page_size\": 4096, \"devices\": [%s\"version\": 1, \"fields\": []}, %s]}"
            .formatted(other, named(fields.json("dev", 1)));
    return new Stream(fields.bytes(), style.apply(json));
  }

  private static String named(String vmsd) {
    return "{\"name\": \"dev\", \"instance_id\": 0, " + vmsd.substring(1);
  }

  /** As QEMU up to 5.x wrote it; no name here holds any of these. */
  private static String spacious(String json) {
    return json.replace(": ", " : ")
        .replace("{", "{ ")
        .replace("}", " }")
        .replace("[", "[ ")
        .replace("]", " ]")
        .replace("[  ]", "[ ]");
  }

  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void aSubsectionLeavesTheTextAndComesBackAsIfItHadNotBeenAway(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    int[] ids = {0};
    Vmsd device = Vmsd.random("dev", random, 4, ids);
    if (ids[0] == 0) {
      return;
    }
    Set<Integer> gone = new HashSet<>();
    for (int i = 0; i < ids[0]; i++) {
      if (random.nextInt(3) == 0) {
        gone.add(i);
      }
    }
    UnaryOperator<String> style =
        random.nextBoolean() ? VmdescTextTest::spacious : UnaryOperator.identity();
    Stream with = stream(device, gone, style);
    List<Field.Group> path = new ArrayList<>();
    Field.Group target = pick(with.tree(), random, path);
    if (target == null) {
      return;
    }
    gone.add(number(device, target.vmsd(), path));
    Stream without = stream(device, gone, style);
    Field.Group parent = path.get(path.size() - 1);
    int index =
        (int)
            parent.children().stream()
                .takeWhile(child -> child != target)
                .filter(VmdescTextTest::subsection)
                .count();
    VmdescText text = new VmdescText(with.source(), with.at());
    VmdescText.Place place = text.device("dev", 0, 0).orElseThrow().place(path);
    String description = place.subsection(index).orElseThrow();
    place.drop(index, target.span().length());
    assertEquals(without.json(), with.edited(text));

    VmdescText back = new VmdescText(without.source(), without.at());
    List<Field.Group> there = same(without.tree(), path);
    back.device("dev", 0, 0)
        .orElseThrow()
        .place(there)
        .add(index, description, target.span().length());
    assertEquals(with.json(), without.edited(back));
  }

  /** A description somebody has damaged is edited inside itself, or refused. */
  @ParameterizedTest(name = "-Dvmstate.seed={0}")
  @MethodSource("seeds")
  void aDamagedDescriptionIsRefusedOrEditedInsideItself(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    Stream whole = stream(Vmsd.random("dev", random, 3, new int[1]), Set.of(), text -> text);
    for (int round = 0; round < 20; round++) {
      StringBuilder json = new StringBuilder(whole.json());
      for (int i = 0; i <= random.nextInt(3); i++) {
        int at = random.nextInt(json.length());
        json.replace(at, at + random.nextInt(2), "\"{}[]:,09-e".charAt(random.nextInt(11)) + "");
      }
      Stream damaged = new Stream(whole.payload(), json.toString());
      try {
        VmdescText text = new VmdescText(damaged.source(), damaged.at());
        text.machineName(7);
        Optional<VmdescText.Device> device = text.device("dev", 0, 0);
        if (device.isPresent()) {
          List<Field.Group> path = new ArrayList<>();
          Field.Group target = pick(whole.tree(), random, path);
          if (target != null) {
            device.get().place(path).drop(0, target.span().length());
          }
          device.get().rename("x");
        }
        for (Splice splice : text.splices()) {
          Span inside = new Span(damaged.at().offset() - 4, damaged.at().length() + 4);
          assertTrue(inside.contains(splice.where()), splice::toString);
        }
      } catch (IOException e) {
        assertTrue(e.getMessage() != null && !e.getMessage().isEmpty());
      }
    }
  }

  /** Any subsection of the tree; {@code path} gets the groups around it. */
  private static Field.Group pick(
      Field.Group root, SplittableRandom random, List<Field.Group> path) {
    List<List<Field.Group>> all = new ArrayList<>();
    collect(root, List.of(root), all);
    if (all.isEmpty()) {
      return null;
    }
    List<Field.Group> found = all.get(random.nextInt(all.size()));
    path.addAll(found.subList(0, found.size() - 1));
    return found.get(found.size() - 1);
  }

  private static void collect(
      Field.Group group, List<Field.Group> path, List<List<Field.Group>> all) {
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested) {
        List<Field.Group> longer = new ArrayList<>(path);
        longer.add(nested);
        if (subsection(nested)) {
          all.add(longer);
        }
        collect(nested, longer, all);
      }
    }
  }

  private static boolean subsection(Field field) {
    return field instanceof Field.Group group && group.kind() == Field.GroupKind.SUBSECTION;
  }

  /** The number of the subsection that {@code path} leads to. */
  private static int number(Vmsd device, String name, List<Field.Group> path) {
    Vmsd at = device;
    for (Field.Group group : path.subList(1, path.size())) {
      List<Vmsd> next = subsection(group) ? at.subsections : at.structs;
      at = next.stream().filter(vmsd -> vmsd.name.equals(group.vmsd())).findFirst().orElseThrow();
    }
    return at.subsections.stream()
        .filter(vmsd -> vmsd.name.equals(name))
        .findFirst()
        .orElseThrow()
        .id;
  }

  /** The same groups in another tree. */
  private static List<Field.Group> same(Field.Group root, List<Field.Group> path) {
    List<Field.Group> found = new ArrayList<>(List.of(root));
    for (Field.Group group : path.subList(1, path.size())) {
      found.add(
          found.get(found.size() - 1).children().stream()
              .filter(child -> child.name().equals(group.name()))
              .map(Field.Group.class::cast)
              .findFirst()
              .orElseThrow());
    }
    return found;
  }
}
