package dev.vmstate.memory;

import java.io.IOException;

/** No RAM stands at the address. */
public final class UnmappedAddressException extends IOException {
  private static final long serialVersionUID = 1L;
  private final long address;

  /** {@code kind} is "physical" or "virtual". */
  public UnmappedAddressException(String kind, long address) {
    super("no RAM at %s address 0x%x".formatted(kind, address));
    this.address = address;
  }

  /** The first address without RAM. */
  public long address() {
    return address;
  }
}
