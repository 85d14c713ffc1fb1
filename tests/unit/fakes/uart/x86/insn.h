/* SPDX-License-Identifier: MIT */
/* fakes/uart/x86/insn.h - stands in for lib/x86's insn.h where a test is a serial port. */
#ifndef FAKES_UART_X86_INSN_H
#define FAKES_UART_X86_INSN_H

#include <stdint.h>

uint8_t insn_in8(uint16_t port);
void insn_out8(uint16_t port, uint8_t value);
void insn_pause(void);
uint64_t insn_pushf(void);

#endif
