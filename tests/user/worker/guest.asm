; SPDX-License-Identifier: MIT
; tests/user/worker/guest.asm - what the child executes, in real mode, with DS at an address where no
; RAM is and ES at its local APIC; linked into the worker, which copies it.
%define PORT_COUNT  0xe0
%define PORT_CHECK  0xe4
%define PORT_READY  0xe8
%define PORT_MEMORY 0xec
%define PORT_EXIT   0xf4
%define READS       1000
%define STATUS      42
%define APIC_SVR    0xf0
%define APIC_EOI    0xb0

section .rodata
global guest_serve, guest_serve_end, guest_serve_handler
global guest_read, guest_read_end, guest_fault, guest_fault_end

bits 16
; All that there is, once.
guest_serve:
    mov cx, READS
.again:
    in al, PORT_COUNT
    out PORT_CHECK, al
    loop .again
    mov al, [0]
    out PORT_MEMORY, al
    mov dword [es:APIC_SVR], 0x1ff
    mov al, 1
    out PORT_READY, al
    sti
    hlt
    cli
    mov al, STATUS
    out PORT_EXIT, al
.stop:
    hlt
    jmp .stop
guest_serve_handler equ $ - guest_serve
    mov dword [es:APIC_EOI], 0
    mov al, 2
    out PORT_READY, al
    iret
guest_serve_end:

; Reads for ever.
guest_read:
    in al, PORT_COUNT
    jmp guest_read
guest_read_end:

; A triple fault: there are no vectors.
guest_fault:
    a32 lidt [cs:dword .no_idt - guest_fault + 0x1000]
    ud2
.no_idt:
    dw 0
    dd 0
guest_fault_end:

section .note.GNU-stack noalloc noexec nowrite progbits
