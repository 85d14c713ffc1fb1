; SPDX-License-Identifier: MIT
; root/boot/trampoline.asm - real mode to long mode, position independent within one low page.
; Entered with CS = page number << 8, IP = 0. See trampoline.h.
%include "offsets.inc"

CR0_PE equ 1 << 0
CR0_MP equ 1 << 1
CR0_NE equ 1 << 5
CR0_WP equ 1 << 16
CR0_PG equ 1 << 31
CR4_PAE equ 1 << 5
CR4_OSFXSR equ 1 << 9
CR4_OSXMMEXCPT equ 1 << 10
EFER_LME equ 1 << 8
EFER_NXE equ 1 << 11
CODE64 equ 8
DATA equ 16
CPUID_FEATURES equ 1
CPUID_TOPOLOGY equ 0xb
CPUID_1_EBX_APIC_ID equ 24

section .rodata

align 16
bits 16
global trampoline_begin
trampoline_begin:
    cli
    cld
    mov ax, cs
    mov ds, ax
    xor ebx, ebx
    mov bx, ax
    shl ebx, 4                          ; the page's address
    lea eax, [ebx + (gdt - trampoline_begin)]
    mov [gdt_register - trampoline_begin + 2], eax
    lea eax, [ebx + (long_mode - trampoline_begin)]
    mov [far_target - trampoline_begin], eax
    o32 lgdt [gdt_register - trampoline_begin]
    mov eax, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT
    mov cr4, eax
    mov eax, [TRAMPOLINE_PARAMETERS + TRAMPOLINE_CR3]
    mov cr3, eax
    mov ecx, MSR_EFER_NUMBER
    rdmsr
    or eax, EFER_LME | EFER_NXE
    wrmsr
    mov eax, CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG
    mov cr0, eax                        ; protected and long mode at once
    jmp far dword [far_target - trampoline_begin]

bits 64
long_mode:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esi, ebx
    xor eax, eax                        ; our APIC ID, in EDX
    cpuid
    cmp eax, CPUID_TOPOLOGY
    jb .short_id
    mov eax, CPUID_TOPOLOGY
    xor ecx, ecx
    cpuid
    test ebx, ebx
    jnz .claim
.short_id:
    mov eax, CPUID_FEATURES
    cpuid
    shr ebx, CPUID_1_EBX_APIC_ID
    mov edx, ebx
.claim:
    mov eax, edx                        ; the parameters are ours as long as they are on offer to us
    bts rax, TRAMPOLINE_OFFER_BIT_NUMBER
    xor ecx, ecx
    lock cmpxchg [rsi + TRAMPOLINE_PARAMETERS + TRAMPOLINE_CLAIM], rcx
    jne .late
    mov rsp, [rsi + TRAMPOLINE_PARAMETERS + TRAMPOLINE_STACK]
    mov rdi, [rsi + TRAMPOLINE_PARAMETERS + TRAMPOLINE_ARGUMENT]
    mov rax, [rsi + TRAMPOLINE_PARAMETERS + TRAMPOLINE_ENTRY]
    xor ebp, ebp
    call rax
    ud2
.late:
    cli
    hlt
    jmp .late

align 8
gdt:
    dq 0
    dq 0x00af9b000000ffff               ; 64-bit code
    dq 0x00cf93000000ffff               ; data
gdt_register:
    dw gdt_register - gdt - 1
    dd 0
far_target:
    dd 0
    dw CODE64
global trampoline_end
trampoline_end:
