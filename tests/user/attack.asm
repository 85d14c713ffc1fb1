; SPDX-License-Identifier: MIT
; tests/user/attack.asm - what ring 3 must not be able to do, one function each.

bits 64
default rel
section .text

KERNEL_IMAGE equ 0xffffffff80000000
KERNEL_DIRECT equ 0xffff800000100000
NON_CANONICAL equ 0x0000800000000000
SYSCALL_GETPID equ 39
RFLAGS_TF equ 1 << 8
RFLAGS_AC_NT_DF equ 1 << 18 | 1 << 14 | 1 << 10

global attack_read_kernel
attack_read_kernel:
    mov rax, KERNEL_IMAGE
    mov rax, [rax]
    ret

global attack_write_kernel
attack_write_kernel:
    mov rax, KERNEL_DIRECT
    mov qword [rax], 0
    ret

global attack_jump_kernel
attack_jump_kernel:
    mov rax, KERNEL_IMAGE
    jmp rax

global attack_jump_non_canonical
attack_jump_non_canonical:
    mov rax, NON_CANONICAL
    jmp rax

global attack_write_text
attack_write_text:
    lea rax, [attack_write_text]
    mov byte [rax], 0x90
    ret

global attack_execute_stack
attack_execute_stack:
    push 0xc3                       ; RET
    mov rax, rsp
    call rax
    pop rax
    ret

global attack_cli
attack_cli:
    cli
    ret

global attack_hlt
attack_hlt:
    hlt
    ret

global attack_rdmsr
attack_rdmsr:
    mov ecx, 0xc0000080
    rdmsr
    ret

global attack_port
attack_port:
    mov dx, 0x3f8
    out dx, al
    ret

global attack_timer_vector
attack_timer_vector:
    int 0x20
    ret

global attack_swapgs
attack_swapgs:
    swapgs
    ret

global attack_ud2
attack_ud2:
    ud2

global attack_divide
attack_divide:
    xor edx, edx
    xor ecx, ecx
    div rcx
    ret

global attack_stack_overflow
attack_stack_overflow:
    push rax
    jmp attack_stack_overflow

global attack_single_step
attack_single_step:
    push RFLAGS_TF
    popfq
    nop
    ret

; Harmless to the kernel if it does as it should: the call works, whatever the registers hold.
global odd_stack_pointer
odd_stack_pointer:
    mov rdx, rsp
    mov rsp, KERNEL_DIRECT
    mov eax, SYSCALL_GETPID
    syscall
    mov rsp, rdx
    ret

global odd_flags
odd_flags:
    pushfq
    push RFLAGS_AC_NT_DF
    popfq
    mov eax, SYSCALL_GETPID
    syscall
    popfq
    ret

; Into the middle of a SYSCALL with TF set: the trap is taken in ring 3, behind it.
global odd_single_step_syscall
odd_single_step_syscall:
    pushfq
    or qword [rsp], RFLAGS_TF
    mov eax, SYSCALL_GETPID
    popfq
    syscall
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
