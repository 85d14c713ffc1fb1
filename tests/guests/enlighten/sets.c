/* SPDX-License-Identifier: MIT */
/* sets.c - calls that name a set of VPs: flushes, whose effect is looked at, interrupts, and sets
 * that lie. TLFS 6.0b, 7.8.7.3, 9.4 and 10.5. */
#include <hvabi/hypercall.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <x86/insn.h>
#include <x86/pte.h>

#include "enlighten.h"

#define WORDS(n) ((uint64_t)(n) << HV_HYPERCALL_VARIABLE_HEADER_SHIFT)
#define REPS(n)  ((uint64_t)(n) << HV_HYPERCALL_REP_COUNT_SHIFT)

#define SPACE    HvCallFlushVirtualAddressSpace
#define LIST     HvCallFlushVirtualAddressList
#define SPACE_EX HvCallFlushVirtualAddressSpaceEx
#define LIST_EX  HvCallFlushVirtualAddressListEx

static uint64_t everybody(void)
{
    return (1ull << enlighten_vps()) - 1;
}

static unsigned fill(const uint64_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        enlighten_input()[i] = words[i];
    return count;
}

#define CALL(control, ...)                                                                         \
    enlighten_call((control), fill((const uint64_t[]){__VA_ARGS__},                                \
                                   sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)))

/* ---- flushes ---- */

/* A page beyond the memory that is mapped one to one, of which VP 0 changes what it leads to. */
#define WINDOW       (1ull << 39)
#define FRAMES       2u
#define FLUSH_ROUNDS 400u

static struct {
    volatile uint64_t *entry;
    uint64_t *frame[FRAMES];
    uint64_t round; /* [a] whose frame the window leads to for everybody */
    uint32_t done;  /* [a] */
} window;

static uint64_t *table_below(uint64_t *entry)
{
    uint64_t *table = guest_memory(HV_PAGE_SIZE);

    *entry = (uintptr_t)table | PTE_P | PTE_RW;
    return table;
}

static void window_make(void)
{
    uint64_t *pml4 = (uint64_t *)(uintptr_t)(insn_read_cr3() & ~0xfffull);
    uint64_t *pd = table_below(table_below(&pml4[1]));

    window.entry = table_below(pd);
    for (unsigned i = 0; i < FRAMES; i++)
        window.frame[i] = guest_memory(HV_PAGE_SIZE);
    *window.entry = (uintptr_t)window.frame[0] | PTE_P | PTE_RW;
}

static hv_status flush(uint64_t round)
{
    uint64_t cr3 = insn_read_cr3();

    switch (round % 6) {
    case 0:
        return CALL(SPACE, cr3, 0, everybody());
    case 1:
        return CALL(LIST | REPS(1), cr3, 0, everybody(), WINDOW);
    case 2:
        return CALL(SPACE, 0,
                    HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES |
                        HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY,
                    0);
    case 3:
        return CALL(SPACE_EX | WORDS(1), cr3, 0, HvGenericSetSparse4k, 1, everybody());
    case 4:
        return CALL(LIST_EX | WORDS(1) | REPS(2), cr3, 0, HvGenericSetSparse4k, 1, everybody(),
                    WINDOW, WINDOW + HV_PAGE_SIZE);
    default:
        return CALL(SPACE_EX, cr3, 0, HvGenericSetAll, 0);
    }
}

static void window_change(void)
{
    for (uint64_t round = 1; round <= FLUSH_ROUNDS; round++) {
        uint64_t *frame = window.frame[round % FRAMES];

        __atomic_store_n(frame, round, __ATOMIC_SEQ_CST);
        *window.entry = (uintptr_t)frame | PTE_P | PTE_RW;
        hv_status st = flush(round);
        enlighten_check(st == HV_STATUS_SUCCESS, "a flush fails", st);
        __atomic_store_n(&window.round, round, __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(&window.done, 1, __ATOMIC_SEQ_CST);
}

/* A flush has ended, and so nobody may see what was there before. */
static void window_watch(void)
{
    while (!__atomic_load_n(&window.done, __ATOMIC_SEQ_CST)) {
        uint64_t round = __atomic_load_n(&window.round, __ATOMIC_SEQ_CST);
        uint64_t seen = *(volatile uint64_t *)(uintptr_t)WINDOW;

        enlighten_check(seen >= round, "an old translation is used after a flush", seen);
    }
}

void enlighten_flushes(void)
{
    if (enlighten_vp() == 0)
        window_make();
    enlighten_meet();
    if (enlighten_vp() == 0)
        window_change();
    else
        window_watch();
    enlighten_check(*(volatile uint64_t *)(uintptr_t)WINDOW == FLUSH_ROUNDS,
                    "the last page is not seen", *(volatile uint64_t *)(uintptr_t)WINDOW);
}

/* ---- interrupts ---- */

#define IPI_ROUNDS 100u
#define IPI_FORMS  4u

static uint64_t received[GUEST_CPU_MAX]; /* [a] */

static void ipi_handler(struct guest_frame *frame)
{
    (void)frame;
    __atomic_fetch_add(&received[enlighten_vp()], 1, __ATOMIC_RELEASE);
    guest_apic_eoi();
}

static hv_status ipi(unsigned form, uint64_t mask)
{
    switch (form) {
    case 0:
        return guest_hypercall(HvCallSendSyntheticClusterIpi | HV_HYPERCALL_FAST, VECTOR_IPI,
                               mask) &
               HV_HYPERCALL_RESULT_STATUS_MASK;
    case 1:
        return CALL(HvCallSendSyntheticClusterIpi, VECTOR_IPI, mask);
    case 2:
        return CALL(HvCallSendSyntheticClusterIpiEx | WORDS(1), VECTOR_IPI, HvGenericSetSparse4k, 1,
                    mask);
    default:
        return CALL(HvCallSendSyntheticClusterIpiEx, VECTOR_IPI, HvGenericSetAll, 0);
    }
}

/* Each in turn interrupts all, and goes on when all have been. */
static void ipi_round(void)
{
    uint64_t before[GUEST_CPU_MAX];

    for (unsigned form = 0; form < IPI_FORMS; form++) {
        for (uint32_t i = 0; i < enlighten_vps(); i++)
            before[i] = __atomic_load_n(&received[i], __ATOMIC_ACQUIRE);
        hv_status st = ipi(form, everybody());
        enlighten_check(st == HV_STATUS_SUCCESS, "an interrupt is refused", st);
        for (uint32_t i = 0; i < enlighten_vps(); i++)
            while (__atomic_load_n(&received[i], __ATOMIC_ACQUIRE) == before[i])
                insn_pause();
    }
}

void enlighten_ipis(void)
{
    guest_handler_set(VECTOR_IPI, ipi_handler);
    enlighten_meet();
    insn_sti();
    for (uint32_t turn = 0; turn < enlighten_vps(); turn++) {
        for (unsigned i = 0; i < IPI_ROUNDS && turn == enlighten_vp(); i++)
            ipi_round();
        enlighten_meet();
    }
    insn_cli();
    enlighten_check(received[enlighten_vp()] == (uint64_t)enlighten_vps() * IPI_ROUNDS * IPI_FORMS,
                    "interrupts were lost or made up", received[enlighten_vp()]);
}

/* ---- sets that lie ---- */

static void refused(hv_status got, hv_status wanted, const char *what)
{
    enlighten_check(got == wanted, what, got);
}

static void bad_flushes(uint64_t cr3)
{
    const hv_status form = HV_STATUS_INVALID_HYPERCALL_INPUT, value = HV_STATUS_INVALID_PARAMETER;

    refused(CALL(SPACE, cr3, 0, 0), value, "a flush of nobody");
    refused(CALL(SPACE, UINT64_MAX, 0, 1), value, "a space that is none");
    refused(CALL(SPACE, cr3, ~7ull, 1), value, "flags that are none");
    refused(CALL(LIST | REPS(1), cr3, HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY, 1, 0), value,
            "a list of addresses that are not global");
    refused(CALL(LIST, cr3, 0, 1, 0), form, "an empty list");
    refused(CALL(LIST | REPS(510), cr3, 0, 1), HV_STATUS_INVALID_ALIGNMENT,
            "a list beyond the page");
    refused(CALL(SPACE_EX, cr3, 0, 0, 1, 1), form, "a bank that is not there");
    refused(CALL(SPACE_EX | WORDS(2), cr3, 0, 0, 1, 1, 1), form, "a bank that nobody names");
    refused(CALL(SPACE_EX, cr3, 0, 2, 0), value, "a format that is none");
    refused(CALL(SPACE_EX | WORDS(1023), cr3, 0, 0, UINT64_MAX), HV_STATUS_INVALID_ALIGNMENT,
            "banks beyond the page");
    refused(CALL(SPACE_EX | WORDS(1), cr3, 0, 0, 1ull << 63, UINT64_MAX), HV_STATUS_SUCCESS,
            "VPs that there cannot be");
    refused(CALL(SPACE_EX | HV_HYPERCALL_FAST, cr3, 0, 1, 0), form, "a set in registers");
}

static void bad_ipis(void)
{
    const hv_status value = HV_STATUS_INVALID_PARAMETER;

    refused(CALL(HvCallSendSyntheticClusterIpi, 15, 1), value, "a vector of exceptions");
    refused(CALL(HvCallSendSyntheticClusterIpi, 256, 1), value, "a vector beyond all");
    refused(CALL(HvCallSendSyntheticClusterIpi, VECTOR_IPI | 1ull << 32, 1), value, "another VTL");
    refused(CALL(HvCallSendSyntheticClusterIpiEx, VECTOR_IPI, UINT64_MAX, 0), value,
            "a format that is none");
    refused(CALL(HvCallSendSyntheticClusterIpiEx | WORDS(1), VECTOR_IPI, 0, 1ull << 40, UINT64_MAX),
            HV_STATUS_SUCCESS, "interrupts for VPs that there cannot be");
}

void enlighten_bad_sets(void)
{
    for (unsigned i = 0; i < 20; i++) {
        bad_flushes(insn_read_cr3());
        bad_ipis();
    }
}
