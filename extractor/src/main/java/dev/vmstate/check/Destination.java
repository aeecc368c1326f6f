package dev.vmstate.check;

import dev.vmstate.schema.DeviceClasses;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The machine that is to load a snapshot, as it is before its first instruction.
 *
 * @param qemu QEMU's version
 * @param whole whether this is the whole machine, or its board alone, without the devices that the
 *     rest of a command line would add
 * @param fresh the machine, saved
 * @param classes what QEMU says of its device classes
 * @param capabilities migration capabilities it knows
 * @param bars the BARs of each PCI function, by the front of its sections' names ({@code
 *     0000:00:03.0}), as query-pci lists them
 * @param devices how many devices of each class there are ({@code info qtree})
 * @param cpu what its CPU model has
 * @param names which names its program holds
 */
public record Destination(
    String qemu,
    boolean whole,
    StreamSnapshot fresh,
    DeviceClasses classes,
    Set<String> capabilities,
    Map<String, List<Bar>> bars,
    Map<String, Integer> devices,
    CpuModel cpu,
    Names names) {

  /**
   * A base address register.
   *
   * @param index 0 to 5; the expansion ROM has none here
   * @param size its bytes, a power of two
   */
  public record Bar(int index, long size) {}

  /** What a CPU model has. */
  @FunctionalInterface
  public interface CpuModel {
    /** Whether it has a feature, by QEMU's name for it; empty when that is not known. */
    Optional<Boolean> has(String feature) throws IOException;

    /** What to call the model. */
    default String name() {
      return "the CPU model";
    }
  }

  /**
   * Names that stand in QEMU's program: not every description is a class's, so {@code
   * -dump-vmstate} does not list them all; but a name that is nowhere in the program is unknown to
   * it.
   */
  @FunctionalInterface
  public interface Names {
    /** Whether the program holds that name; empty when it could not be read. */
    Optional<Boolean> hold(String name) throws IOException;
  }

  public Destination {
    capabilities = Set.copyOf(capabilities);
    bars = Map.copyOf(bars);
    devices = Map.copyOf(devices);
  }

  /** Whether it knows a subsection of that name; empty when that could not be found out. */
  Optional<Boolean> knowsSubsection(String name) throws IOException {
    return classes.hasSubsection(name) ? Optional.of(true) : names.hold(name);
  }
}
