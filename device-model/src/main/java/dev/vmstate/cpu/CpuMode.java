package dev.vmstate.cpu;

/** In which mode an x86 CPU runs, from CR0.PE, EFER.LMA and CS.L. */
public enum CpuMode {
  /** CR0.PE clear. */
  REAL16("real16"),
  /** CR0.PE set, not long mode. */
  PROTECTED32("protected32"),
  /** EFER.LMA set, CS.L clear. */
  COMPAT32("compat32"),
  /** EFER.LMA and CS.L set. */
  LONG64("long64"),
  /** CR0 is not known: a dump with nothing but NT_PRSTATUS notes. */
  UNKNOWN("unknown");

  private final String text;

  CpuMode(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return text;
  }
}
