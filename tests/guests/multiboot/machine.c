/* SPDX-License-Identifier: MIT */
/* machine.c - the machine of a child, as an operating system that is told nothing finds it. */
#include <hvabi/cpuid.h>
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <kern/guest_smp.h>
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/insn.h>

#include "multiboot.h"

#define VECTOR_TIMER   0x40
#define TRAMPOLINE     0x8000ull /* a page below 1 MiB, in which the loader has put nothing */
#define PATIENCE_TICKS 20000000000ull
#define TIMER_COUNT    20000u
#define TIMER_ROUNDS   10u
#define PORT_OF_NOBODY 0x2e8u /* COM4 */

/* ---- CPUID ---- */

static void check_cpuid(void)
{
    uint32_t r[4];
    char vendor[13] = "";

    insn_cpuid(CPUID_LEAF_FEATURES, 0, r);
    check("CPUID: there is a hypervisor", (r[CPUID_ECX] & CPUID_1_ECX_HYPERVISOR) != 0);
    insn_cpuid(HV_CPUID_VENDOR_AND_MAX, 0, r);
    memcpy(vendor, &r[CPUID_EBX], 4);
    memcpy(vendor + 4, &r[CPUID_ECX], 4);
    memcpy(vendor + 8, &r[CPUID_EDX], 4);
    check("CPUID: it is Microsoft Hv", strcmp(vendor, "Microsoft Hv") == 0);
    insn_cpuid(HV_CPUID_INTERFACE, 0, r);
    check("CPUID: its interface is Hv#1", memcmp(&r[CPUID_EAX], "Hv#1", 4) == 0);
}

/* ---- ACPI ---- */

#define RSDP_BEGIN 0xe0000u
#define RSDP_END   0x100000u
#define RSDP_STEP  16u
#define RSDP_SHORT 20u /* bytes that the first checksum covers */

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt, length;
    uint64_t xsdt;
};
X86_OFFSET(struct rsdp, xsdt, 24);

struct table {
    char signature[4];
    uint32_t length;
    uint8_t rest[28];
};
X86_SIZE(struct table, 36);

#define MADT_APIC_ADDRESS 36u /* offsets in the table */
#define MADT_ENTRIES      44u
#define MADT_LOCAL_APIC   0 /* types of entries, and where their flags are */
#define MADT_APIC_FLAGS   4u
#define MADT_IOAPIC       1
#define MADT_LOCAL_X2APIC 9
#define MADT_X2APIC_FLAGS 8u
#define MADT_ENABLED      1u

static bool sums_to_zero(const void *bytes, uint32_t size)
{
    const uint8_t *b = bytes;
    uint8_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + b[i]);
    return sum == 0;
}

static const struct rsdp *rsdp_find(void)
{
    for (uint32_t a = RSDP_BEGIN; a < RSDP_END; a += RSDP_STEP)
        if (memcmp(at(a), "RSD PTR ", 8) == 0 && sums_to_zero(at(a), RSDP_SHORT))
            return at(a);
    return NULL;
}

static const struct table *table_find(const struct rsdp *rsdp, const char *signature)
{
    const struct table *xsdt = at(rsdp->xsdt);

    for (size_t i = sizeof(*xsdt); i + sizeof(uint64_t) <= xsdt->length; i += sizeof(uint64_t)) {
        uint64_t address;

        memcpy(&address, (const uint8_t *)xsdt + i, sizeof(address));
        if (memcmp(at(address), signature, sizeof(xsdt->signature)) == 0)
            return at(address);
    }
    return NULL;
}

static bool is_enabled(const uint8_t *entry)
{
    uint32_t flags = 0;

    if (entry[0] == MADT_LOCAL_APIC)
        memcpy(&flags, entry + MADT_APIC_FLAGS, sizeof(flags));
    else if (entry[0] == MADT_LOCAL_X2APIC)
        memcpy(&flags, entry + MADT_X2APIC_FLAGS, sizeof(flags));
    return (flags & MADT_ENABLED) != 0;
}

static void check_madt(const struct table *madt, uint32_t vps)
{
    const uint8_t *bytes = (const uint8_t *)madt;
    uint32_t processors = 0, ioapics = 0, apic = 0;

    check("the MADT's sum is right", sums_to_zero(madt, madt->length));
    memcpy(&apic, bytes + MADT_APIC_ADDRESS, sizeof(apic));
    check_equal("the MADT has the local APIC's address", apic, APIC_DEFAULT_BASE);
    for (uint32_t i = MADT_ENTRIES; i + 1 < madt->length && bytes[i + 1] != 0; i += bytes[i + 1]) {
        processors += is_enabled(bytes + i);
        ioapics += bytes[i] == MADT_IOAPIC;
    }
    check_equal("the MADT has all processors", processors, vps);
    check_equal("the MADT has an IOAPIC", ioapics, 1);
}

static void check_acpi(uint32_t vps)
{
    const struct rsdp *rsdp = rsdp_find();
    const struct table *madt;

    check("the RSDP is found", rsdp != NULL);
    if (rsdp == NULL)
        return;
    check("the XSDT's sum is right",
          sums_to_zero(at(rsdp->xsdt), ((const struct table *)at(rsdp->xsdt))->length));
    madt = table_find(rsdp, "APIC");
    check("there is a MADT", madt != NULL);
    if (madt != NULL)
        check_madt(madt, vps);
}

/* ---- timers; each processor's own ---- */

static struct {
    uint64_t ticks;  /* interrupts taken; by its processor only */
    uint32_t id;     /* of its local APIC, and 1 more, ... */
    uint32_t passed; /* [a] TIMER_... that were fine */
    uint32_t done;   /* [a] */
} cpus[GUEST_CPU_MAX];

enum { TIMER_ONE_SHOT = 1, TIMER_PERIODIC = 2, TIMER_HALTED = 4, TIMER_ALL = 7 };

static void tick(struct guest_frame *frame)
{
    (void)frame;
    cpus[guest_cpu_this()->index].ticks++;
    guest_apic_eoi();
}

/* Until this processor has taken @count interrupts, or for too long. */
static bool ticks_reach(uint64_t count)
{
    const volatile uint64_t *ticks = &cpus[guest_cpu_this()->index].ticks;
    uint64_t begin = insn_rdtsc();

    while (*ticks < count && insn_rdtsc() - begin < PATIENCE_TICKS)
        insn_pause();
    return *ticks >= count;
}

static bool one_shots(const volatile uint64_t *ticks)
{
    guest_apic_timer_set(VECTOR_TIMER);
    for (unsigned i = 0; i < TIMER_ROUNDS; i++) {
        guest_apic_timer_start(TIMER_COUNT);
        if (!ticks_reach(i + 1))
            return false;
    }
    return *ticks == TIMER_ROUNDS;
}

static bool periodic(void)
{
    bool all;

    guest_apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | VECTOR_TIMER);
    guest_apic_timer_start(TIMER_COUNT);
    all = ticks_reach(2ull * TIMER_ROUNDS);
    guest_apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    return all;
}

/* A halted processor is woken. Only where the others have worked. */
static bool halted(const volatile uint64_t *ticks)
{
    insn_cli();
    guest_apic_timer_set(VECTOR_TIMER);
    for (unsigned i = 0; i < TIMER_ROUNDS; i++) {
        uint64_t before = *ticks;

        guest_apic_timer_start(TIMER_COUNT);
        while (*ticks == before)
            insn_sti_hlt_cli();
    }
    return true;
}

static void work(void)
{
    uint32_t index = guest_cpu_this()->index, passed = 0;
    const volatile uint64_t *ticks = &cpus[index].ticks;

    cpus[index].id = guest_apic_id() + 1;
    insn_sti();
    passed |= one_shots(ticks) ? TIMER_ONE_SHOT : 0;
    passed |= periodic() ? TIMER_PERIODIC : 0;
    if (passed == (TIMER_ONE_SHOT | TIMER_PERIODIC))
        passed |= halted(ticks) ? TIMER_HALTED : 0;
    insn_cli();
    __atomic_store_n(&cpus[index].passed, passed, __ATOMIC_RELAXED);
    __atomic_store_n(&cpus[index].done, 1, __ATOMIC_RELEASE); /* pairs with wait_done */
}

static bool wait_done(uint32_t index)
{
    uint64_t begin = insn_rdtsc();

    while (!__atomic_load_n(&cpus[index].done, __ATOMIC_ACQUIRE) && /* pairs with work */
           insn_rdtsc() - begin < PATIENCE_TICKS)
        insn_pause();
    return __atomic_load_n(&cpus[index].done, __ATOMIC_RELAXED) != 0;
}

static void check_processors(uint32_t vps)
{
    uint32_t running, ids = 0, passed = TIMER_ALL;

    guest_handler_set(VECTOR_TIMER, tick);
    guest_apic_enable();
    running = guest_smp_start(vps, TRAMPOLINE, work);
    check_equal("processors that INIT and SIPI start", running, vps);
    work();
    for (uint32_t i = 0; i < running; i++) {
        passed &= wait_done(i) ? cpus[i].passed : 0;
        ids += cpus[i].id == i + 1;
    }
    check_equal("processors whose APIC ID is their number", ids, vps);
    check("the local APICs' timers count once", (passed & TIMER_ONE_SHOT) != 0);
    check("the local APICs' timers count again and again", (passed & TIMER_PERIODIC) != 0);
    check("timers end a halt", (passed & TIMER_HALTED) != 0);
}

/* ---- ports ---- */

static void check_ports(void)
{
    check_equal("a port of nobody reads as ones", insn_in8(PORT_OF_NOBODY), UINT8_MAX);
    insn_out32(0xcf8, 1u << 31);
    check_equal("the PCI mechanism is there", insn_in32(0xcf8), 1u << 31);
    check_equal("the PCI bus is empty", insn_in32(0xcfc), UINT32_MAX);
}

void check_machine(uint32_t vps)
{
    check_cpuid();
    check_acpi(vps);
    check_processors(vps);
    check_ports();
}
