; SPDX-License-Identifier: MIT
; mark.asm - instructions that do nothing, and that marks.c knows by their displacement: the mark's
; number and "mrk".

bits 64
section .text

%macro mark 2
global %1:function
%1:
    nop dword [rax + (('mrk' << 8) | %2)]
    ret
%endmacro

    mark mark_init, 1           ; the first program of a Linux begins
    mark mark_reads_begin, 2
    mark mark_reads_end, 3
    mark mark_scattered_begin, 4
    mark mark_scattered_end, 5

section .note.GNU-stack noalloc noexec nowrite progbits
