; SPDX-License-Identifier: MIT
; entry.asm - the first instructions of a toy guest: RDI = GPA of struct guest_boot, no stack yet.
bits 64

ENTRY_STACK_SIZE equ 16384

extern guest_start

section .text
global guest_entry:function
guest_entry:
    cld
    lea rsp, [rel stack_top]
    xor ebp, ebp
    call guest_start
    ud2                                 ; it does not return

section .bss
align 16
    resb ENTRY_STACK_SIZE
stack_top:
