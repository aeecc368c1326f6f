package dev.vmstate.core.debuginfo;

/** One unit of .debug_info in memory: a source file's entries. */
final class Unit {
  private final long offset;
  private final byte[] bytes;
  private final int dies;
  private final int version;
  private final int offsetBytes;
  private final int addressBytes;
  private final Abbreviations abbreviations;

  /** The array is kept. */
  Unit(
      long offset,
      byte[] bytes,
      int dies,
      int version,
      int offsetBytes,
      int addressBytes,
      Abbreviations abbreviations) {
    this.offset = offset;
    this.bytes = bytes;
    this.dies = dies;
    this.version = version;
    this.offsetBytes = offsetBytes;
    this.addressBytes = addressBytes;
    this.abbreviations = abbreviations;
  }

  /** Where it starts in the section; its references to its own entries count from there. */
  long offset() {
    return offset;
  }

  /** All of it, from its header on. */
  byte[] bytes() {
    return bytes;
  }

  /** Where its first entry is in them. */
  int dies() {
    return dies;
  }

  /** Of DWARF, 2 to 5. */
  int version() {
    return version;
  }

  /** 4, or 8 in the 64-bit format. */
  int offsetBytes() {
    return offsetBytes;
  }

  /** Of the machine. */
  int addressBytes() {
    return addressBytes;
  }

  /** Of its entries. */
  Abbreviations abbreviations() {
    return abbreviations;
  }
}
