; SPDX-License-Identifier: MIT
; root/user/lib/start.asm - a program's first instructions, and the system call itself.

bits 64
default rel
section .text

extern main
extern exit

; The stack holds argc and argv (System V ABI, 3.4.1).
global _start
_start:
    xor ebp, ebp
    mov rdi, [rsp]
    lea rsi, [rsp + 8]
    and rsp, -16
    call main
    mov edi, eax
    call exit
    ud2

; int64_t system_call(uint64_t number, uint64_t a0, a1, a2, a3, a4)
global system_call
system_call:
    mov rax, rdi
    mov rdi, rsi
    mov rsi, rdx
    mov rdx, rcx
    mov r10, r8
    mov r8, r9
    xor r9d, r9d
    syscall
    ret

; The same with a sixth argument.
global system_call6
system_call6:
    mov rax, rdi
    mov rdi, rsi
    mov rsi, rdx
    mov rdx, rcx
    mov r10, r8
    mov r8, r9
    mov r9, [rsp + 8]
    syscall
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
