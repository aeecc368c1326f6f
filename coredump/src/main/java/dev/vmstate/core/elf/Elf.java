package dev.vmstate.core.elf;

/** ELF64 constants with their upstream names. Source: System V gABI, glibc {@code elf.h}. */
final class Elf {
  static final int EHDR_BYTES = 64;
  static final int PHDR_BYTES = 56;
  static final int SHDR_BYTES = 64;

  /** ELF magic as a little-endian integer. */
  static final int ELFMAG = 0x464c457f;

  static final int ELFCLASS64 = 2;
  static final int ELFDATA2LSB = 1;
  static final int EV_CURRENT = 1;
  static final int ET_CORE = 4;
  static final int EM_386 = 3;
  static final int EM_X86_64 = 62;

  /** In e_phnum: the real number is sh_info of section header 0. */
  static final int PN_XNUM = 0xffff;

  static final int PT_LOAD = 1;
  static final int PT_NOTE = 4;
  static final int PF_X = 1;
  static final int PF_W = 2;
  static final int PF_R = 4;
  static final int NT_PRSTATUS = 1;

  private Elf() {}
}
