# The guest of the demo: 64-bit long mode, its code at a kernel-like virtual address, one page table
# entry of every size. It prints its message and a counter on the first serial port, for ever.
#
#   gcc -m32 -nostdlib -static -Wl,--build-id=none -Wl,-Ttext=0x100000 -o guest.elf guest.S
#
# A multiboot kernel: QEMU loads it with -kernel and enters _start in 32-bit protected mode.
        .set    KERNEL, 0xffffffff80000000      # physical 0 stands here too

        .section .text
        .code32
        .align  4
        .long   0x1badb002, 0, -(0x1badb002)    # multiboot header: magic, flags, checksum

        .globl  _start
_start: movl    $stack_top, %esp
        # PML4[0] and PML4[511] -> PDPT; PDPT[0] and PDPT[510] -> PD; PD[0..3] = 2 MiB pages
        movl    $pdpt + 3, pml4
        movl    $pdpt + 3, pml4 + 511 * 8
        movl    $pd + 3, pdpt
        movl    $pd + 3, pdpt + 510 * 8
        movl    $pt + 3, pd                     # the first 2 MiB in 4 KiB pages
        movl    $0x200083, pd + 8
        movl    $0x400083, pd + 16
        movl    $0x600083, pd + 24
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $12, %eax
        orl     $3, %eax
        movl    %eax, pt(,%ecx,8)
        incl    %ecx
        cmpl    $512, %ecx
        jne     1b
        movl    $pml4, %eax
        movl    %eax, %cr3
        movl    $0x6a0, %eax                    # PAE, PGE, OSFXSR, OSXMMEXCPT
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx               # EFER.LME
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    $0x80000013, %eax               # PG, ET, MP, PE
        movl    %eax, %cr0
        lgdt    gdtr
        ljmp    $8, $long_mode

        .code64
long_mode:
        movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        # on to the high addresses: movabs by hand, since a 32-bit object holds no 64-bit relocation
        .byte   0x48, 0xc7, 0xc0                # mov $imm32 sign-extended, %rax
        .long   high + 0x80000000
        jmp     *%rax
high:   .byte   0x48, 0x81, 0xcc                # or $imm32 sign-extended, %rsp
        .long   0x80000000
again:  .byte   0x48, 0xc7, 0xc6                # mov $message, %rsi
        .long   message + 0x80000000
        call    print
        .byte   0x48, 0xc7, 0xc7                # mov $digits_end, %rdi
        .long   digits_end + 0x80000000
2:      decq    %rdi                            # the counter is text: add one to it
        incb    (%rdi)
        cmpb    $'9', (%rdi)
        jbe     3f
        movb    $'0', (%rdi)
        jmp     2b
3:      movl    $100000000, %ecx
4:      decl    %ecx
        jne     4b
        jmp     again

print:  lodsb
        testb   %al, %al
        je      6f
        movb    %al, %ah
        movw    $0x3fd, %dx
5:      inb     %dx, %al
        testb   $0x20, %al
        je      5b
        movw    $0x3f8, %dx
        movb    %ah, %al
        outb    %al, %dx
        jmp     print
6:      ret

        .align  8
gdt:    .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdtr:   .word   23
        .long   gdt

        .section .data
        .align  64
message:
        .ascii  "Hello from the guest: "
        .ascii  "000000"
digits_end:
        .asciz  "\n"

        .section .bss
        .align  4096
pml4:   .skip   4096
pdpt:   .skip   4096
pd:     .skip   4096
pt:     .skip   4096
stack:  .skip   4096
stack_top:
