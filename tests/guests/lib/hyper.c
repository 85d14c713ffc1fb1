/* SPDX-License-Identifier: MIT */
/* hyper.c - the hypercall page and a client for each VP. See guest.h. */
#include <hvabi/cpuid.h>
#include <hvabi/partition.h>
#include <kern/guest_cpu.h>
#include <x86/cpuid.h>
#include <x86/insn.h>

#include "guest.h"

/* The hypercall page lies over the first one; memory is mapped one to one. */
static struct {
    _Alignas(HV_PAGE_SIZE) uint8_t hypercall[HV_PAGE_SIZE];
    _Alignas(HV_PAGE_SIZE) uint8_t input[GUEST_CPU_MAX][HV_PAGE_SIZE];
    _Alignas(HV_PAGE_SIZE) uint8_t output[GUEST_CPU_MAX][HV_PAGE_SIZE];
} pages;

static struct hv_client clients[GUEST_CPU_MAX];

uint64_t guest_hypercall_page(void)
{
    return (uintptr_t)pages.hypercall;
}

static void client_init(uint32_t index)
{
    clients[index] = (struct hv_client){.page = pages.hypercall,
                                        .input = pages.input[index],
                                        .output = pages.output[index],
                                        .input_gpa = (uintptr_t)pages.input[index],
                                        .output_gpa = (uintptr_t)pages.output[index]};
}

bool guest_hypercall_enable(void)
{
    if (!hypercall_present()) {
        guest_printf("guest: CPUID shows no Microsoft Hv with interface Hv#1\n");
        return false;
    }
    if (!hypercall_page_enable(guest_hypercall_page())) {
        guest_printf("guest: the hypercall page could not be enabled\n");
        return false;
    }
    for (uint32_t i = 0; i < GUEST_CPU_MAX; i++)
        client_init(i);
    return true;
}

const struct hv_client *guest_client(void)
{
    return &clients[guest_cpu_this()->index];
}

uint64_t guest_hypercall(uint64_t control, uint64_t input, uint64_t output)
{
    return hypercall_invoke(pages.hypercall, control, input, output);
}

uint64_t guest_privileges(void)
{
    uint32_t regs[4];

    insn_cpuid(HV_CPUID_FEATURES, 0, regs);
    return regs[CPUID_EAX] | (uint64_t)regs[CPUID_EBX] << 32;
}
