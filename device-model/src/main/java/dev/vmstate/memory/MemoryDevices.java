package dev.vmstate.memory;

import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * DIMMs, NVDIMMs and virtio-mem: memory behind main memory.
 *
 * <p>A virtio-mem device's section says where it stands ({@code hw/virtio/virtio-mem.c},
 * sanity-checks). Of an NVDIMM that was there from the start the SRAT says it. Of a DIMM nothing
 * does: QEMU gives each the first free place behind the start of the hotplug region ({@code
 * hw/mem/memory-device.c}, memory_device_get_free_addr), unless the user asked for another.
 */
final class MemoryDevices {
  private static final long GIB = 1L << 30;

  /** Anonymous memory is aligned to huge pages. */
  private static final long ALIGNMENT = 2L << 20;

  private final MapBuilder map;
  private final List<DeviceSection> devices;
  private final Optional<Srat> srat;

  MemoryDevices(MapBuilder map, List<DeviceSection> devices, Optional<Srat> srat) {
    this.map = map;
    this.devices = devices;
    this.srat = srat;
  }

  /**
   * Places them.
   *
   * @param plugged block indexes of DIMMs
   * @param end of main memory
   */
  void place(List<Integer> plugged, long end) throws IOException {
    virtioMem();
    List<Integer> left = nvdimms(plugged);
    long base = srat.isPresent() ? srat.get().hotplugBase().orElse(0) : 0;
    base = base > 0 ? base : end + GIB - 1 & -GIB;
    for (int dimm : likelyOrder(left)) {
      long bytes = map.blocks().get(dimm).bytes();
      long at = free(base, bytes);
      map.because(
          "%s at 0x%x: assumed, where QEMU puts a DIMM without addr="
              .formatted(map.blocks().get(dimm).name(), at));
      map.add(dimm, at, 0, bytes);
    }
    if (left.size() > 1) {
      map.because(
          "the order of DIMMs is assumed from their names, nothing tells it; nor is there a gap"
              + " known where one was unplugged");
    }
  }

  /** The first free place, as QEMU looks for it: nothing of size 0, every step past a range. */
  private long free(long base, long bytes) {
    long at = base;
    for (int steps = 0; steps <= map.blocks().size(); steps++) {
      Optional<MemoryMap.Range> there = map.at(at, bytes);
      if (there.isEmpty()) {
        break;
      }
      at = there.get().end() + ALIGNMENT - 1 & -ALIGNMENT;
    }
    return at;
  }

  /** Those the SRAT does not place. */
  private List<Integer> nvdimms(List<Integer> plugged) {
    List<Integer> left = new ArrayList<>(plugged);
    List<Srat.Stretch> stretches = srat.map(Srat::nonVolatile).orElse(List.of());
    for (Srat.Stretch stretch : stretches) {
      // A label area, 128 KiB at least, is cut off the end, and what is left to 2 MiB.
      Optional<Integer> block =
          left.stream()
              .filter(i -> map.blocks().get(i).bytes() >= stretch.bytes())
              .min(
                  Comparator.comparingLong((Integer i) -> map.blocks().get(i).bytes())
                      .thenComparing(i -> !map.blocks().get(i).name().matches("(?i).*(nv|pm).*")));
      if (block.isPresent()) {
        left.remove(block.get());
        map.because(
            "%s at 0x%x: from the SRAT"
                .formatted(map.blocks().get(block.get()).name(), stretch.base()));
        map.add(block.get(), stretch.base(), 0, stretch.bytes());
      }
    }
    return left;
  }

  /**
   * By name, which is how people and libvirt count them, unless that contradicts the stream: blocks
   * of the same size stand in it in the order they were made.
   */
  private List<Integer> likelyOrder(List<Integer> dimms) {
    List<Integer> named = new ArrayList<>(dimms);
    named.sort(Comparator.comparing(i -> MainMemory.natural(map.blocks().get(i).name())));
    for (int i = 0; i < named.size(); i++) {
      for (int k = i + 1; k < named.size(); k++) {
        boolean same =
            map.blocks().get(named.get(i)).bytes() == map.blocks().get(named.get(k)).bytes();
        if (same && named.get(i) > named.get(k)) {
          return dimms;
        }
      }
    }
    return named;
  }

  private void virtioMem() throws IOException {
    for (int block = 0; block < map.blocks().size(); block++) {
      String name = map.blocks().get(block).name();
      int slash = name.lastIndexOf('/');
      if (slash <= 0 || name.startsWith("/")) {
        continue;
      }
      String path = name.substring(0, slash + 1);
      for (DeviceSection device : devices) {
        if (device.name().startsWith(path + "virtio-mem")) {
          Optional<long[]> where = where(device, device.root());
          if (where.isPresent() && where.get()[1] == map.blocks().get(block).bytes()) {
            long at = where.get()[0];
            map.because("%s at 0x%x: from %s".formatted(name, at, device.name()));
            map.add(block, at, 0, where.get()[1]);
            break;
          }
        }
      }
    }
  }

  /** Address and size, in the first group that has both. */
  private static Optional<long[]> where(DeviceSection device, Field.Group group)
      throws IOException {
    long address = -1;
    long bytes = -1;
    for (Field child : group.children()) {
      if (child instanceof Field.Group nested) {
        Optional<long[]> found = where(device, nested);
        if (found.isPresent()) {
          return found;
        }
      } else if (child.span().length() == 8 && child.name().equals("addr")) {
        address = new BigInteger(device.bytes(child)).longValue();
      } else if (child.span().length() == 8 && child.name().equals("region_size")) {
        bytes = new BigInteger(device.bytes(child)).longValue();
      }
    }
    return address > 0 && bytes > 0 ? Optional.of(new long[] {address, bytes}) : Optional.empty();
  }
}
