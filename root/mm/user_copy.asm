; SPDX-License-Identifier: MIT
; root/mm/user_copy.asm - the one instruction that touches ring 3's memory, and its way out.

bits 64

section .data
global user_copy_smap
user_copy_smap: db 0

section .text

; size_t user_copy_bytes(void *to, const void *from, size_t size)
global user_copy_bytes:function (user_copy_bytes.end - user_copy_bytes)
user_copy_bytes:
    mov rcx, rdx
    cmp byte [user_copy_smap], 0
    je .copy
    stac
.copy:
    rep movsb
.resume:
    cmp byte [user_copy_smap], 0
    je .out
    clac
.out:
    mov rax, rcx
    ret
.end:

section .extable progbits alloc noexec nowrite align=8
    dq user_copy_bytes.copy, user_copy_bytes.resume
