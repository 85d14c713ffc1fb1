/* SPDX-License-Identifier: MIT */
/* core/partition.c - see core/partition.h. TLFS 2.0A, chapter 5. */
#include "core/partition.h"

#include <hvabi/cpuid.h>
#include <hvabi/msr.h>
#include <rt/mem.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include "boot/kept.h"
#include "core/fpu.h"
#include "core/lapic_physical.h"
#include "core/version.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/provoke.h"
#include "mm/mm.h"
#include "mm/phys.h"
#include "virt/virt.h"

_Static_assert(PARTITION_MAX == 1u << PARTITION_SLOT_BITS, "an id holds its slot");

/* Where children's guest physical addresses end. */
#define CHILD_GPA_BITS 40u

/* Steps of a finalize before the caller is let go for a while. */
#define FINALIZE_BUDGET 64u

struct partition *root_partition;

static struct {
    struct spinlock lock;
    struct partition *slots[PARTITION_MAX]; /* [lock] */
    uint64_t used[PARTITION_MAX / 64];      /* [lock] */
    uint64_t created;                       /* [lock] partitions that ever were */
    uint64_t live;                          /* [lock] */
} table;

/* ---- the table ---- */

/* From now on @p can be found: all of it that others may touch by then is ready. */
static bool slot_take(struct partition *p)
{
    bool found = false;

    spin_lock(&table.lock);
    for (uint32_t i = 0; i < ARRAY_SIZE(table.used) && !found; i++) {
        if (table.used[i] == UINT64_MAX)
            continue;
        uint32_t slot = i * 64 + (uint32_t)__builtin_ctzll(~table.used[i]);
        p->slot = (uint16_t)slot;
        p->id = ++table.created << PARTITION_SLOT_BITS | slot;
        pool_init(&p->pool, p->slot);
        table.used[i] |= 1ull << slot % 64;
        table.slots[slot] = p;
        table.live++;
        found = true;
    }
    spin_unlock(&table.lock);
    return found;
}

/* @p is found no more, if its pool is empty and the caller's is the only reference: nobody can take
 * another one, and with it change the pool, in between. */
static hv_status slot_free(struct partition *p)
{
    hv_status st = HV_STATUS_SUCCESS;

    spin_lock(&table.lock);
    if (__atomic_load_n(&p->references, __ATOMIC_ACQUIRE) != 1) {
        st = HV_STATUS_OBJECT_IN_USE;
    } else if (pool_balance(&p->pool).available != 0) {
        st = HV_STATUS_OPERATION_DENIED; /* withdraw first */
    } else {
        table.slots[p->slot] = NULL;
        table.live--;
        table.used[p->slot / 64] &= ~(1ull << p->slot % 64);
    }
    spin_unlock(&table.lock);
    return st;
}

struct partition *partition_get(struct partition *caller, uint64_t id)
{
    struct partition *p;

    if (id == HV_PARTITION_ID_SELF)
        id = caller->id;
    spin_lock(&table.lock);
    p = table.slots[id & (PARTITION_MAX - 1)];
    if (p != NULL && (p->id != id || (p != caller && p->parent != caller)))
        p = NULL;
    if (p != NULL)
        __atomic_fetch_add(&p->references, 1, __ATOMIC_RELAXED);
    spin_unlock(&table.lock);
    return p;
}

void partition_put(struct partition *p)
{
    __atomic_fetch_sub(&p->references, 1, __ATOMIC_RELEASE);
}

uint64_t partition_live(void)
{
    spin_lock(&table.lock);
    uint64_t live = table.live;
    spin_unlock(&table.lock);
    return live;
}

static bool is_child(const struct partition *p, const struct partition *parent)
{
    return p != NULL && p->parent == parent;
}

/* Ids grow: their order is that of creation. */
hv_status partition_next_child(const struct partition *parent, uint64_t previous, uint64_t *next)
{
    const struct partition *from;
    uint64_t id = UINT64_MAX;

    spin_lock(&table.lock);
    from = table.slots[previous & (PARTITION_MAX - 1)];
    bool valid = previous == HV_PARTITION_ID_INVALID ||
                 (is_child(from, parent) && from->id == previous);
    for (uint32_t i = 0; i < PARTITION_MAX && valid; i++) {
        const struct partition *p = table.slots[i];
        if (is_child(p, parent) && p->id > previous && p->id < id)
            id = p->id;
    }
    spin_unlock(&table.lock);
    *next = id != UINT64_MAX ? id : HV_PARTITION_ID_INVALID;
    return valid ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARTITION_ID;
}

struct vp *partition_vp(struct partition *p, uint32_t index)
{
    if (p->vps == NULL || index >= PARTITION_VP_TABLE)
        return NULL;
    return __atomic_load_n(&p->vps[insn_index_nospec(index, PARTITION_VP_TABLE)], __ATOMIC_ACQUIRE);
}

/* ---- create and initialize ---- */

/* What children may do and see; the fact that a bit is here is a promise that it works. */
#define CHILD_PRIVILEGES                                                                           \
    (HV_PRIVILEGE_ACCESS_VP_RUN_TIME_REG | HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER |       \
     HV_PRIVILEGE_ACCESS_SYNIC_REGS | HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_REGS |                   \
     HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS | HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS |                     \
     HV_PRIVILEGE_ACCESS_VP_INDEX | HV_PRIVILEGE_ACCESS_RESET_REG |                                \
     HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_TSC |                                                 \
     HV_PRIVILEGE_ACCESS_GUEST_IDLE_REG | HV_PRIVILEGE_ACCESS_FREQUENCY_REGS |                     \
     HV_PRIVILEGE_ACCESS_STATS_REG |                                                               \
     HV_PRIVILEGE_POST_MESSAGES | HV_PRIVILEGE_SIGNAL_EVENTS)
/* Root, and who gets it from root, may also look for an invariant TSC where there is one: a guest
 * that finds one has no use for the reference TSC page. */
#define ROOT_PRIVILEGES                                                                            \
    (CHILD_PRIVILEGES | HV_PRIVILEGE_CREATE_PARTITIONS | HV_PRIVILEGE_ACCESS_PARTITION_ID |        \
     HV_PRIVILEGE_ACCESS_MEMORY_POOL | HV_PRIVILEGE_CREATE_PORT | HV_PRIVILEGE_CONNECT_PORT |      \
     HV_PRIVILEGE_CPU_MANAGEMENT | HV_PRIVILEGE_ACCESS_STATS | HV_PRIVILEGE_ACCESS_VP_REGISTERS)

/* Spins before a guest tells that it spins. */
#define SPIN_COUNT 0xfffu

static void build_cpuid(struct partition *p)
{
    struct cpuid_config c = {
        .host = insn_cpuid,
        .is_root = p->is_root,
        .x2apic = true,
        .tsc_deadline = !p->is_root,
        .speculation_msrs = true,
        .vp_count = p->is_root ? lp_count : PARTITION_VPS_MAX,
        .physical_bits = p->is_root ? 0 : CHILD_GPA_BITS,
        .xcr0 = fpu_xcr0_mask(),
        .hypervisor = {
            .privileges = p->privileges,
            .features_edx = HV_CPUID_FEATURES_EDX_GUEST_IDLE |
                            HV_CPUID_FEATURES_EDX_FREQUENCY_REGS |
                            HV_CPUID_FEATURES_EDX_GUEST_CRASH_REGS |
                            HV_CPUID_FEATURES_EDX_SINT_POLLING |
                            HV_CPUID_FEATURES_EDX_HYPERCALL_MSR_LOCK |
                            HV_CPUID_FEATURES_EDX_DIRECT_SYNTHETIC_TIMERS,
            .hints = HV_CPUID_HINT_HYPERCALL_REMOTE_FLUSH | HV_CPUID_HINT_APIC_MSRS |
                     HV_CPUID_HINT_RELAXED_TIMING | HV_CPUID_HINT_DEPRECATE_AUTO_EOI |
                     HV_CPUID_HINT_SYNTHETIC_CLUSTER_IPI | HV_CPUID_HINT_EX_PROCESSOR_MASKS,
            .spin_count = SPIN_COUNT,
            .hardware = HV_CPUID_HARDWARE_SLAT | HV_CPUID_HARDWARE_MSR_BITMAPS,
            .management = HV_CPUID_MANAGEMENT_CREATE_ROOT_VP,
            .max_vps = p->is_root ? lp_count : PARTITION_VPS_MAX,
            .max_lps = lp_count,
            .build = VERDIGRIS_BUILD,
            .major = VERDIGRIS_MAJOR,
            .minor = VERDIGRIS_MINOR,
        },
    };

    cpuid_policy_init(p->cpuid, &c);
}

static void partition_init(struct partition *p, struct partition *parent, uint64_t flags)
{
    p->parent = parent;
    p->is_root = parent == NULL;
    p->creation_flags = flags;
    p->privileges = p->is_root ? ROOT_PRIVILEGES : CHILD_PRIVILEGES;
    if (p->is_root && tsc_synchronised && cpuid_host_tsc_invariant(insn_cpuid))
        p->privileges |= HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS;
    p->cpu_weight = SCHED_WEIGHT_DEFAULT;
    p->cpu_cap = HV_PARTITION_CPU_CAP_DEFAULT;
    list_init(&p->preempted);
    list_init(&p->spinning);
    overlay_init(&p->hypercall_overlay);
    overlay_init(&p->reference_tsc_overlay);
}

hv_status partition_create(struct partition *parent, uint64_t flags, uint64_t *id)
{
    hpa_t page;
    hv_status st = pool_page_alloc(&parent->pool, &page);

    _Static_assert(sizeof(struct partition) <= PAGE_SIZE, "a partition is one page of its parent's");
    if (st != HV_STATUS_SUCCESS)
        return st;
    struct partition *p = hpa_ptr(page);
    partition_init(p, parent, flags);
    p->references = 1; /* nobody sees it half made */
    if (!slot_take(p)) {
        pool_page_free(&parent->pool, page);
        return HV_STATUS_NO_RESOURCES;
    }
    __atomic_fetch_add(&parent->children, 1, __ATOMIC_RELAXED);
    *id = p->id;
    partition_put(p);
    return HV_STATUS_SUCCESS;
}

/* The pages that each initialized partition has, by the members that point to them. */
static void **page_member(struct partition *p, unsigned i)
{
    void **members[] = {(void **)&p->vps, (void **)&p->apics, (void **)&p->apic_table,
                        (void **)&p->cpuid, &p->hypercall_page, &p->reference_tsc_page};

    return i < ARRAY_SIZE(members) ? members[i] : NULL;
}

static void free_pages(struct partition *p)
{
    void **m;

    for (unsigned i = 0; (m = page_member(p, i)) != NULL; i++) {
        if (*m != NULL)
            pool_page_free(&p->pool, ptr_hpa(*m));
        *m = NULL;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(p->intercepts.io); i++) {
        if (p->intercepts.io[i] != NULL)
            pool_page_free(&p->pool, ptr_hpa(p->intercepts.io[i]));
        p->intercepts.io[i] = NULL;
    }
}

static hv_status allocate_pages(struct partition *p)
{
    void **m;

    for (unsigned i = 0; (m = page_member(p, i)) != NULL; i++) {
        hpa_t page;
        hv_status st = pool_page_alloc(&p->pool, &page);
        if (st != HV_STATUS_SUCCESS) {
            free_pages(p);
            return st;
        }
        *m = hpa_ptr(page);
    }
    return HV_STATUS_SUCCESS;
}

/* TLFS 6.0b, 3.13: the code that guests call: VMMCALL or VMCALL, and a near return. */
static void fill_hypercall_page(void *page)
{
    static const uint8_t code[] = {0x0f, 0x01, 0xd9, 0xc3};

    memset(page, 0xcc, PAGE_SIZE);
    memcpy(page, code, sizeof(code));
}

static void build_spaces(struct partition *p)
{
    lapic_space_init(p->apics, &(struct lapic_space_config){
                                   .table = p->apic_table,
                                   .capacity = PARTITION_VP_TABLE,
                                   .tsc_hz = tsc_hz,
                                   .timer_hz = lapic_timer_hz,
                                   .x2apic = true,
                                   .tsc_deadline = !p->is_root,
                               });
    p->tsc_offset = p->is_root ? 0 : 0 - insn_rdtsc();
    reftime_init(&p->reftime, p->tsc_offset, tsc_hz, tsc_synchronised);
    if (!p->is_root)
        reftime_freeze(&p->reftime); /* until a VP starts: partition_clock_update */
    reftime_attach_page(&p->reftime, p->reference_tsc_page);
    port_space_init(&p->ports, p->id, p, &p->pool);
    fill_hypercall_page(p->hypercall_page);
    build_cpuid(p);
}

hv_status partition_initialize(struct partition *p)
{
    hv_status st;

    if (p->state != PARTITION_CREATED)
        return HV_STATUS_INVALID_PARTITION_STATE;
    st = allocate_pages(p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = slat_init(&p->slat, &p->pool, p->is_root ? 48 : CHILD_GPA_BITS);
    if (st != HV_STATUS_SUCCESS) {
        free_pages(p);
        return st;
    }
    build_spaces(p);
    p->state = PARTITION_INITIALIZED;
    return HV_STATUS_SUCCESS;
}

void partition_create_root(const struct boot_info *info)
{
    struct partition *p = hpa_ptr(kept_alloc(PAGE_SIZE));
    uint64_t base, size;

    partition_init(p, NULL, 0);
    BUG_ON(!slot_take(p));
    kept_take_rest(&base, &size);
    pool_take_kept(&p->pool, hpa(base), size);
    root_partition = p;
    hv_status st = partition_initialize(p);
    if (st == HV_STATUS_SUCCESS)
        st = mm_map_root(&p->slat, hpa_ptr(hpa(info->memory_map)), info->memory_map_count);
    for (uint32_t i = 0; i < lp_count && st == HV_STATUS_SUCCESS; i++) {
        st = vp_create(p, i, i, true);
        lp_table[i]->root_vp = partition_vp(p, i);
    }
    if (st != HV_STATUS_SUCCESS)
        panic("root's partition: status %x out of %lu KiB kept", st, size / 1024);
}

/* ---- finalize and delete ---- */

/* Delete one VP, or a step of it. True: none is left. */
static bool finalize_vps(struct partition *p)
{
    bool again;

    while (p->dying == NULL && p->vp_highest != 0 && partition_vp(p, p->vp_highest - 1) == NULL)
        p->vp_highest--;
    if (p->dying == NULL && p->vp_highest == 0)
        return true;
    hv_status st = vp_delete(p, p->dying != NULL ? p->dying->index : p->vp_highest - 1, &again);
    BUG_ON(st != HV_STATUS_SUCCESS);
    return false;
}

hv_status partition_finalize(struct partition *p, bool *again)
{
    hv_status st;

    *again = false;
    if (p->is_root)
        return HV_STATUS_OPERATION_DENIED;
    if (p->state == PARTITION_CREATED || p->state == PARTITION_FINALIZED) {
        p->state = PARTITION_FINALIZED;
        return HV_STATUS_SUCCESS;
    }
    if (p->children != 0)
        return HV_STATUS_OPERATION_DENIED;
    if (provoke_armed && p->state == PARTITION_INITIALIZED)
        stop_report(p);
    p->state = PARTITION_FINALIZING;
    *again = true;
    if (!port_space_drain(&p->ports, FINALIZE_BUDGET) || !finalize_vps(p))
        return HV_STATUS_SUCCESS;
    st = partition_overlay(p, &p->hypercall_overlay, false, 0, hpa(0), 0);
    if (st == HV_STATUS_SUCCESS)
        st = partition_overlay(p, &p->reference_tsc_overlay, false, 0, hpa(0), 0);
    BUG_ON(st != HV_STATUS_SUCCESS);
    if (!slat_destroy(&p->slat, FINALIZE_BUDGET * 8))
        return HV_STATUS_SUCCESS;
    free_pages(p);
    p->state = PARTITION_FINALIZED;
    *again = false;
    return HV_STATUS_SUCCESS;
}

hv_status partition_delete(struct partition *p)
{
    bool finalized;
    hv_status st;

    if (p->is_root)
        return HV_STATUS_OPERATION_DENIED;
    spin_lock(&p->lock);
    finalized = p->state == PARTITION_FINALIZED; /* and remains so */
    spin_unlock(&p->lock);
    if (!finalized)
        return HV_STATUS_INVALID_PARTITION_STATE;
    st = slot_free(p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    BUG_ON(pool_balance(&p->pool).in_use != 0);
    __atomic_fetch_sub(&p->parent->children, 1, __ATOMIC_RELAXED);
    pool_page_free(&p->parent->pool, ptr_hpa(p));
    return HV_STATUS_SUCCESS;
}

/* ---- translations and overlays ---- */

void partition_flush_tlb(struct partition *p)
{
    uint64_t lps[LP_MAX / 64];

    /* The generation was raised by whoever changed the SLAT; LPs that enter from now on see it. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < LP_MAX / 64; i++)
        lps[i] = __atomic_load_n(&p->running_lps[i], __ATOMIC_SEQ_CST);
    pcpu_wait_guest_exit(lps);
}

hv_status partition_overlay(struct partition *p, struct overlay *o, bool enable, uint64_t gpfn,
                            hpa_t page, unsigned access)
{
    struct slat_gather g;
    hv_status st = HV_STATUS_SUCCESS;

    slat_gather_init(&g, &p->slat);
    if (!enable)
        overlay_clear(&p->slat, o, &g);
    else if (o->placed)
        st = overlay_move(&p->slat, o, gpa(gpfn << PAGE_SHIFT), &g);
    else
        st = overlay_set(&p->slat, o, gpa(gpfn << PAGE_SHIFT), page, access, &g);
    if (g.needs_flush)
        partition_flush_tlb(p);
    slat_gather_end(&g);
    return st;
}

/* ---- intercepts ---- */

#define PORTS_A_PAGE 16384u /* at two bits each */

bool partition_intercepts_port(const struct partition *p, uint16_t port, uint32_t access)
{
    const uint8_t *map = __atomic_load_n(&p->intercepts.io[port / PORTS_A_PAGE], __ATOMIC_ACQUIRE);
    uint32_t at = port % PORTS_A_PAGE * 2;

    return map != NULL && ((uint32_t)map[at / 8] >> at % 8 & access & 3u) != 0;
}

static hv_status allocate_ports(struct partition *p, uint32_t first, uint32_t last)
{
    for (uint32_t i = first / PORTS_A_PAGE; i <= last / PORTS_A_PAGE; i++) {
        hpa_t page;
        if (p->intercepts.io[i] != NULL)
            continue;
        hv_status st = pool_page_alloc(&p->pool, &page);
        if (st != HV_STATUS_SUCCESS)
            return st;
        __atomic_store_n(&p->intercepts.io[i], hpa_ptr(page), __ATOMIC_RELEASE);
    }
    return HV_STATUS_SUCCESS;
}

/* At most 16 KiB, byte by byte: some 10 us for all ports. */
static hv_status install_ports(struct partition *p, uint32_t first, uint32_t last, uint32_t access)
{
    uint8_t all = (uint8_t)(access * 0x55u); /* of four ports */
    hv_status st = allocate_ports(p, first, last);

    if (st != HV_STATUS_SUCCESS)
        return st;
    for (uint32_t port = first; port <= last;) {
        uint32_t at = port % PORTS_A_PAGE * 2, ports = 4 - port % 4;
        if (ports > last - port + 1)
            ports = last - port + 1;
        uint8_t *byte = &p->intercepts.io[port / PORTS_A_PAGE][at / 8];
        uint32_t mask = ((1u << ports * 2) - 1) << at % 8;
        *byte = (uint8_t)((*byte & ~mask) | (all & mask));
        port += ports;
    }
    return HV_STATUS_SUCCESS;
}

static hv_status install_port_range(struct partition *p, uint64_t parameter, uint32_t access)
{
    uint32_t first = parameter & HV_INTERCEPT_PARAMETER_PORT_MASK;
    uint32_t last = parameter >> HV_INTERCEPT_PARAMETER_PORT_RANGE_END_SHIFT & 0xffff;

    if (first > last || parameter >> 32 != 0)
        return HV_STATUS_INVALID_PARAMETER;
    return install_ports(p, first, last, access);
}

/* One MSR; of these only writes mean anything to a parent. */
static hv_status install_msr_index(struct partition *p, uint64_t msr, uint32_t access)
{
    uint32_t bit = msr == HV_X64_MSR_CRASH_CTL ? INTERCEPT_MSR_CRASH
                   : msr == HV_X64_MSR_RESET   ? INTERCEPT_MSR_RESET
                                               : 0u;

    if (bit == 0 || access & ~HV_INTERCEPT_ACCESS_MASK_WRITE)
        return HV_STATUS_INVALID_PARAMETER;
    p->intercepts.msr_index =
        access ? p->intercepts.msr_index | bit : p->intercepts.msr_index & ~bit;
    return HV_STATUS_SUCCESS;
}

hv_status partition_install_intercept(struct partition *p, uint32_t type, uint32_t access,
                                      uint64_t parameter)
{
    const uint32_t rw = HV_INTERCEPT_ACCESS_MASK_READ | HV_INTERCEPT_ACCESS_MASK_WRITE;
    const uint32_t x = HV_INTERCEPT_ACCESS_MASK_EXECUTE;

    switch (type) {
    case HvInterceptTypeX64IoPort:
        if (access & ~rw || parameter > UINT16_MAX)
            return HV_STATUS_INVALID_PARAMETER;
        return install_ports(p, (uint32_t)parameter, (uint32_t)parameter, access);
    case HvInterceptTypeX64IoPortRange:
        return access & ~rw ? HV_STATUS_INVALID_PARAMETER : install_port_range(p, parameter, access);
    case HvInterceptTypeX64Msr:
        if (access & ~rw)
            return HV_STATUS_INVALID_PARAMETER;
        p->intercepts.msr = access;
        return HV_STATUS_SUCCESS;
    case HvInterceptTypeX64MsrIndex:
        return install_msr_index(p, parameter, access);
    case HvInterceptTypeX64Cpuid:
    case HvInterceptTypeX64GlobalCpuid:
        if (access & ~x)
            return HV_STATUS_INVALID_PARAMETER;
        p->intercepts.cpuid = access;
        return HV_STATUS_SUCCESS;
    case HvInterceptTypeException:
        /* Others do not exit. */
        if (access & ~x || (parameter != EXCEPTION_DB && parameter != EXCEPTION_AC))
            return HV_STATUS_INVALID_PARAMETER;
        p->intercepts.exceptions =
            access ? p->intercepts.exceptions | 1u << parameter
                   : p->intercepts.exceptions & ~(1u << parameter);
        return HV_STATUS_SUCCESS;
    default:
        return HV_STATUS_INVALID_PARAMETER;
    }
}
