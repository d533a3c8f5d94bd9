// The smallest Linux kernel for QEMU's arm64 `virt` machine: says on the PL011 which slot it is and what command line
// the device tree holds, then powers off through PSCI. Assembled with --defsym SLOT=<letter's code>.
// Header: Linux's Documentation/arch/arm64/booting.rst. Device tree: Devicetree Specification 0.4, chapter 5.
// The MMU is off, so every load is aligned; the registers keep one meaning throughout:
//   x19 PL011   x20 place in the structure block   x21 strings block   w22 its last token

    .globl _start
_start:
    b main
    .long 0
    .quad 0                     // text_offset
    .quad 0x10000               // image_size
    .quad 0x8                   // flags: little endian, may lie anywhere in memory
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

main:                           // x0: the device tree
    ldr x19, =0x09000000
    ldp w1, w2, [x0, #8]        // off_dt_struct, off_dt_strings
    rev w1, w1
    rev w2, w2
    add x20, x0, x1
    add x21, x0, x2
    adr x0, name
    bl print

walk:
    bl token
    cmp w22, #4                 // FDT_NOP
    b.eq walk
    cmp w22, #2                 // FDT_END_NODE
    b.eq walk
    b.hi property
    mov x3, x20                 // FDT_BEGIN_NODE: a name, its NUL, padding
1:  ldrb w4, [x3], #1
    cbnz w4, 1b
    add x20, x3, #3
    and x20, x20, #-4
    b walk
property:
    cmp w22, #3                 // FDT_PROP; anything else is FDT_END
    b.ne off
    bl token
    mov w5, w22                 // length of the value
    bl token
    add x3, x21, x22            // its name
    adr x4, wanted
2:  ldrb w6, [x3], #1
    ldrb w7, [x4], #1
    cmp w6, w7
    b.ne 3f
    cbnz w6, 2b
    mov x0, x20
    bl print
    b off
3:  add x20, x20, x5
    add x20, x20, #3
    and x20, x20, #-4
    b walk

off:
    adr x0, end
    bl print
    ldr x0, =0x84000008         // PSCI SYSTEM_OFF
    hvc #0
    b .

token:                          // the next word of the structure block, in w22
    ldr w22, [x20], #4
    rev w22, w22
    ret

print:                          // the bytes at x0 up to a NUL
    ldrb w1, [x0], #1
    cbz w1, 2f
1:  ldr w2, [x19, #0x18]        // UARTFR: wait while the transmit FIFO is full
    tbnz w2, #5, 1b
    str w1, [x19]
    b print
2:  ret

wanted:
    .asciz "bootargs"
name:
    .ascii "\r\nLAB-KERNEL slot="
    .byte SLOT
    .asciz "\r\nLAB-CMDLINE "
end:
    .asciz "\r\n"
    .balign 8
    .ltorg
    .balign 512
