; SPDX-License-Identifier: MIT
; boot/trampoline.asm - from the start-up IPI to 64-bit mode. Copied to a page below 1 MiB; the data
; at its end is filled by boot/smp.c for one LP at a time.

section .rodata
bits 16
default abs

global trampoline_start, trampoline_end, trampoline_data

%define AT(label) (label - trampoline_start)

trampoline_start:
    cli
    cld
    mov ax, cs
    mov ds, ax
    movzx ebx, ax
    shl ebx, 4                      ; physical address of this page
    lea eax, [ebx + AT(gdt)]
    mov [AT(gdt_pointer) + 2], eax
    lea eax, [ebx + AT(protected)]
    mov [AT(far_32)], eax
    lea eax, [ebx + AT(long_mode)]
    mov [AT(far_64)], eax
    o32 lgdt [AT(gdt_pointer)]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    o32 jmp far [AT(far_32)]

bits 32
protected:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, [ebx + AT(trampoline_data) + 24] ; CR4
    mov cr4, eax
    mov eax, [ebx + AT(trampoline_data) + 0]  ; PML4 below 4 GiB
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x900                   ; LME, NXE
    wrmsr
    mov eax, cr0
    and eax, 0x9fffffff             ; CD, NW off
    or eax, 0x80010021              ; PG, WP, NE, PE
    mov cr0, eax
    jmp far [ebx + AT(far_64)]

bits 64
long_mode:
    mov ebx, ebx
    mov rdi, [rbx + AT(trampoline_data) + 32] ; argument
    mov rsp, [rbx + AT(trampoline_data) + 8]
    mov rax, [rbx + AT(trampoline_data) + 16] ; entry
    xor ebp, ebp
    push rbp                        ; no return address: the end of every backtrace
    jmp rax

align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff           ; 0x08: 32-bit code
    dq 0x00cf93000000ffff           ; 0x10: data
    dq 0x00af9b000000ffff           ; 0x18: 64-bit code
gdt_pointer:
    dw $ - gdt - 1
    dd 0
far_32:
    dd 0
    dw 0x08
far_64:
    dd 0
    dw 0x18
align 8
trampoline_data:                    ; struct trampoline_data
    dq 0, 0, 0, 0, 0
trampoline_end:

section .note.GNU-stack noalloc noexec nowrite progbits
