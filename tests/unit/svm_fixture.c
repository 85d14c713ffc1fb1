/* SPDX-License-Identifier: MIT */
/* svm_fixture.c - see svm_fixture.h. */
#include "svm_fixture.h"

#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "boot/kept.h"
#include "core/speculation.h"
#include "fakes/fake_mm.h"
#include "mm/phys.h"

struct partition partition;
struct pcpu cpus[2], *cpu;
struct vmcb *vmcb;
static struct vp vp_storage;
static uint64_t vp_stats[HvStatsVpExitFirst + VP_EXIT_REASON_COUNT];
struct vp *const vp = &vp_storage;

/* ---- the processor ---- */

struct speculation speculation;

void (*guest)(struct vmcb *v);
uint32_t asids;
static uint32_t features;

void svm_enter(struct vp *v, uint64_t vmcb_pa, uint64_t host_vmcb_pa)
{
    assert_ptr_equal(v, vp);
    assert_ptr_equal(hpa_ptr(hpa(vmcb_pa)), vmcb);
    assert_int_equal(host_vmcb_pa, cpu->host_vmcb.v);
    assert_null(vmcb_check(vmcb, asids));
    assert_int_equal(cpu->remote.guest_epoch & 1, 1);
    vmcb->control.exitintinfo = 0;
    if (guest != NULL)
        guest(vmcb);
}

void insn_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    (void)subleaf;
    assert_int_equal(leaf, CPUID_LEAF_SVM);
    memcpy(out, (uint32_t[4]){1, asids, 0, features}, 4 * sizeof(out[0]));
}

uint64_t insn_rdmsr(uint32_t msr)
{
    assert_int_equal(msr, MSR_EFER);
    return EFER_LME | EFER_LMA;
}

static uint64_t efer, hsave;

void insn_wrmsr(uint32_t msr, uint64_t v)
{
    if (msr == MSR_EFER)
        efer = v;
    else if (msr == MSR_VM_HSAVE_PA)
        hsave = v;
}

void insn_vmsave(uint64_t pa)
{
    assert_int_equal(pa, cpu->host_vmcb.v);
}

uint64_t insn_rdtsc(void)
{
    return 0;
}

void insn_pause(void)
{
}

void *insn_read_gs_self(void)
{
    return cpu;
}

static uint64_t kept_next;

hpa_t kept_alloc(uint64_t bytes)
{
    uint64_t at = kept_next;

    kept_next += (bytes + PAGE_MASK) & ~PAGE_MASK;
    return hpa(at);
}

/* ---- set-up ---- */

void svm_begin(uint32_t with_features)
{
    static struct pool pool;

    fake_machine_init(&pool);
    kept_next = KEPT_BASE + 16 * MIB;
    memset(&partition, 0, sizeof(partition));
    memset(vp, 0, sizeof(*vp));
    memset(cpus, 0, sizeof(cpus));
    guest = NULL;
    asids = 8;
    features = with_features;
    for (uint32_t i = 0; i < ARRAY_SIZE(cpus); i++) {
        cpu = &cpus[i];
        cpu->lp_index = i;
        cpu->host_save = kept_alloc(PAGE_SIZE);
        cpu->host_vmcb = kept_alloc(PAGE_SIZE);
    }
    cpu = &cpus[0];
    virt_cpu_on(cpu);
    assert_int_equal(efer, EFER_LME | EFER_LMA | EFER_SVME);
    assert_int_equal(hsave, cpu->host_save.v);
    cpu = &cpus[1];
    virt_cpu_on(cpu);
    cpu = &cpus[0];
    pool_init(&partition.pool, 1);
    fake_pool_fill(&partition.pool, 200 * MIB, 16);
    partition.slat.root = hpa(0x1234000);
    vp->partition = &partition;
    vp->stats = vp_stats;
    assert_int_equal(virt_vp_create(vp), HV_STATUS_SUCCESS);
    vmcb = vmcb_of(vp);
}

int svm_setup(void **state)
{
    (void)state;
    svm_begin(CPUID_8000000A_EDX_NRIPS | CPUID_8000000A_EDX_FLUSH_BY_ASID);
    return 0;
}

struct vp_exit run(void)
{
    struct vp_exit exit;

    memset(&exit, 0xa5, sizeof(exit));
    virt_vp_run(vp, &exit);
    assert_int_equal(cpu->remote.guest_epoch & 1, 0);
    return exit;
}
