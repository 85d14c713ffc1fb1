; SPDX-License-Identifier: MIT
; entry.asm - the Multiboot header, and the way from 32-bit protected mode without paging to 64-bit C.
; The build says MULTIBOOT_FLAGS: with bit 16 the loader goes by the addresses in the header, without
; it by the ELF file's. Multiboot 0.6.96, 3.1 and 3.2; APM vol. 2, 14.6 (entering long mode).

MULTIBOOT_MAGIC equ 0x1badb002
STACK_SIZE      equ 16384
CR0_PG_WP       equ 1 << 31 | 1 << 16
CR4_PAE         equ 1 << 5
MSR_EFER        equ 0xc0000080
EFER_LME        equ 1 << 8
SEL_CODE64      equ 0x08
SEL_DATA        equ 0x10
PTE_P_RW        equ 3
PTE_LARGE       equ 1 << 7
LARGE_PAGES     equ 4 * 512             ; of 2 MiB: 4 GiB

extern image_start, image_data_end, image_end, multiboot_start

section .multiboot progbits alloc exec nowrite align=4
header:
    dd MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
    dd header, image_start, image_data_end, image_end, multiboot_entry

section .text
bits 32
global multiboot_entry:function
multiboot_entry:
    mov [state.eax], eax
    mov [state.ebx], ebx
    mov esp, stack_top
    pushfd
    pop dword [state.eflags]
    mov eax, cr0
    mov [state.cr0], eax
    mov eax, cr4
    mov [state.cr4], eax
    mov [state.cs], cs
    mov [state.ss], ss
    cld
    mov dword [pml4], pdpt + PTE_P_RW
    mov eax, directories + PTE_P_RW
    mov edi, pdpt
    mov ecx, 4
.directory:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    loop .directory
    mov eax, PTE_LARGE + PTE_P_RW
    mov edi, directories
    mov ecx, LARGE_PAGES
.page:
    mov [edi], eax
    add edi, 8
    add eax, 1 << 21
    loop .page
    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov eax, pml4
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME
    wrmsr
    mov eax, cr0
    or eax, CR0_PG_WP
    mov cr0, eax
    lgdt [gdtr]
    jmp SEL_CODE64:long_mode

bits 64
long_mode:
    mov eax, SEL_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, stack_top
    mov edi, state
    xor ebp, ebp
    call multiboot_start
    ud2                                 ; it does not return

section .data
align 8
state:                                  ; struct entry_state
.eax: dd 0
.ebx: dd 0
.eflags: dd 0
.cr0: dd 0
.cr4: dd 0
.cs: dd 0
.ss: dd 0

section .rodata
align 8
gdt:                                    ; APM vol. 2, figures 4-14 and 4-15
    dq 0
    dq 0x00209b0000000000               ; SEL_CODE64
    dq 0x00cf93000000ffff               ; SEL_DATA
gdtr:
    dw gdtr - gdt - 1
    dd gdt

section .bss
alignb 4096
pml4:        resb 4096
pdpt:        resb 4096
directories: resb LARGE_PAGES * 8
stack:       resb STACK_SIZE
stack_top:
