# The smallest Linux kernel for a PC: says on the first serial port which slot it is and what command line it was
# given, then ends QEMU through its isa-debug-exit device. Assembled with --defsym SLOT=<letter's code>.
# The layout is that of Linux's Documentation/arch/x86/boot.rst: one boot sector, one setup sector, 32-bit code.
    .intel_syntax noprefix
    .code32
    .globl _start
_start:
    .org 0x1f1
    .byte 1                     # setup_sects: one sector after the boot sector
    .org 0x1fe
    .word 0xaa55                # boot_flag
    .byte 0xeb, 0x66            # jump over the header; never taken, nobody enters in real mode
    .ascii "HdrS"
    .word 0x020c                # protocol 2.12
    .org 0x211
    .byte 1                     # loadflags: the protected-mode code goes to 1 MiB
    .org 0x214
    .long 0x100000              # code32_start
    .org 0x22c
    .long 0x7fffffff            # initrd_addr_max
    .long 0x1000                # kernel_alignment
    .byte 1                     # relocatable_kernel
    .byte 12                    # min_alignment, as a power of two
    .org 0x238
    .long 2047                  # cmdline_size
    .org 0x258
    .quad 0x100000              # pref_address
    .long 0x1000                # init_size

    .org 0x400                  # 32-bit entry: ESI points to the boot parameters
    lea esp, [esi + 0x1e8]      # their scratch word holds the one return address that is needed
    call 1f
1:  pop ebx
    mov ebp, [esi + 0x228]      # cmd_line_ptr
    lea esi, [ebx + name - 1b]
    call print
    mov esi, ebp
    call print
    lea esi, [ebx + end - 1b]
    call print
    mov dx, 0x501               # isa-debug-exit, where QEMU puts it
    mov al, 0x10                # QEMU then ends with 2 * 0x10 + 1
    out dx, al
    hlt

print:                          # the bytes at ESI up to a NUL
    lodsb
    test al, al
    jz 3f
    mov ah, al
    mov dx, 0x3fd               # line status: wait until the transmitter is empty
2:  in al, dx
    test al, 0x20
    jz 2b
    mov al, ah
    mov dx, 0x3f8
    out dx, al
    jmp print
3:  ret

name:
    .ascii "\r\nLAB-KERNEL slot="
    .byte SLOT
    .asciz "\r\nLAB-CMDLINE "
end:
    .asciz "\r\n"
    .balign 512
