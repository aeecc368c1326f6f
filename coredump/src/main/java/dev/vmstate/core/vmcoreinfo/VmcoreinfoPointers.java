package dev.vmstate.core.vmcoreinfo;

import dev.vmstate.core.kernel.KernelImage;
import dev.vmstate.core.kernel.KernelMemory;
import dev.vmstate.core.kernel.LinuxKernel;
import dev.vmstate.core.paging.PageTables;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Follows the kernel's own pointers. The text and the note have pages of their own, and their
 * addresses stand in vmcoreinfo_data and vmcoreinfo_note, variables in the image: among the words
 * of the image that are addresses of a page there are a few thousand to look at, and no symbol is
 * needed to know these two. Source: {@code kernel/vmcore_info.c}, crash_save_vmcoreinfo_init.
 */
final class VmcoreinfoPointers {
  private static final int PAGE = 4096;
  private static final int STEP = 1 << 16;

  /** Addresses looked at; real kernels have under ten thousand. */
  private static final int MOST = 1 << 17;

  private final LinuxKernel kernel;
  private final KernelMemory memory;
  private final Set<Long> looked = new HashSet<>();
  private final byte[] two = new byte[2 * PAGE];
  private @Nullable GuestVmcoreinfo text;

  private VmcoreinfoPointers(LinuxKernel kernel) {
    this.kernel = kernel;
    this.memory = kernel.image().memory();
  }

  /** The note, or else the text: a crash tool gets the note's, to which a crash adds its time. */
  static Optional<GuestVmcoreinfo> in(LinuxKernel kernel) throws IOException {
    return new VmcoreinfoPointers(kernel).find();
  }

  private Optional<GuestVmcoreinfo> find() throws IOException {
    KernelImage image = kernel.image();
    PageTables tables = memory.tables();
    ByteBuffer bytes = ByteBuffer.allocate(STEP).order(ByteOrder.LITTLE_ENDIAN);
    for (long at = image.start(); at < image.end(); ) {
      PageTables.Reach reach = tables.reach(at);
      long left = Math.min(reach.bytes(), image.end() - at);
      if (!reach.mapped()) {
        at += left;
        continue;
      }
      int length = (int) Math.min(STEP, left);
      if (physical(reach.physical(), bytes.clear().limit(length))) {
        Optional<GuestVmcoreinfo> note = words(bytes, length);
        if (note.isPresent()) {
          return note;
        }
      }
      at += length;
    }
    return Optional.ofNullable(text);
  }

  private boolean physical(long address, ByteBuffer into) throws IOException {
    try {
      memory.physical().readPhysical(address, into);
      return true;
    } catch (UnmappedAddressException outside) {
      return false;
    }
  }

  private Optional<GuestVmcoreinfo> words(ByteBuffer bytes, int length) throws IOException {
    int word = memory.wordBytes();
    byte[] array = bytes.array();
    for (int i = 0; i + word <= length; i += word) {
      if (array[i] != 0 || (array[i + 1] & 0xf) != 0) {
        continue; // no address of a page, as nearly all
      }
      long value = word == 8 ? bytes.getLong(i) : bytes.getInt(i) & 0xffff_ffffL;
      boolean kernels = word == 8 ? value < 0 : value >= 1L << 30;
      if (kernels && looked.size() < MOST && looked.add(value)) {
        Optional<GuestVmcoreinfo> note = at(value);
        if (note.isPresent()) {
          return note;
        }
      }
    }
    return Optional.empty();
  }

  private Optional<GuestVmcoreinfo> at(long virtual) throws IOException {
    OptionalLong place = memory.translate(virtual);
    if (place.isEmpty()) {
      return Optional.empty();
    }
    long address = place.getAsLong();
    ByteBuffer head = ByteBuffer.wrap(two, 0, Vmcoreinfo.HEAD_BYTES);
    if (!physical(address, head) || !Vmcoreinfo.mayBe(two, 0)) {
      return Optional.empty();
    }
    int room = physical(address, ByteBuffer.wrap(two)) ? 2 * PAGE : PAGE;
    if (room == PAGE && !physical(address, ByteBuffer.wrap(two, 0, PAGE))) {
      return Optional.empty();
    }
    Optional<Vmcoreinfo> info = Vmcoreinfo.at(two, 0, room);
    if (info.isEmpty() || !GuestVmcoreinfo.agree(info.get(), kernel)) {
      return Optional.empty();
    }
    boolean note = !Vmcoreinfo.isText(two, 0);
    GuestVmcoreinfo found =
        new GuestVmcoreinfo(
            info.get(),
            "at 0x%x, where the kernel has its %s".formatted(address, note ? "note" : "text"));
    if (note) {
      return Optional.of(found);
    }
    text = text == null ? found : text;
    return Optional.empty();
  }
}
