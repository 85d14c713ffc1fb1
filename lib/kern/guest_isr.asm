; SPDX-License-Identifier: MIT
; guest_isr.asm - the 256 interrupt entries, the guarded call of guest_try(), segment reload.
; See kern/guest_cpu.h; the frame is struct guest_frame.
%include "x86/entry.inc"
bits 64
section .text

extern guest_interrupt

GUEST_TRY_DONE equ 256

%assign v 0
%rep 256
isr_%+v:
%if !HAS_ERROR_CODE(v)
    push 0
%endif
    push v
    jmp isr_common
%assign v v + 1
%endrep

isr_common:
    PUSH_REGISTERS
    cld
    mov rdi, rsp
    call guest_interrupt
    POP_REGISTERS
    add rsp, 16                         ; vector, error code
    iretq

; uint64_t guest_try_enter(void (*function)(uint64_t), uint64_t argument, uint64_t *resume_rsp)
global guest_try_enter:function
guest_try_enter:
    PUSH_PRESERVED
    mov [rdx], rsp
    mov rax, rdi
    mov rdi, rsi
    sub rsp, 8                          ; SysV: aligned to 16 at the call
    call rax
    add rsp, 8
    mov eax, GUEST_TRY_DONE
; A fault resumes here: RSP as stored above, RAX = vector.
global guest_try_fault
guest_try_fault:
    POP_PRESERVED
    ret

; void guest_segments_load(uint16_t code, uint16_t data)
global guest_segments_load:function
guest_segments_load:
    mov ds, esi
    mov es, esi
    mov ss, esi
    xor eax, eax
    mov fs, eax
    mov gs, eax                         ; its base is set by MSR afterwards
    pop rax
    movzx edi, di
    push rdi
    push rax
    retfq

section .rodata
align 8
global guest_isr_table
guest_isr_table:
%assign v 0
%rep 256
    dq isr_%+v
%assign v v + 1
%endrep
