package dev.vmstate.core.edit;

import dev.vmstate.core.objects.GuestWords;
import dev.vmstate.core.objects.KernelObject;
import dev.vmstate.core.objects.KernelObjects;
import dev.vmstate.core.tasks.Task;
import dev.vmstate.core.tasks.Tasks;
import dev.vmstate.firmware.EditableMemory;
import dev.vmstate.memory.UnmappedAddressException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What {@code hostname} and {@code domainname} print in a guest: {@code init_uts_ns}, the names of
 * everything that is in no UTS namespace of its own. {@code struct new_utsname} has six arrays of
 * 65 bytes, the last a NUL.
 */
public enum GuestName {
  HOSTNAME("nodename"),
  DOMAINNAME("domainname");

  private final String member;

  GuestName(String member) {
    this.member = "name." + member;
  }

  /** The name as it is; bytes that are no printable ASCII as {@code \x1b}. */
  public String text(KernelObjects objects) throws IOException {
    return text(objects.variable("init_uts_ns", "uts_namespace"));
  }

  private String text(KernelObject namespace) throws IOException {
    return GuestWords.printable(namespace.text(member));
  }

  /**
   * Gives it another value.
   *
   * @param memory the guest's, as it will be
   * @return what the name was
   * @throws IllegalArgumentException when the kernel would not take it
   */
  public String set(KernelObjects objects, EditableMemory memory, String value) throws IOException {
    KernelObject namespace = objects.variable("init_uts_ns", "uts_namespace");
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    int room = (int) Math.min(namespace.bytes(member), 65);
    if (bytes.length >= room) {
      throw new IllegalArgumentException(
          "'%s' has %d bytes: the kernel has room for %d".formatted(value, bytes.length, room - 1));
    }
    if (value.chars().anyMatch(c -> c < ' ' || c == 0x7f)) {
      throw new IllegalArgumentException("a name has no control characters");
    }
    String before = text(namespace);
    new KernelWrites(objects, memory).write(namespace.at(member), Arrays.copyOf(bytes, room));
    return before;
  }

  /** Other UTS namespaces that have the name {@code old}, as {@code /proc/PID/ns/uts} says them. */
  public List<String> others(KernelObjects objects, String old) throws IOException {
    long init = objects.needed("init_uts_ns");
    Set<Long> seen = new TreeSet<>();
    List<String> others = new ArrayList<>();
    for (Task task : Tasks.of(objects).all()) {
      try {
        Optional<KernelObject> proxy = task.object().follow("nsproxy", "nsproxy");
        long at = proxy.isEmpty() ? 0 : proxy.get().number("uts_ns");
        if (at == 0 || at == init || !seen.add(at)) {
          continue;
        }
        KernelObject namespace = objects.at("uts_namespace", at);
        if (text(namespace).equals(old)) {
          others.add("uts:[%d]".formatted(namespace.number("ns.inum")));
        }
      } catch (UnmappedAddressException broken) {
        continue; // a task that is not whole has no namespace
      }
    }
    return others;
  }
}
