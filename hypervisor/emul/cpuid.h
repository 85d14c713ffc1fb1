/* SPDX-License-Identifier: MIT */
/* emul/cpuid.h - what a partition sees of its processors: default-deny tables of CPUID leaves.
 * TLFS chapter 2; TLFS 2.0a, appendix D; APM vol. 3, appendix E; SDM vol. 2A, CPUID.
 *
 * A policy is built once per partition from the machine's CPUID and what the partition may do. A
 * leaf, register or bit that no mask names reads 0; so do leaves above the highest one. Building
 * reads the machine, asking reads the tables: cpuid_guest costs a lookup, and patches in the few
 * bits that depend on the VP. */
#ifndef EMUL_CPUID_H
#define EMUL_CPUID_H

#include <stdbool.h>
#include <stdint.h>

#define CPUID_BASIC_LEAVES      0x17u /* 0 to 0x16 */
#define CPUID_EXTENDED_LEAVES   0x22u /* 0x80000000 to 0x80000021 */
#define CPUID_HYPERVISOR_LEAVES 0x0bu /* 0x40000000 to 0x4000000a */
#define CPUID_CACHE_SUBLEAVES   6u    /* of 4 or 0x8000001d */
#define CPUID_XSAVE_SUBLEAVES   10u   /* components 0 to 9: the highest we let through is PKRU */

/* The machine's CPUID: insn_cpuid, or a test's table. */
typedef void (*cpuid_reader)(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* The hypervisor's own leaves, 0x40000000 and up: what the caller implements and allows. */
struct cpuid_hypervisor {
    uint64_t privileges;       /* HV_PRIVILEGE_*: leaf 3, EAX and EBX */
    uint32_t features_ecx;     /* HV_CPUID_FEATURES_ECX_* */
    uint32_t features_edx;     /* HV_CPUID_FEATURES_EDX_* */
    uint32_t hints;            /* HV_CPUID_HINT_* */
    uint32_t spin_count;       /* spins before a long-spin notification */
    uint32_t hardware;         /* HV_CPUID_HARDWARE_* in use */
    uint32_t management;       /* HV_CPUID_MANAGEMENT_*; root only, else dropped */
    uint32_t max_vps, max_lps;
    uint32_t build;
    uint16_t major, minor;
};

struct cpuid_config {
    cpuid_reader host;
    bool is_root;
    bool x2apic;            /* of the software APIC, whatever the machine has */
    bool tsc_deadline;      /* likewise */
    bool invariant_tsc;     /* the partition's TSC never changes its rate */
    bool speculation_msrs;  /* SPEC_CTRL and PRED_CMD reach the partition, as far as the machine
                               has them */
    uint32_t vp_count;      /* APIC IDs 0 to vp_count - 1; root: not used, the machine's topology */
    uint32_t physical_bits; /* of a guest physical address; 0: the machine's */
    uint64_t xcr0;          /* states the hypervisor switches; 0: no XSAVE */
    struct cpuid_hypervisor hypervisor;
};

struct cpuid_registers {
    uint32_t r[4]; /* by CPUID_EAX .. CPUID_EDX */
};

/* About 2 KiB. Everything is [I] once built, but for the bit of cpuid_show_invariant_tsc. */
struct cpuid_policy {
    struct cpuid_registers basic[CPUID_BASIC_LEAVES];
    struct cpuid_registers extended[CPUID_EXTENDED_LEAVES];
    struct cpuid_registers hypervisor[CPUID_HYPERVISOR_LEAVES];
    struct cpuid_registers cache[CPUID_CACHE_SUBLEAVES];
    struct cpuid_registers xsave[CPUID_XSAVE_SUBLEAVES];
    struct cpuid_registers features_7_1, features_7_2;
    cpuid_reader host;
    uint64_t xcr0;         /* what the guest may enable; 0: no XSAVE */
    uint32_t vp_count;
    uint32_t vp_shift;     /* bits of the APIC ID */
    bool is_root;
};

/* What of a VP shows in CPUID. */
struct cpuid_vp {
    uint32_t apic_id;
    uint64_t cr4;
    uint64_t xcr0;
    bool apic_off; /* by IA32_APIC_BASE: CPUID does not show it then */
};

/* Fill @p. Reads the machine some 60 times. */
void cpuid_policy_init(struct cpuid_policy *p, const struct cpuid_config *config);

/* Does the machine have a TSC that never changes its rate, and say so? */
bool cpuid_host_tsc_invariant(cpuid_reader host);
/* From now on the partition sees that its TSC never changes its rate; or it does not. Any LP. */
void cpuid_show_invariant_tsc(struct cpuid_policy *p, bool on);

/* What the guest reads. Root's topology leaves (0xb, 0x8000001e) ask the machine, so for them the
 * caller is on the LP of its VP; everything else is pure. */
void cpuid_guest(const struct cpuid_policy *p, const struct cpuid_vp *vp, uint32_t leaf,
                 uint32_t subleaf, uint32_t out[4]);

/* May a guest set XCR0 to @v? SDM vol. 2, XSETBV. */
bool cpuid_xcr0_valid(const struct cpuid_policy *p, uint64_t v);

#endif
