package dev.vmstate.inject;

import dev.vmstate.bytes.Progress;
import dev.vmstate.exchange.CoreFormat;
import dev.vmstate.exchange.Extraction;
import dev.vmstate.kvmstate.KvmStructs;
import dev.vmstate.kvmstate.MachineStructs;
import dev.vmstate.kvmstate.StateDocument;
import dev.vmstate.kvmstate.StateText;
import dev.vmstate.kvmstate.StateValue;
import dev.vmstate.kvmstate.StateWriter;
import dev.vmstate.snapshot.EditableSnapshot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A snapshot directory of a machine with two vCPUs and two ranges of RAM, and what it should become
 * by an edit: digits are replaced in the text by a search for them.
 */
final class KvmMachine {
  static final int PAGE = 4096;
  static final int LOW_PAGES = 48;
  static final long HIGH = 0x10_0000;
  static final int HIGH_PAGES = 20;
  static final List<String> FILES = List.of("config.json", "state.json", "memory-ranges");

  final SplittableRandom random;
  private String text;
  private final byte[] memory;

  KvmMachine(long seed) {
    this(seed, HIGH_PAGES);
  }

  KvmMachine(long seed, int highPages) {
    random = new SplittableRandom(seed);
    memory = new byte[(LOW_PAGES + highPages) * PAGE];
    for (int at = 0; at < memory.length; at += PAGE) {
      if (random.nextInt(3) != 0) {
        byte[] page = new byte[PAGE];
        random.nextBytes(page);
        System.arraycopy(page, 0, memory, at, PAGE);
      }
    }
    StateWriter writer =
        new StateWriter(
            List.of(
                new StateDocument.Range("low", 0, (long) LOW_PAGES * PAGE),
                new StateDocument.Range("high", HIGH, (long) highPages * PAGE)));
    writer.vcpu(0, this::vcpu).vcpu(1, this::vcpu);
    writer
        .device("clock", KvmStructs.CLOCK.zero().set("clock", 123_456_789))
        .device("pic-master", KvmStructs.PIC.zero().set("irq_base", 8))
        .device("ioapic", KvmStructs.IOAPIC.zero().set("redirtbl[3]", 0x10000))
        .device("pit", KvmStructs.PIT.zero().set("channels[0].count", 0x10000))
        .device("serial", MachineStructs.SERIAL.zero().set("lsr", 0x60).set("scr", 0x5a));
    text = new String(writer.text(), StandardCharsets.US_ASCII);
  }

  private void vcpu(StateText to) {
    StateValue regs = KvmStructs.REGS.zero();
    for (String name : List.of("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "rip")) {
      regs.set(name, random.nextInt() & 0xffff_ffffL);
    }
    StateValue sregs =
        KvmStructs.SREGS2.zero().set("cr0", 0x6000_0010L).set("apic_base", 0xfee0_0900L);
    for (String name : List.of("cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt")) {
      sregs.set(name + ".limit", 0xffff).set(name + ".present", 1).set(name + ".type", 3);
      sregs.set(name + ".s", name.length() == 2 && !name.equals("tr") ? 1 : 0);
    }
    StateValue xsave =
        KvmStructs.xsave(4096).zero().set("fcw", 0x37f).set("mxcsr", 0x1f80).set("xstate_bv", 3);
    List<StateValue> msrs = new ArrayList<>();
    for (long msr : new long[] {0x10, 0x1b, 0x174, 0x277, 0xc000_0081L, 0xc000_0082L}) {
      long data = msr == 0x1b ? 0xfee0_0900L : random.nextLong();
      msrs.add(KvmStructs.MSR.zero().set("index", msr).set("data", data));
    }
    to.value("regs", regs)
        .value("sregs2", sregs)
        .value("xsave", xsave)
        .list("xcrs", List.of(KvmStructs.XCR.zero().set("value", 1)))
        .list("msrs", msrs)
        .value("lapic", KvmStructs.LAPIC.zero().set("version", 0x50014).set("svr", 0xff))
        .value("events", KvmStructs.EVENTS.zero())
        .value("debugregs", KvmStructs.DEBUGREGS.zero().set("dr6", 0xffff_0ff0L).set("dr7", 0x400))
        .number("mp_state", 4, 0)
        .number("tsc_khz", 4, 2_000_000);
  }

  /** Replaces the digits of a member, the {@code n}-th of that name in the text. */
  KvmMachine digits(String member, int n, String digits) {
    Matcher found = Pattern.compile("\"" + member + "\": ?\"(?:0x)?([0-9a-f]+)\"").matcher(text);
    for (int i = 0; i <= n; i++) {
      if (!found.find()) {
        throw new IllegalArgumentException("no " + member + " number " + n);
      }
    }
    if (found.end(1) - found.start(1) != digits.length()) {
      throw new IllegalArgumentException(member + " has " + found.group(1));
    }
    text = text.substring(0, found.start(1)) + digits + text.substring(found.end(1));
    return this;
  }

  KvmMachine number(String member, int n, long value) {
    return digits(member, n, "%016x".formatted(value));
  }

  /** Replaces bytes of RAM at a guest-physical address. */
  KvmMachine ram(long physical, byte... bytes) {
    long at = physical >= HIGH ? physical - HIGH + (long) LOW_PAGES * PAGE : physical;
    System.arraycopy(bytes, 0, memory, (int) at, bytes.length);
    return this;
  }

  /** The three files; pages of zeros are holes. */
  Path write(Path directory) throws IOException {
    Files.createDirectory(directory);
    long size = memory.length;
    Files.writeString(
        directory.resolve("config.json"),
        "{\"cpus\": {\"boot_vcpus\": 2}, \"memory\": {\"size\": %d}, \"of\": \"a test\"}\n"
            .formatted(size));
    Files.writeString(directory.resolve("state.json"), text);
    try (FileChannel out =
        FileChannel.open(
            directory.resolve("memory-ranges"),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE)) {
      for (int at = 0; at < memory.length; at += PAGE) {
        ByteBuffer page = ByteBuffer.wrap(memory, at, PAGE);
        boolean last = at + PAGE == memory.length;
        if (last || page.mismatch(ByteBuffer.allocate(PAGE)) >= 0) {
          out.write(page, at);
        }
      }
    }
    return directory;
  }

  /** What the three files hold, one behind the other. */
  byte[] bytes() {
    String config =
        "{\"cpus\": {\"boot_vcpus\": 2}, \"memory\": {\"size\": %d}, \"of\": \"a test\"}\n"
            .formatted(memory.length);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(config.getBytes(StandardCharsets.US_ASCII));
    all.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
    all.writeBytes(memory);
    return all.toByteArray();
  }

  /** The same of a directory, which has no other file. */
  static byte[] bytes(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      List<String> names = files.map(file -> file.getFileName().toString()).sorted().toList();
      if (!names.equals(FILES.stream().sorted().toList())) {
        throw new IOException(directory + " has " + names);
      }
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (String name : FILES) {
      all.writeBytes(Files.readAllBytes(directory.resolve(name)));
    }
    return all.toByteArray();
  }

  /** {@code extract SNAPSHOT -o DIR}. */
  static Path extract(Path snapshot, Path directory) throws IOException {
    try (EditableSnapshot opened = Edits.open(snapshot)) {
      Extraction.run(
          opened,
          directory,
          new Extraction.Options(CoreFormat.ELF, true, false, null),
          Progress.NONE);
    }
    return directory;
  }
}
