package dev.vmstate.convert.kvm;

import dev.vmstate.cpu.Register;
import dev.vmstate.cpu.X86Cpu;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.FieldEdit;
import dev.vmstate.device.FieldPath;
import dev.vmstate.device.ScalarType;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Numbers of a device in a stream by the names QEMU's description has for them, and what they
 * become. Nothing is found by its position: versions 5.2 to 11.1 differ in those.
 */
final class StreamNumbers {
  /** Prefix of names of a CPU's {@code apic} section. */
  static final String APIC = "apic/";

  private interface Resolver {
    Optional<Register> find(String name) throws IOException;
  }

  private final String label;
  private final Resolver resolver;
  private final Map<String, Optional<Register>> known = new LinkedHashMap<>();
  private final Map<String, BigInteger> after = new LinkedHashMap<>();
  private final List<String> missing = new ArrayList<>();

  private StreamNumbers(String label, Resolver resolver) {
    this.label = label;
    this.resolver = resolver;
  }

  /** Of one section: paths below it. */
  static StreamNumbers of(DeviceSection section) {
    return new StreamNumbers(section.label(), name -> field(section, name));
  }

  /** Of a CPU: registers and views as {@link X86Cpu} names them, {@code apic/} its APIC's paths. */
  static StreamNumbers of(X86Cpu cpu, Optional<DeviceSection> apic) {
    return new StreamNumbers(
        "cpu[%d]".formatted(cpu.index()),
        name ->
            name.startsWith(APIC)
                ? apic.isEmpty()
                    ? Optional.empty()
                    : field(apic.get(), name.substring(APIC.length()))
                : cpu.find(name));
  }

  private static Optional<Register> field(DeviceSection section, String name) throws IOException {
    FieldPath path;
    try {
      path = FieldPath.in(section, name);
    } catch (FieldPath.NotFoundException e) {
      return Optional.empty();
    }
    Optional<ScalarType> type = path.type();
    if (type.isEmpty()) {
      return Optional.empty();
    }
    long value = type.get().decode(section.source().bytes(path.span()), 0);
    return Optional.of(Register.ofField(name, path.span(), value, path.path()));
  }

  /** Where it is, for people. */
  String label() {
    return label;
  }

  private Optional<Register> register(String name) throws IOException {
    Optional<Register> found = known.get(name);
    if (found == null) {
      found = resolver.find(name);
      known.put(name, found);
    }
    return found;
  }

  boolean has(String name) throws IOException {
    return register(name).isPresent();
  }

  /** The number as the stream has it, its lowest 64 bits, without a sign. */
  OptionalLong find(String name) throws IOException {
    Optional<Register> found = register(name);
    return found.isPresent() ? OptionalLong.of(found.get().value()) : OptionalLong.empty();
  }

  /** The same, 0 where there is none. */
  long get(String name) throws IOException {
    return find(name).orElse(0);
  }

  /** A number of 32 bits that has a sign; {@code otherwise} where there is none. */
  int signed(String name, int otherwise) throws IOException {
    OptionalLong found = find(name);
    return found.isPresent() ? (int) found.getAsLong() : otherwise;
  }

  /** The number as it will be. */
  long becomes(String name) throws IOException {
    BigInteger value = after.get(name);
    return value == null ? get(name) : value.longValue();
  }

  /** All bits of a number. */
  void put(String name, long value) throws IOException {
    put(name, 0, Long.SIZE, BigInteger.valueOf(value));
  }

  /** Some bits of it, from bit {@code from} on. */
  void put(String name, int from, int bits, long value) throws IOException {
    put(name, from, bits, BigInteger.valueOf(value));
  }

  /** Some bits of one that may be wider; what is not there is kept account of. */
  void put(String name, int from, int bits, BigInteger value) throws IOException {
    Optional<Register> found = register(name);
    if (found.isEmpty() || !found.get().editable()) {
      miss(name);
      return;
    }
    int width = Math.min(bits, found.get().bits() - from);
    BigInteger ones = BigInteger.ONE.shiftLeft(width).subtract(BigInteger.ONE);
    BigInteger now = after.getOrDefault(name, found.get().whole());
    after.put(name, now.andNot(ones.shiftLeft(from)).or(value.and(ones).shiftLeft(from)));
  }

  /** Something that the stream has no place for. */
  void miss(String what) {
    missing.add(label + "/" + what);
  }

  /** What had no place. */
  List<String> missing() {
    return List.copyOf(missing);
  }

  /** Everything that was put. */
  List<FieldEdit> edits(String origin) throws IOException {
    List<FieldEdit> edits = new ArrayList<>();
    for (Map.Entry<String, BigInteger> put : after.entrySet()) {
      edits.addAll(register(put.getKey()).orElseThrow().set(put.getValue(), origin));
    }
    return edits;
  }
}
