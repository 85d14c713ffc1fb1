; SPDX-License-Identifier: MIT
; insns.asm - the SVM instructions, each a function of the address it takes (APM vol. 3, chapter 4),
; and a string to a port.
bits 64
section .text

%macro FUNCTION 1
global %1:function
%1:
    mov rax, rdi
%endmacro

FUNCTION crash_vmrun
    vmrun
    ret

FUNCTION crash_vmload
    vmload
    ret

FUNCTION crash_vmsave
    vmsave
    ret

FUNCTION crash_invlpga
    xor ecx, ecx
    invlpga
    ret

FUNCTION crash_stgi
    stgi
    ret

FUNCTION crash_clgi
    clgi
    ret

FUNCTION crash_skinit
    skinit
    ret

; void crash_outsb(uint16_t port, const void *from, uint64_t count)
global crash_outsb:function
crash_outsb:
    mov rcx, rdx
    mov edx, edi
    rep outsb
    ret
