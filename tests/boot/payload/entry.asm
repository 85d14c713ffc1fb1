; SPDX-License-Identifier: MIT
; tests/boot/payload/entry.asm - what a hand-off's entry point sees first: kept for handoff.c.

STACK_SIZE      equ 16384

section .bss
align 16
stack:          resb STACK_SIZE
global entry_flags
entry_flags:    resq 1                  ; RFLAGS at entry
global entry_selectors
entry_selectors: resw 3                 ; CS, SS, DS at entry

section .text
extern payload_main
global _start
_start:
        mov     rsp, stack + STACK_SIZE
        pushfq
        pop     qword [rel entry_flags]
        mov     [rel entry_selectors], cs
        mov     [rel entry_selectors + 2], ss
        mov     [rel entry_selectors + 4], ds
        xor     ebp, ebp
        call    payload_main            ; RDI: struct boot_info
.end:   hlt
        jmp     .end
