/* SPDX-License-Identifier: MIT */
/* boot/main.c - from the loader's jump to root's first instruction, in one function. */
#include <hvabi/boot.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "boot/kept.h"
#include "boot/options.h"
#include "boot/paging.h"
#include "boot/smp.h"
#include "core/fpu.h"
#include "core/interrupts.h"
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "core/speculation.h"
#include "core/statistics.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/panic.h"
#include "debug/provoke.h"
#include "debug/symbols.h"
#include "mm/mm.h"
#include "mm/pfn.h"
#include "mm/phys.h"
#include "virt/virt.h"

_Noreturn void hypervisor_main(uint64_t boot_info);
_Noreturn void stack_switch(uint64_t stack_top, void (*entry)(void));

/* A time slice. */
#define SLICE_MS 4u

bool tsc_synchronised = true;

/* ---- logical processors ---- */

/* boot.cfg: smt = isolated | shared. Do all LPs of a core run children? */
static bool smt_shared(const char *options)
{
    const char *value = option_find(options, "smt");

    if (value == NULL || option_is(value, "isolated"))
        return false;
    if (option_is(value, "shared"))
        return true;
    hv_log("boot.cfg: smt is isolated or shared: using isolated");
    return false;
}

static void create_lps(const struct boot_info *info, bool shared)
{
    const uint32_t *ids = hpa_ptr(hpa(info->lp_apic_ids));

    _Static_assert(sizeof(struct pcpu) <= 2 * PAGE_SIZE, "two pages are allocated for each LP");
    lp_count = info->lp_count < LP_MAX ? info->lp_count : LP_MAX;
    for (uint32_t i = 0; i < lp_count; i++) {
        struct pcpu *cpu = hpa_ptr(kept_alloc(sizeof(*cpu)));
        cpu->self = cpu;
        cpu->lp_index = i;
        cpu->lp_bit = 1ull << i % 64;
        cpu->apic_id = ids[i];
        cpu->root_only = !speculation_runs_children(&speculation, ids, i, shared);
        cpu->timer_programmed = UINT64_MAX;
        cpu->hcall_in = hpa_ptr(kept_alloc(PAGE_SIZE));
        cpu->hcall_out = hpa_ptr(kept_alloc(PAGE_SIZE));
        cpu->host_save = kept_alloc(PAGE_SIZE);
        cpu->host_vmcb = kept_alloc(PAGE_SIZE);
        paging_map_stacks(i);
        cpu->stack_top = paging_stack_top(i, 0);
        lp_table[i] = cpu;
    }
}

static void log_smt(void)
{
    uint32_t children = 0;

    for (uint32_t i = 0; i < lp_count; i++)
        children += !lp_table[i]->root_only;
    if (speculation.thread_bits != 0)
        hv_log("LPs share cores: %u of %u run children", children, lp_count);
}

/* No page of the hypervisor is one of user mode, so that in this mode nothing of a guest's is run or touched
 * by mistake. Guests have these bits as well: an emulator that sees no change keeps its TLB at VMRUN. */
static void refuse_user_pages(void)
{
    uint32_t r[4];

    insn_cpuid(CPUID_LEAF_VENDOR, 0, r);
    if (r[0] < CPUID_LEAF_FEATURES_7)
        return;
    insn_cpuid(CPUID_LEAF_FEATURES_7, 0, r);
    insn_write_cr4(insn_read_cr4() | (r[1] & CPUID_7_EBX_SMEP ? CR4_SMEP : 0) |
                   (r[1] & CPUID_7_EBX_SMAP ? CR4_SMAP : 0));
}

/* What each LP does for itself, on its own stack or the boot stack. */
static void lp_init(struct pcpu *cpu)
{
    uint32_t r[4];

    interrupts_init(cpu);
    insn_cpuid(CPUID_LEAF_EXT_FEATURES, 0, r);
    cpu->has_tsc_aux = r[3] & CPUID_80000001_EDX_RDTSCP;
    refuse_user_pages();
    fpu_on();
    lapic_physical_on();
    if (cpu->lp_index == 0)
        lapic_physical_calibrate();
    virt_cpu_on(cpu);
    speculation_cpu_on(cpu);
}

/* ---- do the TSCs agree? ---- */

static struct {
    uint32_t turn;        /* [a] odd: the other LP's */
    uint64_t last;        /* [a] */
    uint32_t backwards;   /* [a] */
} tsc_check;

#define TSC_CHECK_ROUNDS 64u

/* Two LPs read in turns; a value below the other's last one gives them away. */
static void tsc_check_half(uint32_t parity)
{
    for (uint32_t i = 0; i < TSC_CHECK_ROUNDS; i++) {
        while (__atomic_load_n(&tsc_check.turn, __ATOMIC_ACQUIRE) != 2 * i + parity)
            insn_pause();
        uint64_t now = insn_rdtsc();
        if (now < tsc_check.last)
            tsc_check.backwards++;
        tsc_check.last = now;
        __atomic_store_n(&tsc_check.turn, 2 * i + parity + 1, __ATOMIC_RELEASE);
    }
}

/* ---- the other LPs ---- */

static uint32_t go; /* [a] root's partition is ready */

static void lp_main(struct pcpu *cpu)
{
    insn_write_cr3(paging_cr3());
    lp_init(cpu);
    __atomic_fetch_add(&smp_started, 1, __ATOMIC_ACQ_REL);
    tsc_check_half(1);
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
        insn_pause();
    vp_run_loop();
}

static void check_tsc_of(uint32_t lp)
{
    (void)lp;
    tsc_check.last = 0;
    __atomic_store_n(&tsc_check.turn, 0, __ATOMIC_RELEASE);
    tsc_check_half(0);
    while (__atomic_load_n(&tsc_check.turn, __ATOMIC_ACQUIRE) != 2 * TSC_CHECK_ROUNDS)
        insn_pause();
    __atomic_store_n(&tsc_check.turn, UINT32_MAX, __ATOMIC_RELEASE);
}

/* ---- root ---- */

static void set64(struct vp *vp, uint32_t name, uint64_t v)
{
    hv_status st = virt_reg_set(vp, name, &(struct hv_register_value){.reg64 = v});

    BUG_ON(st != HV_STATUS_SUCCESS);
}

static void set_segment(struct vp *vp, uint32_t name, uint16_t selector, uint16_t attributes)
{
    hv_status st = virt_reg_set(
        vp, name, &(struct hv_register_value){.segment = {.limit = UINT32_MAX,
                                                          .selector = selector,
                                                          .attributes = attributes}});

    BUG_ON(st != HV_STATUS_SUCCESS);
}

/* Root's boot VP, in the state that hvabi/boot.h promises. */
static void prepare_root_vp(const struct boot_info *info, uint64_t boot_info)
{
    enum { CODE64 = 0xa09b, DATA = 0xc093, CODE_SELECTOR = 0x08, DATA_SELECTOR = 0x10 };
    struct vp *vp = partition_vp(root_partition, 0);

    set64(vp, HvX64RegisterCr3, info->root.cr3);
    set64(vp, HvX64RegisterCr4, CR4_PAE | CR4_OSFXSR);
    set64(vp, HvX64RegisterEfer, EFER_LME | EFER_LMA | EFER_NXE);
    set64(vp, HvX64RegisterCr0, CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP);
    set_segment(vp, HvX64RegisterCs, CODE_SELECTOR, CODE64);
    set_segment(vp, HvX64RegisterDs, DATA_SELECTOR, DATA);
    set_segment(vp, HvX64RegisterEs, DATA_SELECTOR, DATA);
    set_segment(vp, HvX64RegisterSs, DATA_SELECTOR, DATA);
    set_segment(vp, HvX64RegisterFs, DATA_SELECTOR, DATA);
    set_segment(vp, HvX64RegisterGs, DATA_SELECTOR, DATA);
    vp->rip = info->root.entry;
    vp->gpr[7] = boot_info; /* RDI */
    for (uint32_t i = 0; i < lp_count; i++)
        vp_resume(partition_vp(root_partition, i), VP_SUSPEND_EXPLICIT);
}

static void init_pages(const struct boot_info *info)
{
    const struct boot_memory_range *map = hpa_ptr(hpa(info->memory_map));
    void *table = hpa_ptr(kept_alloc(pfn_table_size(map, info->memory_map_count)));

    pfn_init(map, info->memory_map_count, hpa(info->kept_base), info->kept_size, table);
}

static void check_handoff(const struct boot_info *info)
{
    if (info->magic != BOOT_INFO_MAGIC || info->version < BOOT_INFO_VERSION ||
        info->size < sizeof(*info))
        panic("the loader's hand-off structure has version %u and %u bytes; %u and %zu are needed: "
              "install the loader and the hypervisor of one build",
              info->version, info->size, BOOT_INFO_VERSION, sizeof(*info));
}

_Noreturn void hypervisor_main(uint64_t boot_info)
{
    const struct boot_info *info = (const void *)boot_info; /* one to one until paging_init */

    check_handoff(info);
    kept_init(info);
    paging_init(info);
    info = hpa_ptr(hpa(boot_info));
    symbols_init(&info->hypervisor);
    hv_log("Verdigris hypervisor for %s, build id %s", virt_name, build_id());
    const char *options = info->options != 0 ? hpa_ptr(hpa(info->options)) : NULL;
    panic_init(options);
    provoke_init(options);
    speculation_choose(&speculation, insn_cpuid);
    if (provoke_ticks)
        speculation_count_ticks(&speculation);
    create_lps(info, smt_shared(options));
    lp_init(lp_table[0]);
    sched_slice_tsc = tsc_hz / 1000 * SLICE_MS;
    init_pages(info);
    tsc_check.turn = UINT32_MAX;
    smp_start(info, lp_main, check_tsc_of);
    tsc_synchronised = tsc_check.backwards == 0;
    hv_log("%u LPs, TSC %lu MHz%s, local APIC timer %lu MHz", lp_count, tsc_hz / 1000000,
           tsc_synchronised ? "" : " (not synchronised: no reference TSC page)",
           lapic_timer_hz / 1000000);
    speculation_log(&speculation);
    log_smt();
    statistics_init();
    partition_create_root(info);
    struct pool_balance pool = pool_balance(&root_partition->pool);
    hv_log("%lu KiB of memory kept, %lu KiB of it free", info->kept_size / 1024,
           (uint64_t)(pool.available * PAGE_SIZE / 1024));
    prepare_root_vp(info, boot_info);
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    stack_switch(lp_table[0]->stack_top, vp_run_loop);
}
