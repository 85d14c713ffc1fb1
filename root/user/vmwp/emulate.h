/* SPDX-License-Identifier: MIT */
/* vmwp/emulate.h - does for a child's processor what its instruction wanted from a device: one MMIO
 * instruction, or one port instruction, string ones among them. 16-, 32- and 64-bit code.
 *
 * Everything a child controls (instruction bytes, registers, page tables, RAM) may be hostile: a
 * call does a bounded amount of work, and touches nothing but the VP's registers, the child's RAM
 * and the devices. String instructions are done in pieces of EMULATE_STRING_MAX elements at the
 * most, and never beyond the page that was accessed: registers then show how far it is, RIP stays,
 * and the processor comes back with the rest, after it has taken interrupts.
 *
 * Not done, for it makes no difference to devices: limits of segments, the trap flag, alignment
 * checks. LOCK is implied: a child's accesses to devices come one after the other. */
#ifndef USER_VMWP_EMULATE_H
#define USER_VMWP_EMULATE_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/message.h>
#include <hvabi/regs.h>
#include "vmwp/ram.h"

enum { EMULATE_STRING_MAX = 256, EMULATE_REASON_SIZE = 128 };

/* Whose instruction it is, and what it reaches. The VP stands in the intercept meanwhile. */
struct emulate_vp {
    void *context;
    const struct guest_ram *ram;
    /* Fill in the values of, or set, @count (16 at the most) registers. False: it cannot be done.
     */
    bool (*registers_get)(void *context, struct hv_register_assoc *registers, uint32_t count);
    bool (*registers_set)(void *context, const struct hv_register_assoc *registers, uint32_t count);
    /* HvTranslateGva* for an access of the VP at @gva, with its privilege; *@gpa if it is _Success.
     */
    uint32_t (*translate)(void *context, uint64_t gva, bool write, uint64_t *gpa);
    uint64_t (*mmio_read)(void *context, uint64_t gpa, unsigned size);
    void (*mmio_write)(void *context, uint64_t gpa, unsigned size, uint64_t value);
    uint32_t (*port_read)(void *context, uint16_t port, unsigned size);
    void (*port_write)(void *context, uint16_t port, unsigned size, uint32_t value);
};

/* What is left for who answers the intercept; other registers have been set. */
struct emulate_answer {
    bool set_rax;
    uint64_t rip; /* the instruction itself, if it is to be executed again: a part of it is done,
                     its bytes are gone, or a page fault is pending */
    uint64_t rax;
    char reason[EMULATE_REASON_SIZE]; /* why it was not emulated, with the instruction's bytes */
};

/* Execute the instruction that accessed @m->guest_physical_address, which is no RAM. False: it is
 * none that is emulated, or cannot be, and @answer->reason says why; nothing has changed. */
bool emulate_mmio(const struct emulate_vp *vp, const struct hv_x64_memory_intercept_message *m,
                  struct emulate_answer *answer);

/* Execute the IN, OUT, INS or OUTS that accessed @m->port_number. As above. */
bool emulate_port(const struct emulate_vp *vp, const struct hv_x64_io_port_intercept_message *m,
                  struct emulate_answer *answer);

#endif
