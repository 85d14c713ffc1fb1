/* SPDX-License-Identifier: MIT */
/* root/child/toy.c - what makes a toy guest of a partition: image and boot data, ports, intercepts
 * and first registers. docs/guests.md */
#include <hvabi/guest_boot.h>
#include <rt/mem.h>
#include <x86/cr.h>
#include "child/child.h"
#include "child/hv.h"
#include "child/image.h"
#include "child/ports.h"
#include "mm/memory.h"

/* ---- its memory ---- */

static void ram_write(void *context, uint64_t gpa, const void *data, size_t size)
{
    struct child *c = context;

    while (size != 0) {
        uint64_t in_block = RAM_BLOCK - gpa % RAM_BLOCK;
        size_t n = size < in_block ? size : in_block;
        uint8_t *to = phys_to_virt(ram_at(c->ram, gpa));
        if (data != NULL) {
            memcpy(to, data, n);
            data = (const uint8_t *)data + n;
        } else {
            memset(to, 0, n);
        }
        gpa += n;
        size -= n;
    }
}

const char *toy_load(struct child *c, const void *image, size_t size, const char *options,
                     uint64_t *entry)
{
    const struct image_target t = {c->ram->low, ram_write, c};
    const char *wrong = image_load(&t, image, size, entry);

    if (wrong != NULL)
        return wrong;
    return image_boot_data(&t, options, c->vp_count, c->event.flag != 0 ? CONNECTION_EVENT : 0,
                           CONNECTION_MESSAGE)
               ? NULL
               : "the command line is too long";
}

/* ---- its processors ---- */

static hv_status set_registers(const struct hv_client *h, struct child *c, uint64_t entry)
{
    enum { CODE64 = 0xa09b, DATA = 0xc093, CODE_SELECTOR = 8, DATA_SELECTOR = 16 };
    const struct hv_x64_segment_register code = {
        .limit = UINT32_MAX, .selector = CODE_SELECTOR, .attributes = CODE64};
    const struct hv_x64_segment_register data = {
        .limit = UINT32_MAX, .selector = DATA_SELECTOR, .attributes = DATA};
    const struct hv_register_assoc registers[] = {
        {.name = HvX64RegisterCr3, .value.reg64 = GUEST_BOOT_PML4_GPA},
        {.name = HvX64RegisterCr4, .value.reg64 = CR4_PAE | CR4_OSFXSR},
        {.name = HvX64RegisterEfer, .value.reg64 = EFER_LME | EFER_LMA},
        {.name = HvX64RegisterCr0, .value.reg64 = CR0_PE | CR0_PG | CR0_NE | CR0_WP | CR0_ET},
        {.name = HvX64RegisterCs, .value.segment = code},
        {.name = HvX64RegisterDs, .value.segment = data},
        {.name = HvX64RegisterEs, .value.segment = data},
        {.name = HvX64RegisterSs, .value.segment = data},
        {.name = HvX64RegisterRflags, .value.reg64 = RFLAGS_RESERVED1},
        {.name = HvX64RegisterRdi, .value.reg64 = GUEST_BOOT_GPA},
        {.name = HvX64RegisterRip, .value.reg64 = entry},
    };

    return hv_call_set_vp_registers(h, c->id, 0, registers,
                                    (uint32_t)(sizeof(registers) / sizeof(registers[0])));
}

static const char *run_vps(const struct hv_client *h, struct child *c)
{
    const struct hv_register_assoc go = {.name = HvRegisterExplicitSuspend, .value.reg64 = 0};

    for (uint32_t i = 0; i < c->vp_count; i++) {
        hv_status st = hv_call_set_vp_registers(h, c->id, i, &go, 1);
        if (st != HV_STATUS_SUCCESS)
            return child_failed("HvRegisterExplicitSuspend", st);
    }
    return NULL;
}

/* ---- intercepts and ports ---- */

static hv_status install_intercepts(const struct hv_client *h, struct child *c)
{
    static const uint16_t ports[] = {GUEST_PORT_CONSOLE, GUEST_PORT_ROOT_TICKS,
                                     GUEST_PORT_ROOT_EXITS, GUEST_PORT_EXIT};
    const uint32_t access = HV_INTERCEPT_ACCESS_MASK_READ | HV_INTERCEPT_ACCESS_MASK_WRITE;
    hv_status st = HV_STATUS_SUCCESS;

    for (uint32_t i = 0; i < sizeof(ports) / sizeof(ports[0]) && st == HV_STATUS_SUCCESS; i++)
        st = WITH_DEPOSITS(
            h, &c->pool,
            hv_call_install_intercept(h, c->id, HvInterceptTypeX64IoPort, access, ports[i]));
    return st;
}

/* What toy guests may signal and post; a child gets the event if a doorbell was free. */
static hv_status make_ports(const struct hv_client *h, struct child *c)
{
    const struct hv_port_info event = doorbell_port_info(&c->event);
    const struct hv_port_info message = {
        .port_type = HvPortTypeMessage,
        .message = {.target_sint = HV_SINT_CHILDREN},
    };
    hv_status st = HV_STATUS_SUCCESS;

    if (c->event.flag != 0)
        st = port_to_root(h, c, doorbell_port(&c->event), &event, CONNECTION_EVENT);
    if (st == HV_STATUS_SUCCESS)
        st = port_to_root(h, c, PORT_MESSAGE(child_number(c)), &message, CONNECTION_MESSAGE);
    return st;
}

const char *toy_boot(const struct hv_client *h, struct child *c, uint64_t entry)
{
    hv_status st = install_intercepts(h, c);

    if (st != HV_STATUS_SUCCESS)
        return child_failed("HvCallInstallIntercept", st);
    st = make_ports(h, c);
    if (st != HV_STATUS_SUCCESS)
        return child_failed("ports", st);
    st = set_registers(h, c, entry);
    if (st != HV_STATUS_SUCCESS)
        return child_failed("HvCallSetVpRegisters", st);
    return run_vps(h, c);
}

void toy_ports_delete(const struct hv_client *h, struct child *c)
{
    if (c->event.flag != 0)
        (void)port_to_root_delete(h, c, doorbell_port(&c->event), CONNECTION_EVENT);
    (void)port_to_root_delete(h, c, PORT_MESSAGE(child_number(c)), CONNECTION_MESSAGE);
}
