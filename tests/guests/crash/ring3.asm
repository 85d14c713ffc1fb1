; SPDX-License-Identifier: MIT
; ring3.asm - a function called in ring 3, and the way back, which is a fault.
%include "x86/entry.inc"
bits 64

SEL_DATA3 equ 0x28 | 3                  ; CRASH_SELECTOR_*
SEL_CODE3 equ 0x30 | 3
RFLAGS_ONE equ 1 << 1                   ; always 1

section .text
; uint64_t crash_ring3_enter(void (*function)(uint64_t), uint64_t argument, uint64_t *resume_rsp,
;                            void *stack_top)
global crash_ring3_enter:function
crash_ring3_enter:
    PUSH_PRESERVED
    mov [rdx], rsp
    sub rcx, 8
    lea rax, [rel crash_ring3_done]
    mov [rcx], rax                      ; the function's return address
    push SEL_DATA3
    push rcx
    push RFLAGS_ONE
    push SEL_CODE3
    push rdi
    mov rdi, rsi
    iretq

; A function that comes back runs into #UD here.
global crash_ring3_done
crash_ring3_done:
    ud2

; A fault resumes here, in ring 0: RSP as stored above, RAX = the result.
global crash_ring3_resume
crash_ring3_resume:
    POP_PRESERVED
    ret
