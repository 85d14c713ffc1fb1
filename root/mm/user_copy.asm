; SPDX-License-Identifier: MIT
; root/mm/user_copy.asm - the instructions that touch ring 3's memory, and their ways out.

bits 64

section .data
global user_copy_smap
user_copy_smap: db 0

section .text

; size_t user_copy_bytes(void *to, const void *from, size_t size)
global user_copy_bytes:function (user_copy_bytes.end - user_copy_bytes)
user_copy_bytes:
    mov rcx, rdx
    shr rcx, 3
    and edx, 7
    cmp byte [user_copy_smap], 0
    je .words
    stac
.words:
    rep movsq
    mov ecx, edx
.bytes:
    rep movsb
.resume:
    cmp byte [user_copy_smap], 0
    je .out
    clac
.out:
    mov rax, rcx
    ret
.words_left:
    lea rcx, [rdx + rcx * 8]
    jmp .resume
.end:

section .extable progbits alloc noexec nowrite align=8
    dq user_copy_bytes.words, user_copy_bytes.words_left
    dq user_copy_bytes.bytes, user_copy_bytes.resume
