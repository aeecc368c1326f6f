package dev.vmstate.hardware;

import dev.vmstate.device.ScalarType;
import java.util.List;
import java.util.SplittableRandom;

/** Fields of every kind, with the runs and odd values that real devices have. */
final class RandomFields {
  private static final List<String> TYPES =
      List.of(
          "bool",
          "uint8",
          "int8",
          "uint16",
          "int16",
          "uint32",
          "int32",
          "uint64",
          "int64",
          "uint8 equal",
          "int32 equal",
          "int32 le",
          "int64 equal",
          "timer",
          "CPU_Double_U",
          "nullptr",
          "ptr-marker");

  private RandomFields() {}

  static void fill(MachineBuilder machine, SplittableRandom random, int depth) {
    int fields = random.nextInt(7);
    for (int i = 0; i < fields; i++) {
      String type = TYPES.get(random.nextInt(TYPES.size()));
      switch (random.nextInt(depth < 4 ? 6 : 4)) {
        case 0 ->
            machine.scalar(
                name(random),
                random.nextInt(4) - 1,
                ScalarType.of(type).orElseThrow(),
                value(random));
        case 1 -> machine.array(name(random), type, runs(random, 100));
        case 2 -> {
          long[] values = runs(random, 400);
          int[] bytes = new int[values.length];
          for (int b = 0; b < bytes.length; b++) {
            bytes[b] = (int) values[b] & 0xff;
          }
          machine.raw(name(random), "buffer", bytes);
        }
        case 3 -> machine.raw(name(random), "unused_buffer", new int[random.nextInt(40)]);
        case 4 -> {
          machine.struct(name(random), random.nextInt(3) - 1, "vmsd" + depth);
          fill(machine, random, depth + 1);
          machine.end();
        }
        default -> {
          machine.subsection(name(random), random.nextInt() & 0xffffffffL);
          fill(machine, random, depth + 1);
          machine.end();
        }
      }
    }
  }

  /** Values in runs of random length; about one run in three is folded. */
  private static long[] runs(SplittableRandom random, int most) {
    long[] values = new long[random.nextInt(most)];
    for (int i = 0; i < values.length; ) {
      long value = value(random);
      for (int run = 1 + random.nextInt(random.nextInt(30) + 1);
          run > 0 && i < values.length;
          run--) {
        values[i++] = value;
      }
    }
    return values;
  }

  private static long value(SplittableRandom random) {
    return switch (random.nextInt(4)) {
      case 0 -> 0;
      case 1 -> random.nextInt(2);
      case 2 -> -1L >>> random.nextInt(64);
      default -> random.nextLong();
    };
  }

  private static String name(SplittableRandom random) {
    StringBuilder name = new StringBuilder();
    for (int i = random.nextInt(12); i > 0; i--) {
      name.append((char) random.nextInt(random.nextInt(8) == 0 ? 0x100 : 0x7f));
    }
    return name.toString();
  }
}
