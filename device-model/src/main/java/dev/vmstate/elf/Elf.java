package dev.vmstate.elf;

/** ELF constants with their upstream names. Source: System V gABI, glibc {@code elf.h}. */
public final class Elf {
  public static final int EHDR_BYTES = 64;
  public static final int PHDR_BYTES = 56;
  public static final int SHDR_BYTES = 64;

  /** A program header in a 32-bit file. */
  public static final int PHDR32_BYTES = 32;

  /** ELF magic as a little-endian integer. */
  public static final int ELFMAG = 0x464c457f;

  public static final int ELFCLASS32 = 1;
  public static final int ELFCLASS64 = 2;
  public static final int ELFDATA2LSB = 1;
  public static final int ELFDATA2MSB = 2;
  public static final int EV_CURRENT = 1;
  public static final int ET_CORE = 4;
  public static final int EM_386 = 3;
  public static final int EM_PPC = 20;
  public static final int EM_PPC64 = 21;
  public static final int EM_S390 = 22;
  public static final int EM_ARM = 40;
  public static final int EM_X86_64 = 62;
  public static final int EM_AARCH64 = 183;
  public static final int EM_RISCV = 243;
  public static final int EM_LOONGARCH = 258;

  /** In e_phnum: the real number is sh_info of section header 0. */
  public static final int PN_XNUM = 0xffff;

  public static final int PT_LOAD = 1;
  public static final int PT_NOTE = 4;
  public static final int PF_X = 1;
  public static final int PF_W = 2;
  public static final int PF_R = 4;
  public static final int NT_PRSTATUS = 1;

  private Elf() {}
}
