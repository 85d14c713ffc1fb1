; SPDX-License-Identifier: MIT
; guest_trampoline.asm - from the real mode of a SIPI to 64-bit C. Copied to a page below 1 MiB;
; position-independent, so it finds its own address from CS. guest_smp.c fills the mailbox.
; APM vol. 2, 14.6 (entering long mode).

CR0_PE    equ 1 << 0
CR0_PG    equ 1 << 31
CR4_PAE   equ 1 << 5
MSR_EFER  equ 0xc0000080
EFER_LME  equ 1 << 8
SEL_CODE64 equ 0x08
SEL_DATA   equ 0x10
SEL_CODE32 equ 0x18

%define REL(label) ((label) - guest_trampoline_start)

section .rodata
align 16
global guest_trampoline_start
guest_trampoline_start:
bits 16
    cli
    cld
    mov ax, cs
    mov ds, ax
    movzx ebx, ax
    shl ebx, 4                          ; EBX: linear address of the trampoline
    lea eax, [ebx + REL(gdt)]
    mov [REL(gdtr.base)], eax
    lea eax, [ebx + REL(protected)]
    mov [REL(protected_pointer)], eax
    lea eax, [ebx + REL(long_mode)]
    mov [REL(long_pointer)], eax
    o32 lgdt [REL(gdtr)]
    mov eax, cr0
    or eax, CR0_PE
    mov cr0, eax
    jmp far dword [REL(protected_pointer)]

bits 32
protected:
    mov eax, SEL_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov eax, [ebx + REL(mailbox.cr3)]
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME
    wrmsr
    mov eax, cr0
    or eax, CR0_PG
    mov cr0, eax
    jmp far [ebx + REL(long_pointer)]

bits 64
long_mode:
    mov ebx, ebx
    mov rsp, [rbx + REL(mailbox.stack)]
    mov rdi, [rbx + REL(mailbox.argument)]
    mov rax, [rbx + REL(mailbox.entry)]
    xor ebp, ebp
    call rax
    ud2                                 ; the entry does not return

align 8
gdt:                                    ; APM vol. 2, figures 4-14 and 4-15
    dq 0
    dq 0x00209b0000000000               ; SEL_CODE64: L, present, code, readable, accessed
    dq 0x00cf93000000ffff               ; SEL_DATA: flat 4 GiB, writable, accessed
    dq 0x00cf9b000000ffff               ; SEL_CODE32: flat 4 GiB, readable, accessed
gdtr:
    dw gdtr - gdt - 1
.base:
    dd 0
protected_pointer:
    dd 0
    dw SEL_CODE32
long_pointer:
    dd 0
    dw SEL_CODE64

align 8
global guest_trampoline_mailbox
guest_trampoline_mailbox:
mailbox:                                ; struct trampoline_mailbox
.cr3: dq 0
.stack: dq 0
.entry: dq 0
.argument: dq 0
global guest_trampoline_end
guest_trampoline_end:
