; SPDX-License-Identifier: MIT
; guest_isr.asm - the 256 interrupt entries, the guarded call of guest_try(), segment reload.
; See kern/guest_cpu.h; the frame is struct guest_frame.
bits 64
section .text

extern guest_interrupt

; Vectors for which the processor pushes an error code. APM vol. 2, table 8-1.
%define HAS_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || \
                      (v) == 30)

GUEST_TRY_DONE equ 256

%assign v 0
%rep 256
isr_%+v:
%if !HAS_ERROR(v)
    push 0
%endif
    push v
    jmp isr_common
%assign v v + 1
%endrep

isr_common:
    push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp
    call guest_interrupt
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16                         ; vector, error code
    iretq

; uint64_t guest_try_enter(void (*function)(uint64_t), uint64_t argument, uint64_t *resume_rsp)
global guest_try_enter:function
guest_try_enter:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
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
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
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
