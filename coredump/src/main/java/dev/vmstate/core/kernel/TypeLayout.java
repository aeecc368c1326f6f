package dev.vmstate.core.kernel;

import java.util.OptionalLong;

/** Where the members of a kernel's structures lie, for this very kernel. */
public interface TypeLayout {
  /**
   * Bytes from the start of a structure to a member of it; members of unnamed structures and unions
   * inside count as its own.
   *
   * @param type without {@code struct} or {@code union}: {@code task_struct}
   * @param path names with dots between: {@code tasks.next}
   * @return empty where the kernel has no such type or member, or the member is not at a byte
   */
  OptionalLong offset(String type, String path);

  /** Bytes of a type named as for {@link #offset}; empty where the kernel has none. */
  OptionalLong size(String type);
}
