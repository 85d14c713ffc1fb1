; SPDX-License-Identifier: MIT
; svm/entry.asm - into the guest and back: svm_enter(vp, vmcb_pa, host_vmcb_pa).
; Rules: called with IF = 0 and GIF = 1. RAX, RSP, RIP and RFLAGS of the guest are in the VMCB; the
; other registers are in struct vp, whose first member is gpr[16]. FS, GS, TR, LDTR and the SYSCALL
; MSRs are exchanged by VMLOAD and VMSAVE, so that the hypervisor always runs with its own.

%include "offsets.inc"

RETURN_STACK equ 32             ; entries, of the processors that have most

bits 64
default rel
section .text

global svm_enter:function (svm_enter.end - svm_enter)
svm_enter:
    push rbp
    mov rbp, rsp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rdx                    ; host VMCB
    push rdi                    ; struct vp

    test byte [rdi + VP_GUARDS], GUARD_CLEAR_BUFFERS | GUARD_COUNT_TICKS
    jnz .before
.enter:
    mov rax, rsi
    clgi
    sti                         ; a pending interrupt ends the VMRUN at once
    mov rcx, [rdi + VP_GPR + 1 * 8]
    mov rdx, [rdi + VP_GPR + 2 * 8]
    mov rbx, [rdi + VP_GPR + 3 * 8]
    mov rbp, [rdi + VP_GPR + 5 * 8]
    mov rsi, [rdi + VP_GPR + 6 * 8]
    mov r8, [rdi + VP_GPR + 8 * 8]
    mov r9, [rdi + VP_GPR + 9 * 8]
    mov r10, [rdi + VP_GPR + 10 * 8]
    mov r11, [rdi + VP_GPR + 11 * 8]
    mov r12, [rdi + VP_GPR + 12 * 8]
    mov r13, [rdi + VP_GPR + 13 * 8]
    mov r14, [rdi + VP_GPR + 14 * 8]
    mov r15, [rdi + VP_GPR + 15 * 8]
    mov rdi, [rdi + VP_GPR + 7 * 8]
    vmload
    vmrun
    vmsave
    cli
    mov rax, [rsp + 8]
    vmload

    xchg rdi, [rsp]             ; struct vp; the guest's RDI takes its place
    mov [rdi + VP_GPR + 1 * 8], rcx
    mov [rdi + VP_GPR + 2 * 8], rdx
    mov [rdi + VP_GPR + 3 * 8], rbx
    mov [rdi + VP_GPR + 5 * 8], rbp
    mov [rdi + VP_GPR + 6 * 8], rsi
    mov [rdi + VP_GPR + 8 * 8], r8
    mov [rdi + VP_GPR + 9 * 8], r9
    mov [rdi + VP_GPR + 10 * 8], r10
    mov [rdi + VP_GPR + 11 * 8], r11
    mov [rdi + VP_GPR + 12 * 8], r12
    mov [rdi + VP_GPR + 13 * 8], r13
    mov [rdi + VP_GPR + 14 * 8], r14
    mov [rdi + VP_GPR + 15 * 8], r15
    pop rax
    mov [rdi + VP_GPR + 7 * 8], rax
    pop rax
    ; Nothing of the guest stays where speculation could use it.
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    xor r11d, r11d
    test byte [rdi + VP_GUARDS], GUARD_BARRIER | GUARD_FILL_RETURNS | GUARD_COUNT_TICKS
    jnz .guard
.left:
    stgi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
    int3

    ; The guards of core/speculation.h. No return and no indirect branch is executed before them.
.before:
    test byte [rdi + VP_GUARDS], GUARD_CLEAR_BUFFERS
    jz .count_entry
    verw [data_selector]
    test byte [rdi + VP_GUARDS], GUARD_COUNT_TICKS
    jz .enter
.count_entry:
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov rcx, [rdi + VP_STATS]
    sub [rcx + STATS_GUEST_TICKS], rax
    jmp .enter
.guard:
    test byte [rdi + VP_GUARDS], GUARD_COUNT_TICKS
    jz .barrier
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov rcx, [rdi + VP_STATS]
    add [rcx + STATS_GUEST_TICKS], rax
    xor edx, edx
.barrier:
    test byte [rdi + VP_GUARDS], GUARD_BARRIER
    jz .fill_returns
    mov ecx, MSR_IA32_PRED_CMD
    mov eax, PRED_CMD_IBPB
    wrmsr                       ; EDX is 0
.fill_returns:
    test byte [rdi + VP_GUARDS], GUARD_FILL_RETURNS
    jz .left
    mov ecx, RETURN_STACK / 2
.fill:
    call .odd
    int3                        ; where a return that is predicted from here ends
.odd:
    call .even
    int3
.even:
    dec ecx
    jnz .fill
    add rsp, RETURN_STACK * 8
    lfence
    jmp .left
.end:

section .rodata
data_selector:
    dw SELECTOR_DATA            ; VERW clears buffers only with a selector in memory

section .note.GNU-stack noalloc noexec nowrite progbits
