; SPDX-License-Identifier: MIT
; invoke.asm - the call through the hypercall page.
;
; uint64_t hypercall_invoke(const void *page, uint64_t control, uint64_t input, uint64_t output)
;   SysV in:  RDI page, RSI control, RDX input, RCX output
;   TLFS 3.7: RCX control, RDX input, R8 output, RAX result
; What the page clobbers is caller-saved in SysV as well, so its RET returns to our caller.
bits 64
section .text

global hypercall_invoke:function
hypercall_invoke:
    mov r8, rcx
    mov rcx, rsi
    jmp rdi
