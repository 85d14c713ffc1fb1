; SPDX-License-Identifier: MIT
; root/cpu/trap.asm - the entry stubs of all 256 vectors, SYSCALL's entry, and the ways out.
; Rule: GS is the kernel's in the kernel. Ordinary entries swap it when they come from ring 3; the
; IST entries may interrupt the instruction before a swap, so they look at the MSR itself.
%include "offsets.inc"
%include "x86/entry.inc"

bits 64
default rel
section .text

extern trap_enter
extern syscall_enter

; No register survives into C with a user's value, so that none can steer speculation there.
%macro CLEAR_REGISTERS 0
    xor eax, eax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor ebp, ebp
    xor esi, esi
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    xor r11d, r11d
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
%endmacro

; A stack frame as a called function has, so that a backtrace reaches the interrupted code.
%macro LINK_FRAME 0
    push qword [rdi + TRAP_FRAME_RIP]
    push qword [rdi + TRAP_FRAME_RBP]
    mov rbp, rsp
%endmacro

align 16
global trap_stubs:function (trap_stubs.end - trap_stubs)
trap_stubs:
%assign vector 0
%rep 256
    align 16
  %if HAS_ERROR_CODE(vector)
    ; the processor has pushed an error code
  %else
    push 0
  %endif
  %if vector < 128
    push vector
  %else
    push strict dword vector
  %endif
  %if vector == 2 || vector == 8 || vector == 18
    jmp near trap_common_ist
  %else
    jmp near trap_common
  %endif
  %assign vector vector + 1
%endrep
    align 16
.end:

global trap_common:function (trap_common.end - trap_common)
trap_common:
    PUSH_REGISTERS
    cld
    mov rdi, rsp
    test byte [rdi + TRAP_FRAME_CS], 3
    jz .kernel
    swapgs
    lfence
    CLEAR_REGISTERS
    call trap_enter
    mov rdi, rsp
    jmp trap_return
.kernel:
    LINK_FRAME
    call trap_enter
    lea rdi, [rsp + 16]
    jmp trap_return
.end:

global trap_common_ist:function (trap_common_ist.end - trap_common_ist)
trap_common_ist:
    PUSH_REGISTERS
    cld
    mov ecx, MSR_GS_BASE_NUMBER
    rdmsr
    xor ebx, ebx
    test edx, edx
    js .gs_is_kernel
    inc ebx
    swapgs
.gs_is_kernel:
    lfence
    mov rdi, rsp
    LINK_FRAME
    call trap_enter
    add rsp, 16
    test ebx, ebx
    jz .out
    swapgs
.out:
    POP_REGISTERS
    add rsp, 16
    iretq
.end:

; _Noreturn void trap_return(struct trap_frame *frame)
global trap_return:function (trap_return.end - trap_return)
trap_return:
    cli
    mov rsp, rdi
    test byte [rsp + TRAP_FRAME_CS], 3
    jz .out
    swapgs
.out:
    POP_REGISTERS
    add rsp, 16
    iretq
.end:

; SYSCALL: RCX = return address, R11 = RFLAGS, interrupts off by FMASK (SDM vol. 2, SYSCALL).
global syscall_entry:function (syscall_entry.end - syscall_entry)
syscall_entry:
    swapgs
    mov [gs:CPU_USER_RSP], rsp
    mov rsp, [gs:CPU_KERNEL_RSP]
    push USER_DATA
    push qword [gs:CPU_USER_RSP]
    push r11
    push USER_CODE
    push rcx
    push 0
    push 0
    PUSH_REGISTERS
    cld
    mov rdi, rsp
    CLEAR_REGISTERS
    call syscall_enter
    mov rdi, rsp
    jmp trap_return
.end:

; void segments_reload(uint64_t code, uint64_t data)
global segments_reload:function (segments_reload.end - segments_reload)
segments_reload:
    mov ds, esi
    mov es, esi
    mov ss, esi
    xor eax, eax
    mov fs, eax
    mov gs, eax
    pop rax
    push rdi
    push rax
    retfq
.end:
