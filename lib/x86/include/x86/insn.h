/* SPDX-License-Identifier: MIT */
/* x86/insn.h - every inline assembly statement of the tree: one instruction a function, named by
 * its mnemonic. Host tests get tests/unit/fakes/x86/insn.h instead, by include order. */
#ifndef X86_INSN_H
#define X86_INSN_H

#include <stdint.h>

static inline void insn_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline void insn_nop(void)
{
    __asm__ volatile("nop" ::: "memory");
}

static inline void insn_hlt(void)
{
    __asm__ volatile("hlt" ::: "memory");
}

static inline void insn_cli(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline void insn_sti(void)
{
    __asm__ volatile("sti" ::: "memory");
}

/* Take what is pending: STI's shadow ends with the NOP, then interrupts are off again. */
static inline void insn_sti_nop_cli(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

/* Halt until the next interrupt, without a gap in which one is taken before the HLT. */
static inline void insn_sti_hlt_cli(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

static inline void insn_vmsave(uint64_t vmcb_pa)
{
    __asm__ volatile("vmsave %0" : : "a"(vmcb_pa) : "memory");
}

static inline uint64_t insn_vmmcall3(uint64_t rcx, uint64_t rdx, uint64_t r8)
{
    register uint64_t r8_reg __asm__("r8") = r8;
    uint64_t rax;

    __asm__ volatile("vmmcall"
                     : "=a"(rax), "+c"(rcx), "+d"(rdx), "+r"(r8_reg)
                     :
                     : "r9", "r10", "r11", "memory");
    return rax;
}

static inline void insn_int3(void)
{
    __asm__ volatile("int3");
}

static inline void insn_ud2(void)
{
    __asm__ volatile("ud2");
}

static inline uint8_t insn_in8(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

static inline uint32_t insn_in32(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

static inline void insn_out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void insn_out16(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void insn_out32(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline uint64_t insn_rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return (uint64_t)hi << 32 | lo;
}

static inline void insn_wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline uint64_t insn_rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* 0 if the generator has nothing at this moment. */
static inline uint64_t insn_rdrand(void)
{
    uint64_t v;

    __asm__ volatile("rdrand %0" : "=r"(v) : : "cc"); /* it clears @v then: SDM vol. 2, RDRAND */
    return v;
}

static inline void insn_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(leaf), "c"(subleaf)
                     : "memory");
}

static inline uint64_t insn_read_cr0(void)
{
    uint64_t v;

    __asm__ volatile("mov %%cr0, %0" : "=r"(v) : : "memory");
    return v;
}

static inline void insn_write_cr0(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}

static inline uint64_t insn_read_cr2(void)
{
    uint64_t v;

    __asm__ volatile("mov %%cr2, %0" : "=r"(v) : : "memory");
    return v;
}

static inline uint64_t insn_read_cr3(void)
{
    uint64_t v;

    __asm__ volatile("mov %%cr3, %0" : "=r"(v) : : "memory");
    return v;
}

static inline void insn_write_cr3(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

static inline uint64_t insn_read_cr4(void)
{
    uint64_t v;

    __asm__ volatile("mov %%cr4, %0" : "=r"(v) : : "memory");
    return v;
}

static inline void insn_write_cr4(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

static inline void insn_write_cr8(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr8" : : "r"(v) : "memory");
}

#define INSN_DEBUG_REGISTER(n)                                                                     \
    static inline uint64_t insn_read_dr##n(void)                                                   \
    {                                                                                              \
        uint64_t v;                                                                                \
        __asm__ volatile("mov %%dr" #n ", %0" : "=r"(v) : : "memory");                             \
        return v;                                                                                  \
    }                                                                                              \
    static inline void insn_write_dr##n(uint64_t v)                                                \
    {                                                                                              \
        __asm__ volatile("mov %0, %%dr" #n : : "r"(v) : "memory");                                 \
    }
INSN_DEBUG_REGISTER(0)
INSN_DEBUG_REGISTER(1)
INSN_DEBUG_REGISTER(2)
INSN_DEBUG_REGISTER(3)
INSN_DEBUG_REGISTER(6)
INSN_DEBUG_REGISTER(7)

static inline uint64_t insn_pushf(void)
{
    uint64_t v;

    __asm__ volatile("pushfq; popq %0" : "=r"(v) : : "memory");
    return v;
}

static inline void insn_popf(uint64_t flags)
{
    __asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

static inline void insn_wbinvd(void)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

static inline void insn_mfence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

/* @index if it is below @size, else 0, also where the comparison before it was mispredicted. */
static inline uint64_t insn_index_nospec(uint64_t index, uint64_t size)
{
    uint64_t mask;

    __asm__ volatile("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "r"(size) : "cc");
    return index & mask;
}

/* A pseudo descriptor for LGDT and LIDT. */
struct insn_table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline void insn_lgdt(const struct insn_table_register *r)
{
    __asm__ volatile("lgdt %0" : : "m"(*r) : "memory");
}

static inline void insn_lidt(const struct insn_table_register *r)
{
    __asm__ volatile("lidt %0" : : "m"(*r) : "memory");
}

static inline void insn_ltr(uint16_t selector)
{
    __asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

/* Its low half: no component beyond is defined (SDM vol. 1, 13.1). */
static inline uint32_t insn_xgetbv(uint32_t xcr)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(xcr));
    return low;
}

static inline void insn_xsetbv(uint32_t xcr, uint64_t v)
{
    __asm__ volatile("xsetbv" : : "c"(xcr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline void insn_xsave(void *area, uint64_t mask)
{
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

static inline void insn_xrstor(const void *area, uint64_t mask)
{
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

static inline void insn_fxsave(void *area)
{
    __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static inline void insn_fxrstor(const void *area)
{
    __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* x87: the registers of whoever used them last change. */
static inline void insn_fnclex(void)
{
    __asm__ volatile("fnclex" ::: "memory");
}

static inline void insn_emms(void)
{
    __asm__ volatile("emms" ::: "memory");
}

static inline void insn_fild32(const int32_t *v)
{
    __asm__ volatile("fildl %0" : : "m"(*v) : "memory");
}

static inline void insn_clac(void)
{
    __asm__ volatile("clac" ::: "memory");
}

/* GS-relative reads: the first word of a per-CPU structure is its own address. */
static inline void *insn_read_gs_self(void)
{
    void *p;

    __asm__("movq %%gs:0, %0" : "=r"(p));
    return p;
}

/* The word at GS:@offset. Volatile: the thread may have moved to another CPU since the last read. */
static inline uint64_t insn_read_gs64(uint64_t offset)
{
    uint64_t v;

    __asm__ volatile("movq %%gs:(%1), %0" : "=r"(v) : "r"(offset) : "memory");
    return v;
}

static inline uint64_t insn_read_rbp(void)
{
    uint64_t v;

    __asm__ volatile("movq %%rbp, %0" : "=r"(v));
    return v;
}

#endif
