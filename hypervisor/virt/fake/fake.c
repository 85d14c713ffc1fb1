/* SPDX-License-Identifier: MIT */
/* fake/fake.c - see fake/fake.h. */
#include "virt/fake/fake.h"

#include <rt/mem.h>
#include <x86/cr.h>
#include <x86/msr.h>
#include "core/pcpu.h"
#include "debug/log.h"

const char *const virt_name = "fake";

fake_guest_fn fake_guest;

void virt_cpu_on(struct pcpu *cpu)
{
    (void)cpu;
}

hv_status virt_vp_create(struct vp *vp)
{
    vp->backend = pool_alloc(&vp->partition->pool, sizeof(struct fake_vp));
    if (vp->backend == NULL)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    virt_vp_reset(vp);
    return HV_STATUS_SUCCESS;
}

void virt_vp_destroy(struct vp *vp)
{
    pool_free(&vp->partition->pool, vp->backend);
    vp->backend = NULL;
}

void virt_vp_reset(struct vp *vp)
{
    enum { DATA = 0x93, CODE = 0x9b, LDT = 0x82, TSS_BUSY = 0x8b };
    static const uint16_t attributes[8] = {DATA, CODE, DATA, DATA, DATA, DATA, LDT, TSS_BUSY};
    struct fake_vp *f = fake_of(vp);
    uint64_t tsc_offset = f->tsc_offset, entries = f->entries;
    uint64_t translations = f->translations, flushes = f->flushes;

    *f = (struct fake_vp){
        .cr0 = CR0_RESET,
        .dr6 = DR6_RESET,
        .dr7 = DR7_RESET,
        .pat = PAT_RESET,
        .idtr.limit = 0xffff,
        .gdtr.limit = 0xffff,
        .tsc_offset = tsc_offset,
        .entries = entries,
        .translations = translations,
        .flushes = flushes,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(attributes); i++)
        f->segments[i] =
            (struct hv_x64_segment_register){.limit = 0xffff, .attributes = attributes[i]};
    f->segments[1].selector = 0xf000;
    f->segments[1].base = 0xffff0000;
    memset(vp->gpr, 0, sizeof(vp->gpr));
    vp->rip = 0xfff0;
    vp->rflags = RFLAGS_RESERVED1;
    f->offered = -1;
}

void virt_vp_sipi(struct vp *vp, uint8_t vector)
{
    fake_of(vp)->segments[1].selector = (uint16_t)(vector << 8);
    fake_of(vp)->segments[1].base = (uint64_t)vector << 12;
    vp->rip = 0;
}

void virt_vp_load(struct vp *vp)
{
    (void)vp;
}

void virt_vp_unload(struct vp *vp)
{
    (void)vp;
}

void virt_vp_run(struct vp *vp, struct vp_exit *exit)
{
    struct pcpu *cpu = this_cpu();
    struct fake_vp *f = fake_of(vp);

    __atomic_store_n(&cpu->remote.guest_epoch, cpu->remote.guest_epoch + 1, __ATOMIC_SEQ_CST);
    uint64_t now = __atomic_load_n(&vp->partition->slat.generation, __ATOMIC_ACQUIRE) +
                   __atomic_load_n(&vp->tlb_generation, __ATOMIC_ACQUIRE);
    if (f->translations != now)
        f->flushes++;
    f->translations = now;
    f->delivered = f->injected;
    f->injected.valid = false;
    if (f->offered >= 0 && !f->delivered.valid && virt_interruptible(vp)) {
        f->delivered = (struct fake_event){
            .valid = true, .type = HvX64PendingInterrupt, .vector = (uint8_t)f->offered};
        f->offered = -1;
    }
    f->entries++;
    *exit = (struct vp_exit){.reason = VP_EXIT_INTERRUPT};
    fake_guest(vp, exit);
    __atomic_store_n(&cpu->remote.guest_epoch, cpu->remote.guest_epoch + 1, __ATOMIC_RELEASE);
}

/* ---- registers ---- */

static uint64_t *plain_field(struct fake_vp *f, uint32_t name)
{
    switch (name) {
    case HvX64RegisterCr0:
        return &f->cr0;
    case HvX64RegisterCr2:
        return &f->cr2;
    case HvX64RegisterCr3:
        return &f->cr3;
    case HvX64RegisterCr4:
        return &f->cr4;
    case HvX64RegisterDr6:
        return &f->dr6;
    case HvX64RegisterDr7:
        return &f->dr7;
    case HvX64RegisterEfer:
        return &f->efer;
    case HvX64RegisterKernelGsBase:
        return &f->kernel_gs_base;
    case HvX64RegisterPat:
        return &f->pat;
    case HvX64RegisterSysenterCs:
        return &f->sysenter_cs;
    case HvX64RegisterSysenterRip:
        return &f->sysenter_rip;
    case HvX64RegisterSysenterRsp:
        return &f->sysenter_rsp;
    case HvX64RegisterStar:
        return &f->star;
    case HvX64RegisterLstar:
        return &f->lstar;
    case HvX64RegisterCstar:
        return &f->cstar;
    case HvX64RegisterSfmask:
        return &f->sfmask;
    default:
        return NULL;
    }
}

static bool is_segment(uint32_t name)
{
    return name >= HvX64RegisterEs && name <= HvX64RegisterTr;
}

static struct hv_x64_table_register *table_field(struct fake_vp *f, uint32_t name)
{
    return name == HvX64RegisterIdtr ? &f->idtr : name == HvX64RegisterGdtr ? &f->gdtr : NULL;
}

static uint64_t pending_get(const struct fake_event *e)
{
    if (!e->valid)
        return 0;
    return HV_X64_PENDING_INTERRUPTION_PENDING |
           (uint64_t)e->type << HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT |
           (e->has_error ? HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE : 0) |
           (uint64_t)e->vector << HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT |
           (uint64_t)e->error << HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT;
}

static struct fake_event pending_set(uint64_t v)
{
    return (struct fake_event){
        .valid = v & HV_X64_PENDING_INTERRUPTION_PENDING,
        .has_error = v & HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE,
        .type = (uint8_t)((v & HV_X64_PENDING_INTERRUPTION_TYPE_MASK) >>
                          HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT),
        .vector = (uint8_t)(v >> HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT),
        .error = (uint32_t)(v >> HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT),
    };
}

hv_status virt_reg_get(struct vp *vp, uint32_t name, struct hv_register_value *value)
{
    struct fake_vp *f = fake_of(vp);
    const uint64_t *field = plain_field(f, name);
    const struct hv_x64_table_register *table = table_field(f, name);

    *value = (struct hv_register_value){{{0}}};
    if (field != NULL)
        value->reg64 = *field;
    else if (is_segment(name))
        value->segment = f->segments[name - HvX64RegisterEs];
    else if (table != NULL)
        value->table = *table;
    else if (name == HvRegisterInterruptState)
        value->reg64 = f->in_shadow;
    else if (name == HvRegisterPendingInterruption)
        value->reg64 = pending_get(&f->injected);
    else
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}

/* No processor looks at the values here, so only what the core relies on is refused. */
bool virt_reg_allows(uint32_t name, uint64_t value)
{
    return name == HvX64RegisterCr0           ? !(value & ~CR0_DEFINED)
           : name == HvRegisterInterruptState ? value <= 1
                                              : true;
}

hv_status virt_reg_set(struct vp *vp, uint32_t name, const struct hv_register_value *value)
{
    struct fake_vp *f = fake_of(vp);
    uint64_t *field = plain_field(f, name);
    struct hv_x64_table_register *table = table_field(f, name);

    if (!virt_reg_allows(name, value->reg64))
        return HV_STATUS_INVALID_REGISTER_VALUE;
    if (field != NULL)
        *field = value->reg64;
    else if (is_segment(name))
        f->segments[name - HvX64RegisterEs] = value->segment;
    else if (table != NULL)
        *table =
            (struct hv_x64_table_register){.limit = value->table.limit, .base = value->table.base};
    else if (name == HvRegisterInterruptState)
        f->in_shadow = value->reg64 != 0;
    else if (name == HvRegisterPendingInterruption)
        f->injected = pending_set(value->reg64);
    else
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}

/* ---- events ---- */

bool virt_interruptible(const struct vp *vp)
{
    return (vp->rflags & RFLAGS_IF) && !fake_of(vp)->in_shadow && !fake_of(vp)->injected.valid;
}

bool virt_injecting(const struct vp *vp)
{
    return fake_of(vp)->injected.valid;
}

void virt_inject_nmi(struct vp *vp)
{
    fake_of(vp)->injected =
        (struct fake_event){.valid = true, .type = HvX64PendingNmi, .vector = 2};
}

void virt_inject_exception(struct vp *vp, uint8_t vector, bool has_error, uint32_t error)
{
    fake_of(vp)->injected = (struct fake_event){.valid = true,
                                                .has_error = has_error,
                                                .type = HvX64PendingException,
                                                .vector = vector,
                                                .error = has_error ? error : 0};
}

void virt_interrupt_offer(struct vp *vp, int vector)
{
    fake_of(vp)->offered = vector;
}

bool virt_interrupt_taken(const struct vp *vp)
{
    return fake_of(vp)->offered < 0;
}

void virt_nmi_window(struct vp *vp, bool on)
{
    fake_of(vp)->nmi_window = on;
}

void virt_shadow_set(struct vp *vp)
{
    fake_of(vp)->in_shadow = true;
}

void virt_cr8_set(struct vp *vp, uint8_t cr8)
{
    fake_of(vp)->cr8 = cr8;
}

void virt_skip(struct vp *vp, unsigned len)
{
    vp->rip += len;
    if (!virt_code_64(vp))
        vp->rip &= UINT32_MAX;
    fake_of(vp)->in_shadow = false;
}

/* ---- what the core asks ---- */

uint8_t virt_cpl(const struct vp *vp)
{
    uint16_t ss = fake_of(vp)->segments[HvX64RegisterSs - HvX64RegisterEs].attributes;

    return (uint8_t)((ss & HV_X64_SEGMENT_DPL_MASK) >> HV_X64_SEGMENT_DPL_SHIFT);
}

uint64_t virt_cr0(const struct vp *vp)
{
    return fake_of(vp)->cr0;
}

uint64_t virt_cr3(const struct vp *vp)
{
    return fake_of(vp)->cr3;
}

uint64_t virt_cr4(const struct vp *vp)
{
    return fake_of(vp)->cr4;
}

uint64_t virt_efer(const struct vp *vp)
{
    return fake_of(vp)->efer;
}

uint64_t virt_segment_base(const struct vp *vp, uint32_t name)
{
    return is_segment(name) ? fake_of(vp)->segments[name - HvX64RegisterEs].base : 0;
}

static uint16_t code_attributes(const struct vp *vp)
{
    return fake_of(vp)->segments[HvX64RegisterCs - HvX64RegisterEs].attributes;
}

bool virt_code_64(const struct vp *vp)
{
    return (fake_of(vp)->efer & EFER_LMA) && (code_attributes(vp) & HV_X64_SEGMENT_LONG);
}

bool virt_code_32(const struct vp *vp)
{
    return code_attributes(vp) & HV_X64_SEGMENT_DEFAULT;
}

bool virt_in_shadow(const struct vp *vp)
{
    return fake_of(vp)->in_shadow;
}

void virt_set_tsc_offset(struct vp *vp, uint64_t offset)
{
    vp->tsc_offset = offset;
    fake_of(vp)->tsc_offset = offset;
}

bool virt_msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    if (msr != MSR_EFER)
        return false;
    *value = fake_of(vp)->efer;
    return true;
}

bool virt_msr_write(struct vp *vp, uint32_t msr, uint64_t value, bool *fault)
{
    if (msr != MSR_EFER)
        return false;
    *fault = value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
    if (!*fault)
        fake_of(vp)->efer = value;
    return true;
}

void virt_dump(const struct vp *vp)
{
    hv_log("fake VP %u: rip %lx", vp->index, vp->rip);
}
