package dev.vmstate.dump;

import dev.vmstate.bytes.ByteSource;
import dev.vmstate.bytes.Progress;
import dev.vmstate.container.Container.Fact;
import dev.vmstate.memory.MemoryMap;
import dev.vmstate.ram.PageVisitor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Dumps in memory, and all that can be asked of one. */
final class Dumps {
  private Dumps() {}

  static Dump open(byte[] file) throws IOException {
    return Dump.open(ByteSource.of("vm.dump", file));
  }

  static byte[] read(Dump dump, long address, int length) throws IOException {
    ByteBuffer into = ByteBuffer.allocate(length);
    dump.memory().readPhysical(address, into);
    return into.array();
  }

  static String fact(Dump dump, String name) {
    return dump.facts().stream()
        .filter(fact -> fact.name().equals(name))
        .map(Fact::value)
        .findFirst()
        .orElse("");
  }

  static List<String> ranges(Dump dump) {
    return dump.memory().map().ranges().stream()
        .map(r -> "0x%x-0x%x %s".formatted(r.start(), r.end(), name(dump, r)))
        .toList();
  }

  private static String name(Dump dump, MemoryMap.Range range) {
    return dump.memory().map().blocks().get(range.block()).name();
  }

  /** Address of each page a scan shows, with D for data and Z for zeros. */
  static Map<Long, Character> scan(Dump dump) throws IOException {
    Map<Long, Character> seen = new TreeMap<>();
    MemoryMap map = dump.memory().map();
    dump.memory()
        .scan(
            new PageVisitor() {
              @Override
              public void data(int block, long page, ByteBuffer bytes, int at, long offset)
                  throws IOException {
                long address = address(block, page);
                byte[] direct = new byte[dump.pageSize()];
                int length = (int) Math.min(direct.length, map.ranges().get(block).end() - address);
                ByteBuffer into = ByteBuffer.wrap(direct, 0, length);
                dump.memory().readPhysical(address, into);
                if (!bytes.slice(at, direct.length).equals(ByteBuffer.wrap(direct))) {
                  throw new AssertionError("page 0x%x differs".formatted(address));
                }
                seen.put(address, 'D');
              }

              @Override
              public void fill(int block, long page, int value) {
                seen.put(address(block, page), value == 0 ? 'Z' : '?');
              }

              private long address(int block, long page) {
                return map.ranges().get(block).start() + page * dump.pageSize();
              }
            },
            Progress.NONE);
    return seen;
  }
}
