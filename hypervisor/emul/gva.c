/* SPDX-License-Identifier: MIT */
/* emul/gva.c - see emul/gva.h. */
#include "emul/gva.h"

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

static bool read_entry(struct vp *vp, unsigned level, uint64_t at, unsigned size, uint64_t *entry)
{
    return guest_view_entry(&vp->views[level], &vp->partition->slat, gpa(at), size, entry) ==
           HV_STATUS_SUCCESS;
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

    if (access & GVA_SUPERVISOR_EXEMPT)
        return true;
    if (user && !(common & PTE_US))
        return false;
    if ((access & GVA_WRITE) && !(common & PTE_RW) && (user || (virt_cr0(vp) & CR0_WP)))
        return false;
    if (access & GVA_FETCH) {
        if (nx && (virt_efer(vp) & EFER_NXE))
            return false;
        if (!user && (common & PTE_US) && (virt_cr4(vp) & CR4_SMEP))
            return false;
    } else if (!user && (common & PTE_US) && (virt_cr4(vp) & CR4_SMAP) &&
               !(vp->rflags & RFLAGS_AC)) {
        return false;
    }
    return true;
}

/* Bits above those that the tables translate repeat the highest; outside long mode are none. */
static bool canonical(const struct paging_mode *m, uint64_t va)
{
    unsigned unused = 64 - PAGE_SHIFT - m->levels * m->index_bits;

    return (m != &mode_4 && m != &mode_5) || (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

enum gva_result gva_translate(struct vp *vp, uint64_t va, unsigned access, gpa_t *out)
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
    if (!(virt_efer(vp) & EFER_LMA))
        va &= UINT32_MAX;
    table = virt_cr3(vp) & m->base_mask;
    for (level = m->levels;; level--) {
        shift = PAGE_SHIFT + m->index_bits * (level - 1);
        uint64_t index = va >> shift & ((1u << m->index_bits) - 1);
        if (!read_entry(vp, level, table + index * m->entry_size, m->entry_size, &e))
            return GVA_TABLE_UNMAPPED;
        if (!(e & PTE_P))
            return GVA_NOT_PRESENT;
        if (!(m == &mode_pae && level == 3)) /* PDPTEs of PAE have no such bits */
            common &= e;
        nx |= m != &mode_legacy && (e & PTE_NX);
        if (is_leaf(vp, m, e, level))
            break;
        table = m == &mode_legacy ? e & CR3_BASE_LEGACY : e & PTE_ADDR_MASK;
    }
    if (!allowed(vp, access, common, nx))
        return GVA_PROTECTION;
    *out = gpa(page_base(m, e, shift) | (va & ((1ull << shift) - 1)));
    return GVA_OK;
}

enum x86_mode gva_mode(const struct vp *vp)
{
    return virt_code_64(vp) ? X86_MODE_64 : virt_code_32(vp) ? X86_MODE_32 : X86_MODE_16;
}

unsigned gva_fetch(struct vp *vp, uint8_t bytes[X86_INSN_MAX])
{
    uint64_t va = virt_code_64(vp)
                      ? vp->rip
                      : (virt_segment_base(vp, HvX64RegisterCs) + vp->rip) & UINT32_MAX;
    unsigned access = GVA_FETCH | (virt_cpl(vp) == 3 ? (unsigned)GVA_USER : 0u);
    unsigned have = 0;

    while (have < X86_INSN_MAX) {
        uint64_t in_page = PAGE_SIZE - ((va + have) & PAGE_MASK);
        unsigned n = X86_INSN_MAX - have < in_page ? X86_INSN_MAX - have : (unsigned)in_page;
        gpa_t at;
        if (gva_translate(vp, va + have, access, &at) != GVA_OK ||
            guest_view_read(&vp->views[VP_VIEW_CODE], &vp->partition->slat, at, bytes + have, n) !=
                HV_STATUS_SUCCESS)
            break;
        have += n;
    }
    return have;
}
