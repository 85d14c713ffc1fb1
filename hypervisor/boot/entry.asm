; SPDX-License-Identifier: MIT
; boot/entry.asm - where the loader enters, and where every exception and interrupt does.

%include "offsets.inc"
%include "x86/entry.inc"

bits 64
default rel

section .bss align=16
global boot_stack, boot_stack_top
boot_stack: resb 16384
boot_stack_top:

section .text

extern hypervisor_main
extern panic_called
extern trap

; The first words of a va_list after one general-purpose argument of six, and no others: the offset of
; the next one, 8, and that of the vector registers, behind the six.
%define VA_AFTER_FMT (48 << 32 | 8)

; In: RDI = struct boot_info. The state is that of hvabi/boot.h.
global entry:function (entry.end - entry)
entry:
    cli
    cld
    lea rsp, [boot_stack_top]
    xor ebp, ebp
    push rbp                    ; the end of every backtrace
    push rbp
    call hypervisor_main
    ud2
.end:

; Change to stack RDI and call RSI, which does not return.
global stack_switch:function (stack_switch.end - stack_switch)
stack_switch:
    mov rsp, rdi
    xor ebp, ebp
    push rbp
    push rbp
    call rsi
    ud2
.end:

; Reload the segment registers from a new GDT: 0x08 code, 0x10 data.
global segments_load:function (segments_load.end - segments_load)
segments_load:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    pop rax
    push qword 0x08
    push rax
    o64 retf
.end:

; One stub a vector. Those without an error code push a zero in its place.
align 16
global trap_stubs
trap_stubs:
%assign v 0
%rep 256
    align 16
%if !HAS_ERROR_CODE(v)
    push qword 0
%endif
    push qword v
    jmp near trap_common
%assign v v + 1
%endrep

; struct trap_frame, from the top down: SS RSP RFLAGS CS RIP error vector, then the registers.
global trap_common:function (trap_common.end - trap_common)
trap_common:
    PUSH_REGISTERS
    cld
    mov rdi, rsp
    push qword [rdi + TRAP_RIP] ; a frame for backtraces
    push rbp
    mov rbp, rsp
    and rsp, -16
    call trap
    lea rsp, [rbp + 16]
    POP_REGISTERS
    add rsp, 16
    iretq
.end:

; void panic(const char *fmt, ...): the caller's registers as a struct trap_frame, the arguments as a
; va_list (System V ABI, 3.5.7), for panic_called.
global panic:function (panic.end - panic)
panic:
    sub rsp, TRAP_SIZE
    mov [rsp + TRAP_R15], r15
    mov [rsp + TRAP_R14], r14
    mov [rsp + TRAP_R13], r13
    mov [rsp + TRAP_R12], r12
    mov [rsp + TRAP_R11], r11
    mov [rsp + TRAP_R10], r10
    mov [rsp + TRAP_R9], r9
    mov [rsp + TRAP_R8], r8
    mov [rsp + TRAP_RDI], rdi
    mov [rsp + TRAP_RSI], rsi
    mov [rsp + TRAP_RBP], rbp
    mov [rsp + TRAP_RBX], rbx
    mov [rsp + TRAP_RDX], rdx
    mov [rsp + TRAP_RCX], rcx
    mov [rsp + TRAP_RAX], rax
    mov qword [rsp + TRAP_VECTOR], TRAP_CALLED
    mov qword [rsp + TRAP_ERROR], 0
    mov rax, [rsp + TRAP_SIZE]
    mov [rsp + TRAP_RIP], rax
    mov eax, cs
    mov [rsp + TRAP_CS], rax
    pushfq
    pop rax
    mov [rsp + TRAP_RFLAGS], rax
    lea r11, [rsp + TRAP_SIZE + 8]
    mov [rsp + TRAP_RSP], r11
    mov eax, ss
    mov [rsp + TRAP_SS], rax
    mov r10, rsp
    push r9                     ; the register save area
    push r8
    push rcx
    push rdx
    push rsi
    push rdi
    mov rax, rsp
    push rax                    ; va_list: reg_save_area
    push r11                    ; overflow_arg_area
    mov rax, VA_AFTER_FMT
    push rax                    ; fp_offset, gp_offset
    mov rsi, rdi
    mov rdi, r10
    mov rdx, rsp
    cld
    and rsp, -16
    call panic_called
    ud2
.end:

section .note.GNU-stack noalloc noexec nowrite progbits
