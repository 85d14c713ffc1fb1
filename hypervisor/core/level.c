/* SPDX-License-Identifier: MIT */
/* core/level.c - see core/level.h. */
#include "core/level.h"

#include <rt/mem.h>
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"

void level_interrupt_begin(struct pcpu *cpu, uint8_t vector)
{
    BUG_ON(cpu->level_depth == ARRAY_SIZE(cpu->level_stack));
    cpu->level_stack[cpu->level_depth++] = vector;
}

/* The EOI register ends the highest vector in service, which is the last one taken: ends that come
 * in another order wait for it. */
void level_interrupt_end(struct pcpu *cpu, uint8_t vector)
{
    cpu->level_done[vector / 8] |= (uint8_t)(1u << vector % 8);
    while (cpu->level_depth != 0) {
        uint8_t top = cpu->level_stack[cpu->level_depth - 1];
        uint8_t bit = (uint8_t)(1u << top % 8);
        if (!(cpu->level_done[top / 8] & bit))
            break;
        cpu->level_done[top / 8] &= (uint8_t)~bit;
        cpu->level_depth--;
        lapic_physical_eoi();
    }
}

void level_interrupts_resume(struct pcpu *cpu)
{
    for (unsigned i = cpu->level_depth; i-- > 0;)
        if (!lapic_holds(&cpu->root_vp->lapic, cpu->level_stack[i]))
            level_interrupt_end(cpu, cpu->level_stack[i]);
}
