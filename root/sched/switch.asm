; SPDX-License-Identifier: MIT
; root/sched/switch.asm - changing kernel stacks, and halting.
%include "x86/entry.inc"

bits 64
section .text

extern thread_begin

; void context_switch(uint64_t *save_rsp, uint64_t load_rsp)
; Saves what the C calling convention preserves; the flags' IF is the caller's business.
global context_switch:function (context_switch.end - context_switch)
context_switch:
    PUSH_PRESERVED
    mov [rdi], rsp
    mov rsp, rsi
    POP_PRESERVED
    ret
.end:

; void halt_once(void)
; Lets interrupts in, halts until one has come, and shuts them out. No handler runs between the first
; two instructions, says the manual; where one does, trap_enter has it go on behind the second.
global halt_once:function (halt_once.end - halt_once)
global halt_instruction
halt_once:
    sti
halt_instruction:
    hlt
    cli
    ret
halt_once.end:

; A new thread's stack holds six zero registers and this address.
global thread_start_stub:function (thread_start_stub.end - thread_start_stub)
thread_start_stub:
    xor ebp, ebp
    call thread_begin
    ud2
.end:
