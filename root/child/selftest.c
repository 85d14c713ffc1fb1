/* SPDX-License-Identifier: MIT */
/* root/child/selftest.c - see root/child/selftest.h. The partition has one page of memory, at guest
 * pages 0 and MIRROR, and two VPs; VP 0 halts in real mode and says so when an NMI comes. */
#include "child/selftest.h"

#include <rt/format.h>
#include <rt/mem.h>
#include "child/hv.h"
#include "child/pool.h"
#include "io/console.h"
#include "mm/memory.h"
#include "sched/thread.h"

#define NS_PER_MS   1000000ull
#define LONG_ENOUGH 60000u /* ms, on a slow and busy emulator */

enum { MIRROR = 3, NOWHERE = 0x1000, PORT = 0x20000, CONNECTION = 5 };
/* In the page: the vector of NMIs, what VP 0 executes, what it sets, its stack. */
enum { NMI_VECTOR = 2 * 4, CODE = 0x100, HANDLER = 0x200, FLAG = 0x300, STACK = 0x800 };

struct trial {
    const struct hv_client *h;
    hv_partition_id id;
    struct child_pool pool;
    uint64_t ram; /* physical */
    volatile uint8_t *page;
};

#define DID(call) ((call) == HV_STATUS_SUCCESS)

/* ---- the partition ---- */

static void write_code(volatile uint8_t *page)
{
    static const uint8_t code[] = {0xf4, 0xeb, 0xfd};                       /* hlt; jmp to it */
    static const uint8_t handler[] = {0xc6, 0x06, FLAG & 0xff, FLAG >> 8, 1, /* mov byte [FLAG], 1 */
                                      0xcf};                                /* iret */

    for (uint32_t i = 0; i < sizeof(code); i++)
        page[CODE + i] = code[i];
    for (uint32_t i = 0; i < sizeof(handler); i++)
        page[HANDLER + i] = handler[i];
    page[NMI_VECTOR] = HANDLER & 0xff;
    page[NMI_VECTOR + 1] = HANDLER >> 8;
}

static bool map(struct trial *t, uint64_t target)
{
    const uint32_t rights = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE;
    uint64_t source = t->ram >> PAGE_SHIFT;
    uint32_t done;

    return DID(WITH_DEPOSITS(t->h, &t->pool, hv_call_map_gpa_pages(t->h, t->id, target, rights,
                                                                   &source, 1, &done)));
}

static bool partition_is_made(struct trial *t)
{
    t->ram = page_alloc(0);
    if (t->ram == 0)
        return false;
    page_zero(t->ram, 0);
    t->page = phys_to_virt(t->ram);
    write_code(t->page);
    if (!DID(WITH_DEPOSITS(t->h, pool_of_root(), hv_call_create_partition(t->h, 0, &t->id))))
        return false;
    t->pool.id = t->id;
    return DID(WITH_DEPOSITS(t->h, &t->pool, hv_call_initialize_partition(t->h, t->id))) &&
           map(t, 0) && map(t, MIRROR) &&
           DID(WITH_DEPOSITS(t->h, &t->pool, hv_call_create_vp(t->h, t->id, 0))) &&
           DID(WITH_DEPOSITS(t->h, &t->pool, hv_call_create_vp(t->h, t->id, 1)));
}

static bool is_listed(const struct trial *t)
{
    hv_partition_id id = HV_PARTITION_ID_INVALID;

    do {
        if (!DID(hv_call_get_next_child_partition(t->h, hv_root_id(), id, &id)))
            return false;
    } while (id != t->id && id != HV_PARTITION_ID_INVALID);
    return id == t->id;
}

static bool parent_finds_its_child(struct trial *t)
{
    return is_listed(t);
}

static bool balance_counts_deposits(struct trial *t)
{
    struct hv_output_get_memory_balance b;

    return DID(hv_call_get_memory_balance(t->h, t->id, &b)) && b.pages_in_use != 0 &&
           b.pages_available + b.pages_in_use == t->pool.pages;
}

/* ---- its processors and memory ---- */

static uint32_t translated(const struct trial *t, uint64_t page, uint64_t *to)
{
    struct hv_output_translate_virtual_address out = {.result_code = UINT32_MAX};

    if (!DID(hv_call_translate_virtual_address(t->h, t->id, 0, HV_TRANSLATE_GVA_VALIDATE_READ, page,
                                               &out)))
        return UINT32_MAX;
    *to = out.gpa_page;
    return out.result_code;
}

static bool translation_tells_pages(struct trial *t)
{
    uint64_t page = 0;

    return translated(t, MIRROR, &page) == HvTranslateGvaSuccess && page == MIRROR &&
           translated(t, NOWHERE, &page) == HvTranslateGvaGpaUnmapped && page == NOWHERE;
}

static bool start(const struct trial *t)
{
    const struct hv_register_assoc registers[] = {
        {.name = HvX64RegisterCs, .value.segment = {.limit = 0xffff, .attributes = 0x9b}},
        {.name = HvX64RegisterRip, .value.reg64 = CODE},
        {.name = HvX64RegisterRsp, .value.reg64 = STACK},
        {.name = HvRegisterExplicitSuspend, .value.reg64 = 0},
    };

    return DID(hv_call_set_vp_registers(t->h, t->id, 0, registers,
                                        sizeof(registers) / sizeof(registers[0])));
}

static bool interrupt_reaches_its_vp(struct trial *t)
{
    if (!start(t) || t->page[FLAG] != 0 ||
        !DID(hv_call_assert_virtual_interrupt(t->h, t->id, HvX64InterruptTypeNmi, 0, 0)))
        return false;
    for (uint32_t ms = 0; t->page[FLAG] == 0 && ms < LONG_ENOUGH; ms++)
        thread_sleep(NS_PER_MS);
    return t->page[FLAG] == 1;
}

static bool deleted_vp_is_gone(struct trial *t)
{
    const uint32_t name = HvX64RegisterRip;
    struct hv_register_value value;

    return DID(hv_call_get_vp_registers(t->h, t->id, 1, &name, &value, 1)) &&
           DID(hv_call_delete_vp(t->h, t->id, 1)) &&
           hv_call_get_vp_registers(t->h, t->id, 1, &name, &value, 1) ==
               HV_STATUS_INVALID_VP_INDEX;
}

static bool unmapped_page_is_gone(struct trial *t)
{
    uint64_t page;
    uint32_t done;

    return DID(hv_call_unmap_gpa_pages(t->h, t->id, MIRROR, 1, &done)) && done == 1 &&
           translated(t, MIRROR, &page) == HvTranslateGvaGpaUnmapped;
}

/* ---- ports, and the end ---- */

static bool connection_ends(struct trial *t)
{
    const struct hv_input_create_port create = {
        .port_partition_id = hv_root_id(),
        .port_id = PORT,
        .connection_partition_id = t->id,
        .port_info = {.port_type = HvPortTypeEvent,
                      .event = {.target_sint = HV_SINT_CHILDREN, .flag_count = 1}},
    };
    const struct hv_input_connect_port connect = {
        .connection_partition_id = t->id,
        .connection_id = CONNECTION,
        .port_partition_id = hv_root_id(),
        .port_id = PORT,
        .connection_info = {.port_type = HvPortTypeEvent},
    };

    return DID(WITH_DEPOSITS(t->h, pool_of_root(), hv_call_create_port(t->h, &create))) &&
           DID(WITH_DEPOSITS(t->h, &t->pool, hv_call_connect_port(t->h, &connect))) &&
           DID(hv_call_disconnect_port(t->h, t->id, CONNECTION)) &&
           hv_call_disconnect_port(t->h, t->id, CONNECTION) == HV_STATUS_INVALID_CONNECTION_ID &&
           DID(hv_call_delete_port(t->h, hv_root_id(), PORT));
}

static bool partition_gives_all_back(struct trial *t)
{
    if (!DID(hv_call_finalize_partition(t->h, t->id)) || !DID(pool_withdraw(t->h, &t->pool)) ||
        !DID(hv_call_delete_partition(t->h, t->id)) || is_listed(t))
        return false;
    page_free(t->ram, 0);
    return true;
}

/* After a test that fails, what was made stays as it is. */
void child_selftest(void)
{
    static const struct {
        const char *fact;
        bool (*test)(struct trial *t);
    } tests[] = {
        {"a partition is made", partition_is_made},
        {"a parent finds its child", parent_finds_its_child},
        {"a balance counts what was deposited", balance_counts_deposits},
        {"translation tells pages and their absence", translation_tells_pages},
        {"an asserted interrupt reaches its VP", interrupt_reaches_its_vp},
        {"a deleted VP is gone", deleted_vp_is_gone},
        {"an unmapped page is gone", unmapped_page_is_gone},
        {"a connection ends", connection_ends},
        {"a partition gives all back", partition_gives_all_back},
    };
    struct trial t = {0};
    bool passed = true;

    if (hv_root_id() == HV_PARTITION_ID_INVALID)
        return; /* there is no hypervisor */
    t.h = hv_begin();
    for (uint32_t i = 0; i < sizeof(tests) / sizeof(tests[0]) && passed; i++) {
        char line[80];

        passed = tests[i].test(&t);
        console_write(line, rt_snprintf(line, sizeof(line), "%s %s\n", passed ? "PASS" : "FAIL",
                                        tests[i].fact));
    }
    hv_end();
}
