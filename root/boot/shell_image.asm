; SPDX-License-Identifier: MIT
; root/boot/shell_image.asm - see shell_image.h.

section .rodata
align 16
global shell_image
shell_image:
    incbin SHELL_ELF
global shell_image_end
shell_image_end:
