; SPDX-License-Identifier: MIT
; efi/handoff.asm - void handoff_jump(entry: rdi, info: rsi, cr3: rdx), see efi/handoff.h.
;
; Establishes the entry state of hvabi/boot.h: our own GDT, an IDT without entries (any exception
; before the image has set its own stops the machine, rather than run what is left of the firmware),
; control registers, page tables. Rules: position-independent; uses the firmware's stack only until
; CS is loaded.

MSR_EFER            equ 0xc0000080      ; APM vol. 2, 3.1.7
EFER_NXE            equ 1 << 11
MSR_FS_BASE         equ 0xc0000100      ; APM vol. 2, 4.5.3
MSR_GS_BASE         equ 0xc0000101
CR0_PE              equ 1 << 0          ; APM vol. 2, 3.1.1
CR0_MP              equ 1 << 1
CR0_ET              equ 1 << 4
CR0_NE              equ 1 << 5
CR0_WP              equ 1 << 16
CR0_PG              equ 1 << 31
CR4_PAE             equ 1 << 5          ; APM vol. 2, 3.1.3
CR4_OSFXSR          equ 1 << 9
CR4_OSXMMEXCPT      equ 1 << 10
SELECTOR_CODE       equ 0x08
SELECTOR_DATA       equ 0x10

section .data
align 16
gdt:    dq 0
        dq 0x00af9b000000ffff           ; code: 64-bit, CPL 0 (APM vol. 2, 4.8.1)
        dq 0x00cf93000000ffff           ; data: flat, writable
gdt_end:

section .text
global handoff_jump
handoff_jump:
        cli
        cld
        mov     r8, rdi                 ; entry
        mov     rdi, rsi                ; info
        mov     r9, rdx                 ; cr3

        lea     rax, [rel gdt]
        sub     rsp, 16
        mov     word [rsp], gdt_end - gdt - 1
        mov     [rsp + 2], rax
        lgdt    [rsp]
        mov     qword [rsp], 0
        mov     qword [rsp + 8], 0
        lidt    [rsp]

        mov     ecx, MSR_EFER
        rdmsr
        or      eax, EFER_NXE
        wrmsr
        mov     eax, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG
        mov     cr0, rax
        mov     eax, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT
        mov     cr4, rax                ; without PGE: global entries are flushed too
        mov     cr3, r9

        push    SELECTOR_CODE
        lea     rax, [rel .flat]
        push    rax
        o64 retf
.flat:
        mov     eax, SELECTOR_DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        xor     eax, eax
        mov     fs, eax
        mov     gs, eax
        xor     edx, edx
        mov     ecx, MSR_FS_BASE
        wrmsr
        mov     ecx, MSR_GS_BASE
        wrmsr
        jmp     r8
