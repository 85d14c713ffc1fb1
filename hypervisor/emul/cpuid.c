/* SPDX-License-Identifier: MIT */
/* emul/cpuid.c - building a partition's CPUID tables, and reading them.
 *
 * Built in this order: the machine's values through the masks, then what the partition's own state
 * takes away or adds, then the parts that are computed: topology, caches, XSAVE, the hypervisor's
 * leaves. See emul/cpuid_masks.h for what passes. */
#include <hvabi/cpuid.h>
#include <hvabi/partition.h>
#include <rt/mem.h>
#include <x86/cr.h>
#include "emul/cpuid.h"
#include "emul/cpuid_masks.h"

#define CHILD_MAX_BASIC CPUID_LEAF_XSAVE
#define ROOT_MAX_BASIC  (CPUID_BASIC_LEAVES - 1)
#define MAX_EXTENDED    (CPUID_LEAF_EXT_MAX + CPUID_EXTENDED_LEAVES - 1)

#define VENDOR_AMD_EBX   0x68747541u /* "Auth" */
#define VENDOR_HYGON_EBX 0x6f677948u /* "Hygo" */

#define XCR0_AVX512 (XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM)
#define XCR0_KNOWN  (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)
#define XCR0_ALWAYS (XCR0_X87 | XCR0_SSE)

#define XSAVE_ALIGNMENT 64u

/* ---- The tables ---- */

static struct cpuid_registers *slot(struct cpuid_policy *p, uint32_t leaf)
{
    if (leaf < CPUID_BASIC_LEAVES)
        return &p->basic[leaf];
    if (leaf - CPUID_LEAF_EXT_MAX < CPUID_EXTENDED_LEAVES)
        return &p->extended[leaf - CPUID_LEAF_EXT_MAX];
    return &p->hypervisor[leaf - CPUID_LEAF_HYPERVISOR];
}

static uint32_t *reg(struct cpuid_policy *p, uint32_t leaf, unsigned which)
{
    return &slot(p, leaf)->r[which];
}

static bool has(const struct cpuid_policy *p, uint32_t leaf, unsigned which, uint32_t bit)
{
    const struct cpuid_registers *r =
        leaf < CPUID_BASIC_LEAVES ? &p->basic[leaf] : &p->extended[leaf - CPUID_LEAF_EXT_MAX];

    return (r->r[which] & bit) != 0;
}

static void set_if(uint32_t *r, uint32_t bit, bool on)
{
    *r = on ? *r | bit : *r & ~bit;
}

/* The machine's leaf, or zeros where the machine has no such leaf. */
static void host_leaf(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf,
                      uint32_t out[4])
{
    uint32_t highest[4];

    p->host(leaf & CPUID_LEAF_EXT_MAX, 0, highest);
    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf <= highest[CPUID_EAX])
        p->host(leaf, subleaf, out);
}

static void masks_apply(struct cpuid_policy *p)
{
    for (unsigned i = 0; i < sizeof(cpuid_masks) / sizeof(cpuid_masks[0]); i++) {
        const struct cpuid_mask *m = &cpuid_masks[i];
        uint32_t host[4];

        host_leaf(p, m->leaf, 0, host);
        for (unsigned r = 0; r < 4; r++)
            *reg(p, m->leaf, r) = host[r] & (m->any[r] | (p->is_root ? m->root[r] : 0));
    }
}

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A child sees its topology in leaf 0xb even where the machine has none: x2APIC needs it. */
static void highest_leaves(struct cpuid_policy *p)
{
    uint32_t basic[4], extended[4];
    uint32_t max;

    p->host(CPUID_LEAF_VENDOR, 0, basic);
    p->host(CPUID_LEAF_EXT_MAX, 0, extended);
    max = lower(basic[CPUID_EAX], p->is_root ? ROOT_MAX_BASIC : CHILD_MAX_BASIC);
    if (!p->is_root && max < CPUID_LEAF_TOPOLOGY)
        max = CPUID_LEAF_TOPOLOGY;
    *reg(p, CPUID_LEAF_VENDOR, CPUID_EAX) = max;
    *reg(p, CPUID_LEAF_EXT_MAX, CPUID_EAX) = lower(extended[CPUID_EAX], MAX_EXTENDED);
}

static bool is_amd(const struct cpuid_policy *p)
{
    uint32_t ebx = p->basic[CPUID_LEAF_VENDOR].r[CPUID_EBX];

    return ebx == VENDOR_AMD_EBX || ebx == VENDOR_HYGON_EBX;
}

/* ---- Features of the partition ---- */

static void features_7_build(struct cpuid_policy *p)
{
    uint32_t host[4], max;

    host_leaf(p, CPUID_LEAF_FEATURES_7, 0, host);
    max = lower(host[CPUID_EAX], 2);
    *reg(p, CPUID_LEAF_FEATURES_7, CPUID_EAX) = max;
    if (max >= 1) {
        host_leaf(p, CPUID_LEAF_FEATURES_7, 1, host);
        p->features_7_1.r[CPUID_EAX] = host[CPUID_EAX] & AVX_7_1_EAX;
    }
    if (max >= 2) {
        host_leaf(p, CPUID_LEAF_FEATURES_7, 2, host);
        p->features_7_2.r[CPUID_EDX] = host[CPUID_EDX] & SPECULATION_7_2_EDX;
    }
}

static void speculation_hide(struct cpuid_policy *p)
{
    *reg(p, CPUID_LEAF_FEATURES_7, CPUID_EDX) &= ~SPECULATION_7_EDX;
    *reg(p, CPUID_LEAF_ADDRESS_SIZES, CPUID_EBX) &= ~SPECULATION_80000008_EBX;
    *reg(p, CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX) &= ~SPECULATION_80000021_EAX;
    p->features_7_2.r[CPUID_EDX] &= ~SPECULATION_7_2_EDX;
}

static void avx_hide(struct cpuid_policy *p)
{
    *reg(p, CPUID_LEAF_FEATURES, CPUID_ECX) &= ~AVX_1_ECX;
    *reg(p, CPUID_LEAF_FEATURES_7, CPUID_EBX) &= ~AVX_7_EBX;
    *reg(p, CPUID_LEAF_FEATURES_7, CPUID_ECX) &= ~AVX_7_ECX;
    *reg(p, CPUID_LEAF_EXT_FEATURES, CPUID_ECX) &= ~AVX_80000001_ECX;
    p->features_7_1.r[CPUID_EAX] &= ~AVX_7_1_EAX;
}

/* Features whose registers the partition may not enable in XCR0. */
static void states_hide(struct cpuid_policy *p)
{
    if (!(p->xcr0 & XCR0_AVX))
        avx_hide(p);
    if ((p->xcr0 & XCR0_AVX512) != XCR0_AVX512) {
        *reg(p, CPUID_LEAF_FEATURES_7, CPUID_EBX) &= ~AVX512_7_EBX;
        *reg(p, CPUID_LEAF_FEATURES_7, CPUID_ECX) &= ~AVX512_7_ECX;
    }
    if (!(p->xcr0 & XCR0_PKRU))
        *reg(p, CPUID_LEAF_FEATURES_7, CPUID_ECX) &= ~CPUID_7_ECX_PKU;
    if (p->xcr0 == 0)
        *reg(p, CPUID_LEAF_FEATURES, CPUID_ECX) &= ~CPUID_1_ECX_XSAVE;
}

static void features_build(struct cpuid_policy *p, const struct cpuid_config *config)
{
    uint32_t *ecx = reg(p, CPUID_LEAF_FEATURES, CPUID_ECX);
    uint32_t *sizes = reg(p, CPUID_LEAF_ADDRESS_SIZES, CPUID_EAX);

    set_if(ecx, CPUID_1_ECX_HYPERVISOR, true);
    set_if(ecx, CPUID_1_ECX_X2APIC, config->x2apic);
    set_if(ecx, CPUID_1_ECX_TSC_DEADLINE, config->tsc_deadline);
    /* The software APIC's timer never stops. */
    set_if(reg(p, CPUID_LEAF_POWER, CPUID_EAX), CPUID_6_EAX_ARAT, true);
    if (!config->invariant_tsc)
        *reg(p, CPUID_LEAF_EXT_POWER, CPUID_EDX) &= ~CPUID_80000007_EDX_TSC_INVARIANT;
    if (!config->speculation_msrs)
        speculation_hide(p);
    if (config->physical_bits != 0)
        *sizes = (*sizes & ~CPUID_80000008_EAX_PHYSICAL_MASK) | config->physical_bits;
}

/* ---- Topology of a child: one package, a thread a core, APIC IDs as VP indices ---- */

static uint32_t bits_for(uint32_t count)
{
    return count <= 1 ? 0 : 32 - (uint32_t)__builtin_clz(count - 1);
}

static void topology_build(struct cpuid_policy *p)
{
    uint32_t ids = 1u << p->vp_shift;
    bool several = p->vp_count > 1;

    *reg(p, CPUID_LEAF_FEATURES, CPUID_EBX) |= lower(ids, 0xff) << CPUID_1_EBX_COUNT_SHIFT;
    set_if(reg(p, CPUID_LEAF_FEATURES, CPUID_EDX), CPUID_1_EDX_HTT, several);
    if (!is_amd(p))
        return;
    set_if(reg(p, CPUID_LEAF_EXT_FEATURES, CPUID_ECX), CPUID_80000001_ECX_CMP_LEGACY, several);
    *reg(p, CPUID_LEAF_ADDRESS_SIZES, CPUID_ECX) =
        lower(p->vp_count - 1, CPUID_80000008_ECX_COUNT_MASK) |
        p->vp_shift << CPUID_80000008_ECX_ID_SIZE_SHIFT;
}

/* SDM vol. 2A, CPUID leaf 0xb: thread level, core level, then nothing. */
static void topology_read(const struct cpuid_policy *p, uint32_t subleaf, uint32_t out[4])
{
    out[CPUID_EAX] = out[CPUID_EBX] = 0;
    out[CPUID_ECX] = subleaf & CPUID_B_ECX_SUBLEAF_MASK;
    if (subleaf == 0) {
        out[CPUID_EBX] = 1;
        out[CPUID_ECX] |= CPUID_B_ECX_TYPE_SMT << CPUID_B_ECX_TYPE_SHIFT;
    } else if (subleaf == 1) {
        out[CPUID_EAX] = p->vp_shift;
        out[CPUID_EBX] = p->vp_count;
        out[CPUID_ECX] |= CPUID_B_ECX_TYPE_CORE << CPUID_B_ECX_TYPE_SHIFT;
    }
}

static uint32_t cache_leaf(const struct cpuid_policy *p)
{
    return has(p, CPUID_LEAF_EXT_FEATURES, CPUID_ECX, CPUID_80000001_ECX_TOPOEXT)
               ? CPUID_LEAF_CACHE_AMD
               : CPUID_LEAF_CACHE_INTEL;
}

/* Who shares a cache: L3 and above the package, the others a core. */
static uint32_t cache_topology(const struct cpuid_policy *p, uint32_t eax)
{
    uint32_t level = (eax & CPUID_CACHE_EAX_LEVEL_MASK) >> CPUID_CACHE_EAX_LEVEL_SHIFT;
    uint32_t sharing = level >= 3 ? (1u << p->vp_shift) - 1 : 0;
    uint32_t cores = lower((1u << p->vp_shift) - 1,
                           CPUID_CACHE_EAX_CORES_MASK >> CPUID_CACHE_EAX_CORES_SHIFT);

    eax &= ~(CPUID_CACHE_EAX_SHARING_MASK | CPUID_CACHE_EAX_CORES_MASK);
    if (!is_amd(p)) /* reserved in AMD's leaf */
        eax |= cores << CPUID_CACHE_EAX_CORES_SHIFT;
    return eax | sharing << CPUID_CACHE_EAX_SHARING_SHIFT;
}

static void caches_build(struct cpuid_policy *p)
{
    for (uint32_t i = 0; i < CPUID_CACHE_SUBLEAVES; i++) {
        uint32_t *r = p->cache[i].r;

        host_leaf(p, cache_leaf(p), i, r);
        if ((r[CPUID_EAX] & CPUID_CACHE_EAX_TYPE_MASK) == 0) {
            memset(r, 0, sizeof(p->cache[i].r));
            return;
        }
        r[CPUID_EAX] &= CPUID_CACHE_EAX_TYPE_MASK | CPUID_CACHE_EAX_LEVEL_MASK |
                        CPUID_CACHE_EAX_FLAGS_MASK | CPUID_CACHE_EAX_SHARING_MASK |
                        CPUID_CACHE_EAX_CORES_MASK;
        r[CPUID_EDX] &= CPUID_CACHE_EDX_MASK;
        if (!p->is_root)
            r[CPUID_EAX] = cache_topology(p, r[CPUID_EAX]);
    }
}

/* ---- XSAVE ---- */

/* What both the machine and the hypervisor have; AVX-512 whole or not at all. */
static uint64_t xcr0_build(const struct cpuid_policy *p, uint64_t wanted)
{
    uint32_t host[4];
    uint64_t xcr0;

    if (!has(p, CPUID_LEAF_FEATURES, CPUID_ECX, CPUID_1_ECX_XSAVE))
        return 0;
    host_leaf(p, CPUID_LEAF_XSAVE, 0, host);
    xcr0 = host[CPUID_EAX] & wanted & XCR0_KNOWN;
    if ((xcr0 & XCR0_ALWAYS) != XCR0_ALWAYS)
        return 0;
    if ((xcr0 & (XCR0_AVX512 | XCR0_AVX)) != (XCR0_AVX512 | XCR0_AVX))
        xcr0 &= ~XCR0_AVX512;
    return xcr0;
}

/* Bytes of an XSAVE area with the components of @xcr0, in the standard form. */
static uint32_t xsave_size(const struct cpuid_policy *p, uint64_t xcr0)
{
    uint32_t size = CPUID_D_LEGACY_SIZE;

    for (uint64_t rest = xcr0 & ~XCR0_ALWAYS & p->xcr0; rest != 0; rest &= rest - 1) {
        const uint32_t *r = p->xsave[__builtin_ctzll(rest)].r;
        uint32_t end = r[CPUID_EBX] + r[CPUID_EAX];

        size = end > size ? end : size;
    }
    return size;
}

/* The same in the compacted form. SDM vol. 1, 13.4.3. */
static uint32_t xsave_size_compacted(const struct cpuid_policy *p, uint64_t xcr0)
{
    uint32_t size = CPUID_D_LEGACY_SIZE;

    for (uint64_t rest = xcr0 & ~XCR0_ALWAYS & p->xcr0; rest != 0; rest &= rest - 1) {
        const uint32_t *r = p->xsave[__builtin_ctzll(rest)].r;

        if (r[CPUID_ECX] & CPUID_D_ECX_ALIGNED)
            size = (size + XSAVE_ALIGNMENT - 1) & ~(XSAVE_ALIGNMENT - 1);
        size += r[CPUID_EAX];
    }
    return size;
}

static void xsave_build(struct cpuid_policy *p)
{
    uint32_t host[4];

    if (p->xcr0 == 0)
        return;
    for (uint32_t i = CPUID_D_FIRST_EXTENDED; i < CPUID_XSAVE_SUBLEAVES; i++) {
        if (!(p->xcr0 >> i & 1))
            continue;
        host_leaf(p, CPUID_LEAF_XSAVE, i, host);
        p->xsave[i].r[CPUID_EAX] = host[CPUID_EAX];
        p->xsave[i].r[CPUID_EBX] = host[CPUID_EBX];
        p->xsave[i].r[CPUID_ECX] = host[CPUID_ECX] & CPUID_D_ECX_ALIGNED;
    }
    host_leaf(p, CPUID_LEAF_XSAVE, 1, host);
    p->xsave[1].r[CPUID_EAX] =
        host[CPUID_EAX] & (CPUID_D_1_EAX_XSAVEOPT | CPUID_D_1_EAX_XSAVEC | CPUID_D_1_EAX_XGETBV1);
    p->xsave[0].r[CPUID_EAX] = (uint32_t)p->xcr0;
    p->xsave[0].r[CPUID_ECX] = xsave_size(p, p->xcr0);
}

/* ---- The hypervisor's leaves ---- */

static void put(struct cpuid_policy *p, uint32_t leaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
                uint32_t edx)
{
    *slot(p, leaf) = (struct cpuid_registers){{eax, ebx, ecx, edx}};
}

static void hypervisor_build(struct cpuid_policy *p, const struct cpuid_hypervisor *h)
{
    uint32_t bits = *reg(p, CPUID_LEAF_ADDRESS_SIZES, CPUID_EAX) & CPUID_80000008_EAX_PHYSICAL_MASK;
    bool manages = p->is_root && (h->privileges & HV_PRIVILEGE_CPU_MANAGEMENT);

    put(p, HV_CPUID_VENDOR_AND_MAX, HV_CPUID_NESTED_FEATURES, HV_CPUID_VENDOR_EBX,
        HV_CPUID_VENDOR_ECX, HV_CPUID_VENDOR_EDX);
    put(p, HV_CPUID_INTERFACE, HV_CPUID_SIGNATURE_EAX, 0, 0, 0);
    put(p, HV_CPUID_VERSION, h->build,
        (uint32_t)h->major << HV_CPUID_VERSION_EBX_MAJOR_SHIFT | h->minor, 0, 0);
    put(p, HV_CPUID_FEATURES, (uint32_t)h->privileges, (uint32_t)(h->privileges >> 32),
        h->features_ecx, h->features_edx);
    put(p, HV_CPUID_RECOMMENDATIONS, h->hints, h->spin_count,
        bits & HV_CPUID_PHYSICAL_ADDRESS_BITS_MASK, 0);
    put(p, HV_CPUID_LIMITS, h->max_vps, h->max_lps, 0, 0);
    put(p, HV_CPUID_HARDWARE_FEATURES, h->hardware, 0, 0, 0);
    put(p, HV_CPUID_CPU_MANAGEMENT, manages ? h->management : 0, 0, 0, 0);
}

void cpuid_policy_init(struct cpuid_policy *p, const struct cpuid_config *config)
{
    memset(p, 0, sizeof(*p));
    p->host = config->host;
    p->is_root = config->is_root;
    p->vp_count = config->vp_count != 0 ? config->vp_count : 1;
    p->vp_shift = bits_for(p->vp_count);
    masks_apply(p);
    highest_leaves(p);
    features_7_build(p);
    features_build(p, config);
    p->xcr0 = xcr0_build(p, config->xcr0);
    states_hide(p);
    xsave_build(p);
    if (!p->is_root)
        topology_build(p);
    caches_build(p);
    hypervisor_build(p, &config->hypervisor);
}

bool cpuid_host_tsc_invariant(cpuid_reader host)
{
    uint32_t r[4];

    host(CPUID_LEAF_EXT_MAX, 0, r);
    if (r[CPUID_EAX] < CPUID_LEAF_EXT_POWER)
        return false;
    host(CPUID_LEAF_EXT_POWER, 0, r);
    return r[CPUID_EDX] & CPUID_80000007_EDX_TSC_INVARIANT;
}

void cpuid_show_invariant_tsc(struct cpuid_policy *p, bool on)
{
    uint32_t *edx = reg(p, CPUID_LEAF_EXT_POWER, CPUID_EDX);

    if (on)
        __atomic_fetch_or(edx, CPUID_80000007_EDX_TSC_INVARIANT, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(edx, ~CPUID_80000007_EDX_TSC_INVARIANT, __ATOMIC_RELAXED);
}

/* x87 always on, AVX needs SSE, the AVX-512 states come together. */
bool cpuid_xcr0_valid(const struct cpuid_policy *p, uint64_t v)
{
    if (!(v & XCR0_X87) || v & ~p->xcr0)
        return false;
    if ((v & XCR0_AVX) && !(v & XCR0_SSE))
        return false;
    return !(v & XCR0_AVX512) || ((v & XCR0_AVX512) == XCR0_AVX512 && (v & XCR0_AVX));
}

/* ---- Reading ---- */

static const struct cpuid_registers none;

static const struct cpuid_registers *subleaf_find(const struct cpuid_policy *p, uint32_t leaf,
                                                  uint32_t subleaf)
{
    if (leaf == CPUID_LEAF_XSAVE)
        return subleaf < CPUID_XSAVE_SUBLEAVES ? &p->xsave[subleaf] : &none;
    if (leaf == CPUID_LEAF_FEATURES_7) {
        if (subleaf == 0)
            return &p->basic[leaf];
        return subleaf == 1 ? &p->features_7_1 : subleaf == 2 ? &p->features_7_2 : &none;
    }
    /* CPUID_LEAF_CACHE_INTEL or CPUID_LEAF_CACHE_AMD */
    return subleaf < CPUID_CACHE_SUBLEAVES && leaf == cache_leaf(p) ? &p->cache[subleaf] : &none;
}

static const struct cpuid_registers *leaf_find(const struct cpuid_policy *p, uint32_t leaf,
                                               uint32_t subleaf)
{
    if (leaf == CPUID_LEAF_CACHE_INTEL || leaf == CPUID_LEAF_FEATURES_7 ||
        leaf == CPUID_LEAF_XSAVE || leaf == CPUID_LEAF_CACHE_AMD)
        return subleaf_find(p, leaf, subleaf);
    if (leaf < CPUID_BASIC_LEAVES)
        return &p->basic[leaf];
    if (leaf - CPUID_LEAF_EXT_MAX < CPUID_EXTENDED_LEAVES)
        return &p->extended[leaf - CPUID_LEAF_EXT_MAX];
    if (leaf - CPUID_LEAF_HYPERVISOR < CPUID_HYPERVISOR_LEAVES)
        return &p->hypervisor[leaf - CPUID_LEAF_HYPERVISOR];
    return &none;
}

/* Leaf 0xb: root's levels are the machine's, the ID is the VP's. */
static void topology_guest(const struct cpuid_policy *p, const struct cpuid_vp *vp,
                           uint32_t subleaf, uint32_t out[4])
{
    if (p->basic[CPUID_LEAF_VENDOR].r[CPUID_EAX] < CPUID_LEAF_TOPOLOGY)
        return;
    if (p->is_root)
        p->host(CPUID_LEAF_TOPOLOGY, subleaf, out);
    else
        topology_read(p, subleaf, out);
    out[CPUID_EDX] = vp->apic_id;
}

/* APM vol. 3, E.4.16: extended APIC ID, core and threads a core, node. */
static void topology_amd_guest(const struct cpuid_policy *p, const struct cpuid_vp *vp,
                               uint32_t out[4])
{
    if (cache_leaf(p) != CPUID_LEAF_CACHE_AMD)
        return;
    if (p->is_root)
        p->host(CPUID_LEAF_TOPOLOGY_AMD, 0, out);
    else
        out[CPUID_EBX] = vp->apic_id & 0xff;
    out[CPUID_EAX] = vp->apic_id;
    out[CPUID_EDX] = 0;
}

static void xsave_guest(const struct cpuid_policy *p, const struct cpuid_vp *vp, uint32_t subleaf,
                        uint32_t out[4])
{
    if (p->xcr0 == 0)
        return;
    if (subleaf == 0)
        out[CPUID_EBX] = xsave_size(p, vp->xcr0);
    else if (subleaf == 1 && (out[CPUID_EAX] & CPUID_D_1_EAX_XSAVEC))
        out[CPUID_EBX] = xsave_size_compacted(p, vp->xcr0);
}

static void features_guest(const struct cpuid_vp *vp, uint32_t out[4])
{
    out[CPUID_EBX] |= vp->apic_id << CPUID_1_EBX_APIC_ID_SHIFT;
    if ((vp->cr4 & CR4_OSXSAVE) && (out[CPUID_ECX] & CPUID_1_ECX_XSAVE))
        out[CPUID_ECX] |= CPUID_1_ECX_OSXSAVE;
    if (vp->apic_off)
        out[CPUID_EDX] &= ~CPUID_1_EDX_APIC;
}

void cpuid_guest(const struct cpuid_policy *p, const struct cpuid_vp *vp, uint32_t leaf,
                 uint32_t subleaf, uint32_t out[4])
{
    memcpy(out, leaf_find(p, leaf, subleaf)->r, sizeof(none.r));
    switch (leaf) {
    case CPUID_LEAF_FEATURES:
        features_guest(vp, out);
        break;
    case CPUID_LEAF_FEATURES_7:
        if (subleaf == 0 && (vp->cr4 & CR4_PKE) && (out[CPUID_ECX] & CPUID_7_ECX_PKU))
            out[CPUID_ECX] |= CPUID_7_ECX_OSPKE;
        break;
    case CPUID_LEAF_TOPOLOGY:
        topology_guest(p, vp, subleaf, out);
        break;
    case CPUID_LEAF_XSAVE:
        xsave_guest(p, vp, subleaf, out);
        break;
    case CPUID_LEAF_TOPOLOGY_AMD:
        topology_amd_guest(p, vp, out);
        break;
    default:
        break;
    }
}
