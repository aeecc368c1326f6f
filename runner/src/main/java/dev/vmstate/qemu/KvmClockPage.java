package dev.vmstate.qemu;

import dev.vmstate.bytes.Span;
import dev.vmstate.device.DeviceSection;
import dev.vmstate.device.Field;
import dev.vmstate.diff.FieldChange;
import dev.vmstate.diff.PageDiff;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.memory.RamBlock;
import dev.vmstate.ram.RamIndex;
import dev.vmstate.snapshot.StreamSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The clock KVM keeps in the guest's memory: {@code struct pvclock_vcpu_time_info}, 32 bytes for
 * each CPU at the address the guest wrote into MSR_KVM_SYSTEM_TIME_NEW ({@code
 * arch/x86/include/asm/pvclock-abi.h}).
 *
 * <p>KVM writes it while a machine is loaded, although the guest does not run: the version goes up
 * by two and the flag "stable TSC" goes. Seen with QEMU 5.2 to 11.1 and the clock SeaBIOS sets up
 * at 0xe8c20. A page whose other bytes are the same came back as it was.
 */
final class KvmClockPage {
  private static final int SIZE = 32;
  private static final int ENABLED = 1;
  private static final String REASON = "KVM writes its clock for the guest here while loading";

  private final StreamSnapshot fresh;
  private final StreamSnapshot again;
  private final List<MemoryMap.Range> clocks;

  private KvmClockPage(StreamSnapshot fresh, StreamSnapshot again, List<MemoryMap.Range> clocks) {
    this.fresh = fresh;
    this.again = again;
    this.clocks = clocks;
  }

  /**
   * Takes out the pages in which only clocks differ.
   *
   * @param drifts told each clock that differs in them
   * @return what is left
   */
  static List<PageDiff> explain(
      List<PageDiff> pages,
      StreamSnapshot fresh,
      StreamSnapshot again,
      Consumer<Verification.Drift> drifts)
      throws IOException {
    List<MemoryMap.Range> clocks = pages.isEmpty() ? List.of() : clocks(fresh);
    KvmClockPage comparison = new KvmClockPage(fresh, again, clocks);
    List<PageDiff> left = new ArrayList<>();
    for (PageDiff diff : pages) {
      PageDiff rest = comparison.without(diff, drifts);
      if (rest.count() > 0) {
        left.add(rest);
      }
    }
    return left;
  }

  /** Where the clocks stand: as pieces of RAM blocks. */
  private static List<MemoryMap.Range> clocks(StreamSnapshot snapshot) throws IOException {
    List<MemoryMap.Range> clocks = new ArrayList<>();
    for (DeviceSection device : snapshot.devices()) {
      for (Field field : device.root().children()) {
        if (device.name().equals("cpu")
            && field.name().equals("env.system_time_msr")
            && field instanceof Field.Scalar msr
            && (msr.value() & ENABLED) != 0) {
          long address = msr.value() & ~(long) ENABLED;
          Optional<MemoryMap.Range> range = snapshot.memoryMap().at(address);
          range.ifPresent(
              r ->
                  clocks.add(
                      new MemoryMap.Range(
                          address, SIZE, r.block(), r.offset() + address - r.start())));
        }
      }
    }
    return clocks;
  }

  private PageDiff without(PageDiff diff, Consumer<Verification.Drift> drifts) throws IOException {
    int pageSize = diff.block().pageSize();
    int block = fresh.blocks().indexOf(diff.block());
    int other = again.blocks().stream().map(RamBlock::name).toList().indexOf(diff.block().name());
    PageDiff left = diff;
    for (MemoryMap.Range clock : clocks) {
      long page = clock.offset() / pageSize;
      if (clock.block() != block
          || !left.contains(page)
          || fresh.index().kind(block, page) != RamIndex.Kind.DATA
          || again.index().kind(other, page) != RamIndex.Kind.DATA) {
        continue;
      }
      byte[] before = page(fresh, block, page, pageSize);
      byte[] after = page(again, other, page, pageSize);
      List<Verification.Drift> found = new ArrayList<>();
      for (MemoryMap.Range candidate : clocks) {
        int at = (int) (candidate.offset() - page * pageSize);
        if (candidate.block() != block || at < 0 || at + SIZE > pageSize) {
          continue;
        }
        if (!Arrays.equals(before, at, at + SIZE, after, at, at + SIZE)) {
          found.add(
              new Verification.Drift(
                  change(
                      diff.block(),
                      candidate,
                      before,
                      after,
                      at,
                      fresh.index().value(block, page),
                      again.index().value(other, page)),
                  REASON));
          System.arraycopy(before, at, after, at, SIZE);
        }
      }
      if (Arrays.equals(before, after)) {
        found.forEach(drifts);
        left = left.without(page);
      }
    }
    return left;
  }

  private static byte[] page(StreamSnapshot snapshot, int block, long page, int pageSize)
      throws IOException {
    long offset = snapshot.index().value(block, page);
    return snapshot.stream().bytes(new Span(offset, pageSize));
  }

  private static FieldChange change(
      RamBlock block,
      MemoryMap.Range clock,
      byte[] before,
      byte[] after,
      int at,
      long pageInA,
      long pageInB) {
    HexFormat hex = HexFormat.of();
    return new FieldChange(
        "%s+0x%x".formatted(block.name(), clock.offset()),
        block.name(),
        clock.offset(),
        "pvclock",
        new Span(pageInA + at, SIZE),
        new Span(pageInB + at, SIZE),
        hex.formatHex(before, at, at + SIZE),
        hex.formatHex(after, at, at + SIZE),
        0);
  }
}
