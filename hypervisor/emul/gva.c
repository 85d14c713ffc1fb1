/* SPDX-License-Identifier: MIT */
/* emul/gva.c - see emul/gva.h. */
#include "emul/gva.h"

#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/pte.h>
#include "core/vp.h"
#include "mm/guest.h"
#include "virt/virt.h"

/* How one paging mode cuts up a linear address. */
struct paging_mode {
    unsigned levels;
    unsigned index_bits;
    unsigned entry_size;
    uint64_t base_mask; /* of CR3 */
};

static const struct paging_mode mode_legacy = {2, 10, 4, CR3_BASE_LEGACY};
static const struct paging_mode mode_pae = {3, 9, 8, CR3_BASE_PAE};
static const struct paging_mode mode_4 = {4, 9, 8, CR3_BASE_LONG};
static const struct paging_mode mode_5 = {5, 9, 8, CR3_BASE_LONG};

static const struct paging_mode *mode_of(const struct vp *vp)
{
    uint64_t cr4 = virt_cr4(vp);

    if (virt_efer(vp) & EFER_LMA)
        return cr4 & CR4_LA57 ? &mode_5 : &mode_4;
    return cr4 & CR4_PAE ? &mode_pae : &mode_legacy;
}

/* Read a table's entry, and note it in @f unless that is NULL. */
static bool read_entry(struct vp *vp, unsigned level, uint64_t at, unsigned size, uint64_t *entry,
                       struct gva_fetched *f)
{
    struct guest_view *v = &vp->views[level];

    if (guest_view_entry(v, &vp->partition->slat, gpa(at), size, entry) != HV_STATUS_SUCCESS)
        return false;
    if (f != NULL && size == sizeof(uint64_t) && v->generation == f->inputs.generation)
        f->entry[f->entries++] = (struct gva_entry){
            (const uint64_t *)(const void *)(v->at + (at & PAGE_MASK)), *entry};
    else if (f != NULL)
        f->inputs.generation = 0; /* void */
    return true;
}

/* Bits 51:0 of a PAE or long-mode entry that maps a page at @shift; legacy 4 MiB pages have PSE-36. */
static uint64_t page_base(const struct paging_mode *m, uint64_t e, unsigned shift)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): level 1 is always a leaf */
    uint64_t mask = ~((1ull << shift) - 1);

    if (m != &mode_legacy)
        return e & PTE_ADDR_MASK & mask;
    if (shift == PAGE_SHIFT)
        return e & CR3_BASE_LEGACY;
    return (e & 0xffc00000u) | (e >> 13 & 0xff) << 32;
}

static bool is_leaf(const struct vp *vp, const struct paging_mode *m, uint64_t e, unsigned level)
{
    if (level == 1)
        return true;
    if (!(e & PTE_PS))
        return false;
    return m != &mode_legacy ? level <= 3 && !(m == &mode_pae && level == 3)
                             : (virt_cr4(vp) & CR4_PSE) != 0;
}

/* Do the rights that all entries on the way have in common (U/S and R/W anded, NX ored) allow it? */
static bool allowed(struct vp *vp, unsigned access, uint64_t common, bool nx)
{
    bool user = access & GVA_USER;

    if (user && !(common & PTE_US))
        return false;
    if ((access & GVA_WRITE) && !(common & PTE_RW) && (user || (virt_cr0(vp) & CR0_WP)))
        return false;
    if (access & GVA_FETCH) {
        if (nx)
            return false;
        if (!user && (common & PTE_US) && (virt_cr4(vp) & CR4_SMEP))
            return false;
    } else if (!user && (common & PTE_US) && (virt_cr4(vp) & CR4_SMAP) &&
               !(vp->rflags & RFLAGS_AC)) {
        return false;
    }
    return true;
}

/* Bits above those that the tables translate repeat the highest; outside long mode they are 0. */
static bool canonical(const struct paging_mode *m, uint64_t va)
{
    unsigned unused = 64 - PAGE_SHIFT - m->levels * m->index_bits;

    if (m != &mode_4 && m != &mode_5)
        return va <= UINT32_MAX;
    return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

/* The bits that are 0 in an entry of @level, a leaf that maps a page at @shift, or none. */
static uint64_t reserved_bits(const struct vp *vp, const struct paging_mode *m, unsigned level,
                              unsigned shift, bool leaf)
{
    const struct cpuid_policy *p = vp->partition->cpuid;
    uint32_t sizes = p->extended[CPUID_LEAF_ADDRESS_SIZES - CPUID_LEAF_EXT_MAX].r[CPUID_EAX];
    uint64_t large = leaf ? ((1ull << shift) - 1) & ~(2 * PTE_PAT_LARGE - 1) : 0, r;

    if (m == &mode_legacy)
        return large & PTE_RESERVED_4M;
    r = large | (PTE_ADDR_MASK & ~((1ull << (sizes & CPUID_80000008_EAX_PHYSICAL_MASK)) - 1));
    if (!(virt_efer(vp) & EFER_NXE))
        r |= PTE_NX;
    if (m == &mode_pae)
        return r | (level == 3 ? PTE_RESERVED_PAE_POINTER : PTE_RESERVED_PAE);
    return level > 3 ? r | PTE_PS : r;
}

static enum gva_result walk(struct vp *vp, uint64_t va, unsigned access, gpa_t *out,
                            struct gva_fetched *f)
{
    const struct paging_mode *m;
    uint64_t table, e = 0, common = PTE_US | PTE_RW;
    bool nx = false;
    unsigned level, shift;

    if (!(virt_cr0(vp) & CR0_PG)) {
        *out = gpa(va & UINT32_MAX);
        return GVA_OK;
    }
    m = mode_of(vp);
    if (!canonical(m, va))
        return GVA_NOT_PRESENT;
    table = virt_cr3(vp) & m->base_mask;
    for (level = m->levels;; level--) {
        shift = PAGE_SHIFT + m->index_bits * (level - 1);
        uint64_t index = va >> shift & ((1u << m->index_bits) - 1);
        *out = gpa(table + index * m->entry_size);
        if (!read_entry(vp, level, out->v, m->entry_size, &e, f))
            return GVA_TABLE_UNMAPPED;
        if (!(e & PTE_P))
            return GVA_NOT_PRESENT;
        bool leaf = is_leaf(vp, m, e, level);
        if (e & reserved_bits(vp, m, level, shift, leaf))
            return GVA_RESERVED_BIT;
        if (!(m == &mode_pae && level == 3)) /* PDPTEs of PAE have no such bits */
            common &= e;
        nx |= m != &mode_legacy && (e & PTE_NX);
        if (leaf)
            break;
        table = m == &mode_legacy ? e & CR3_BASE_LEGACY : e & PTE_ADDR_MASK;
    }
    if (!allowed(vp, access, common, nx))
        return GVA_PROTECTION;
    *out = gpa(page_base(m, e, shift) | (va & ((1ull << shift) - 1)));
    return GVA_OK;
}

enum gva_result gva_translate(struct vp *vp, uint64_t va, unsigned access, gpa_t *out)
{
    return walk(vp, va, access, out, NULL);
}

enum x86_mode gva_mode(const struct vp *vp)
{
    return virt_code_64(vp) ? X86_MODE_64 : virt_code_32(vp) ? X86_MODE_32 : X86_MODE_16;
}

/* ---- instruction bytes ---- */

/* The linear address @offset bytes after RIP. */
static uint64_t code_address(const struct vp *vp, unsigned offset)
{
    uint64_t rip = vp->rip + offset;

    return virt_code_64(vp) ? rip : (virt_segment_base(vp, HvX64RegisterCs) + rip) & UINT32_MAX;
}

/* All that the way to the page of @va depends on, but for the tables. */
static struct gva_inputs inputs_now(const struct vp *vp, uint64_t va)
{
    return (struct gva_inputs){
        .page = va & ~PAGE_MASK,
        .cr0 = virt_cr0(vp),
        .cr3 = virt_cr3(vp),
        .cr4 = virt_cr4(vp),
        .efer = virt_efer(vp),
        .cpl = virt_cpl(vp),
        .generation = __atomic_load_n(&vp->partition->slat.generation, __ATOMIC_ACQUIRE),
    };
}

static bool inputs_equal(const struct gva_inputs *a, const struct gva_inputs *b)
{
    return a->page == b->page && a->cr0 == b->cr0 && a->cr3 == b->cr3 && a->cr4 == b->cr4 &&
           a->efer == b->efer && a->cpl == b->cpl && a->generation == b->generation;
}

/* Most exits come from a page that an exit came from before: while all inputs are the same, and each
 * table on the way holds what it held, so is the outcome. */
static bool fetch_again(const struct vp *vp, uint64_t va, uint8_t bytes[X86_INSN_MAX])
{
    const struct gva_fetched *f = &vp->fetched;
    struct gva_inputs now = inputs_now(vp, va);
    uint64_t offset = va & PAGE_MASK;

    if (!inputs_equal(&now, &f->inputs) || offset > PAGE_SIZE - X86_INSN_MAX)
        return false;
    for (unsigned i = 0; i < f->entries; i++)
        if (__atomic_load_n(f->entry[i].at, __ATOMIC_ACQUIRE) != f->entry[i].value)
            return false;
    /* Two overlapping words. */
    __builtin_memcpy(bytes, f->code + offset, sizeof(uint64_t));
    __builtin_memcpy(bytes + X86_INSN_MAX - sizeof(uint64_t),
                     f->code + offset + X86_INSN_MAX - sizeof(uint64_t), sizeof(uint64_t));
    /* All of it was the guest's if it still is. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return now.generation == __atomic_load_n(&vp->partition->slat.generation, __ATOMIC_RELAXED);
}

/* Copy @n bytes at @va, which lie in one page, and note the way there. False: they are not there. */
static bool fetch_part(struct vp *vp, uint64_t va, uint8_t *bytes, unsigned n)
{
    unsigned access = GVA_FETCH | (virt_cpl(vp) == 3 ? (unsigned)GVA_USER : 0u);
    struct guest_view *code = &vp->views[VP_VIEW_CODE];
    struct gva_fetched *f = &vp->fetched;
    gpa_t at;

    f->inputs = inputs_now(vp, va);
    f->entries = 0;
    if (walk(vp, va, access, &at, f) != GVA_OK ||
        guest_view_read(code, &vp->partition->slat, at, bytes, n) != HV_STATUS_SUCCESS) {
        f->inputs.generation = 0;
        return false;
    }
    f->code = code->at;
    if (code->generation != f->inputs.generation)
        f->inputs.generation = 0;
    return true;
}

unsigned gva_fetch(struct vp *vp, uint8_t bytes[X86_INSN_MAX])
{
    uint64_t va = code_address(vp, 0), in_page = PAGE_SIZE - (va & PAGE_MASK);
    unsigned first = in_page < X86_INSN_MAX ? (unsigned)in_page : X86_INSN_MAX;

    if (fetch_again(vp, va, bytes))
        return X86_INSN_MAX;
    if (!fetch_part(vp, va, bytes, first))
        return 0;
    if (first < X86_INSN_MAX && !fetch_part(vp, code_address(vp, first), bytes + first, X86_INSN_MAX - first))
        return first;
    return X86_INSN_MAX;
}
