/* SPDX-License-Identifier: MIT */
/* virt/vp_exit.h - why a VP left guest mode, in terms that no vendor owns.
 * Backends fill it; core/exit.c has the one switch over it. */
#ifndef VIRT_VP_EXIT_H
#define VIRT_VP_EXIT_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/stats.h>

#define VP_EXIT_CONSTANT(constant, name) VP_EXIT_##constant,
enum vp_exit_reason { HV_STATS_VP_EXITS(VP_EXIT_CONSTANT) VP_EXIT_REASON_COUNT };

enum {
    GPA_FAULT_WRITE = 1u << 0,
    GPA_FAULT_EXECUTE = 1u << 1,
    GPA_FAULT_PRESENT = 1u << 2,    /* a mapping is there, but does not allow the access */
    GPA_FAULT_PAGE_TABLE = 1u << 3, /* made by the guest's own page walk */
};

struct vp_exit {
    enum vp_exit_reason reason;
    /* Length in bytes of the instruction that made the exit; 0: not known, decode it. */
    uint8_t insn_len;
    union {
        struct {
            uint16_t port;
            uint8_t size; /* bytes: 1, 2, 4 */
            bool in, string, rep;
        } io;
        struct {
            uint64_t gpa;
            uint32_t access; /* GPA_FAULT_* */
        } fault;
        struct {
            bool known;  /* else decode the instruction */
            uint8_t gpr; /* whose value goes to CR8 */
        } cr8;
        struct {
            uint8_t vector;
            bool has_error_code;
            uint32_t error_code;
            uint64_t parameter; /* CR2 of a page fault */
        } exception;
    };
};

#endif
