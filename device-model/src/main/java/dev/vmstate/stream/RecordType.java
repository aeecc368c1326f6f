package dev.vmstate.stream;

/** The byte that opens a record: {@code migration/savevm.h}, QEMU_VM_*. */
public final class RecordType {
  /** End of the stream. */
  public static final int EOF = 0x00;

  /** First part of a live section: header, payload, footer. */
  public static final int SECTION_START = 0x01;

  /** A further part of a live section: section id, payload, footer. */
  public static final int SECTION_PART = 0x02;

  /** The last part of a live section: section id, payload, footer. */
  public static final int SECTION_END = 0x03;

  /** A section that is written once: header, payload, footer. */
  public static final int SECTION_FULL = 0x04;

  /** The JSON that describes the device sections; only after {@link #EOF}. */
  public static final int VMDESCRIPTION = 0x06;

  /** Only directly after the stream's header. */
  public static final int CONFIGURATION = 0x07;

  /** u16 command, u16 length, that many bytes; no footer. */
  public static final int COMMAND = 0x08;

  /** Opens a footer. */
  public static final int SECTION_FOOTER = 0x7e;

  private RecordType() {}
}
