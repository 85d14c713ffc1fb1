; SPDX-License-Identifier: MIT
; root/boot/entry.asm - where the loader or the hypervisor enters (hvabi/boot.h says in what state).

bits 64

BOOT_STACK_SIZE equ 16384

section .bss
align 16
boot_stack:
    resb BOOT_STACK_SIZE
global boot_stack_top
boot_stack_top:

section .text

extern root_main

; RDI = physical address of struct boot_info
global root_entry:function (root_entry.end - root_entry)
root_entry:
    cli
    cld
    mov rsp, boot_stack_top
    xor ebp, ebp
    call root_main
    ud2
.end:
