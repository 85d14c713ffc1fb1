/* SPDX-License-Identifier: MIT */
/* tests/user/mad/partition.c - every call of the partition file, with anything in its structure.
 * The child, if it was made ready, reads a port for ever in real mode. */
#include "mad.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <hvabi/message.h>
#include <hvabi/regs.h>
#include <rootabi/partition.h>
#include "lib/device.h"

#define KERNEL_ADDRESS 0xffff800000100000ul
#define CODE_GPA       0x1000u
#define PORT           0xe0u
#define SHORT_NS       200000u

enum { SEGMENT_CODE = 0x9b, SEGMENT_DATA = 0x93, RUNS_IN = 2000 };

/* IN AL, PORT; OUT PORT + 4, AL; JMP to the first */
static const uint8_t code[] = {0xe4, PORT, 0xe6, PORT + 4, 0xeb, 0xfa};

static struct {
    struct partition_info info;
    uint8_t *ram;
    const struct hv_message *message; /* of VP 0 */
    uint32_t told;                    /* the VP of the last intercept */
    unsigned long calls;
} child;

union argument {
    uint64_t words[sizeof(struct partition_registers) / sizeof(uint64_t)];
    struct partition_info info;
    struct partition_ports ports;
    struct partition_registers registers;
    struct partition_translate translate;
    struct partition_interrupt interrupt;
    struct partition_next next;
};

static void *map(uint64_t size, int protection, uint64_t offset)
{
    void *at = mmap(NULL, size, protection, MAP_SHARED, PARTITION_FD, (off_t)offset);

    mad_check("its child's memory", at != MAP_FAILED, errno);
    return at;
}

static struct hv_register_assoc segment(uint32_t name, uint16_t attributes)
{
    struct hv_register_assoc r = {.name = name};

    r.value.segment.limit = 0xffff;
    r.value.segment.attributes = attributes;
    return r;
}

void mad_partition_begin(bool wild)
{
    struct partition_ports ports = {PORT, 0x10};
    struct partition_registers a = {.count = 3};

    device_ioctl(PARTITION_FD, PARTITION_IOCTL_INFO, &child.info);
    child.told = PARTITION_NO_VP;
    child.ram = map(child.info.low_bytes, PROT_READ | PROT_WRITE, PARTITION_MAP_RAM);
    child.message = map(PARTITION_PAGE, PROT_READ, PARTITION_MAP_INTERCEPT);
    if (wild || mad_wrong() != 0)
        return;
    memcpy(child.ram + CODE_GPA, code, sizeof(code));
    a.registers[0] = segment(HvX64RegisterCs, SEGMENT_CODE);
    a.registers[1] = segment(HvX64RegisterSs, SEGMENT_DATA);
    a.registers[2] = (struct hv_register_assoc){.name = HvX64RegisterRip, .value.reg64 = CODE_GPA};
    mad_check("registers", device_ioctl(PARTITION_FD, PARTITION_IOCTL_REGISTERS_SET, &a) == 0,
              errno);
    mad_check("ports", device_ioctl(PARTITION_FD, PARTITION_IOCTL_PORTS, &ports) == 0, errno);
    mad_check("run", device_ioctl(PARTITION_FD, PARTITION_IOCTL_RUN, NULL) == 0, errno);
}

/* Answers of a worker, so that the child goes on. */
static void sane_next(struct partition_next *a)
{
    const struct hv_x64_intercept_message_header *h = (const void *)child.message->payload;

    *a = (struct partition_next){.answered_vp = child.told, .timeout_ns = SHORT_NS, .wake_fd = -1};
    a->flags = PARTITION_ANSWER_RIP;
    a->rip = h->rip + (h->length_and_cr8 & HV_X64_INTERCEPT_LENGTH_MASK);
}

static void next(union argument *a, bool wild)
{
    if (mad_below(2) == 0)
        sane_next(&a->next);
    a->next.timeout_ns = mad_below(SHORT_NS);
    if (!wild && (a->next.flags & PARTITION_ANSWER_RIP) != 0 && child.told != PARTITION_NO_VP)
        sane_next(&a->next);
    if (device_ioctl(PARTITION_FD, PARTITION_IOCTL_NEXT, a) != 0)
        return;
    child.told = PARTITION_NO_VP;
    if (a->next.event == PARTITION_EVENT_INTERCEPT) {
        mad_check("an intercept of a VP that is not there", a->next.vp < child.info.vp_count,
                  a->next.vp);
        child.told = a->next.vp;
    }
}

/* Something that passes the first checks; all but a wild one leaves alone by what the child runs.
 */
static void soften(union argument *a, uint32_t command, bool wild)
{
    static const uint32_t harmless[] = {HvX64RegisterRax, HvX64RegisterRbx, HvX64RegisterR15,
                                        HvX64RegisterDr0, HvX64RegisterCr2};

    if (command == PARTITION_IOCTL_REGISTERS_SET || command == PARTITION_IOCTL_REGISTERS_GET) {
        a->registers.vp = (uint32_t)mad_below(2);
        a->registers.count = 1 + (uint32_t)mad_below(2);
        for (unsigned i = 0; i < 2; i++)
            a->registers.registers[i].name = HvX64RegisterRax + (uint32_t)mad_below(0x100);
        if (!wild && command == PARTITION_IOCTL_REGISTERS_SET)
            for (unsigned i = 0; i < 2; i++)
                a->registers.registers[i].name = harmless[mad_below(5)];
    }
    if (command == PARTITION_IOCTL_TRANSLATE)
        a->translate.vp = a->translate.reserved = 0;
}

/* What may end the child, or make it wait for nobody. */
static bool is_deadly(uint32_t command)
{
    return command == PARTITION_IOCTL_INTERRUPT || command == PARTITION_IOCTL_REGISTERS_SET;
}

static const uint32_t commands[] = {
    PARTITION_IOCTL_NEXT,      PARTITION_IOCTL_PORTS,     PARTITION_IOCTL_REGISTERS_GET,
    PARTITION_IOCTL_NEXT,      PARTITION_IOCTL_TRANSLATE, PARTITION_IOCTL_REGISTERS_SET,
    PARTITION_IOCTL_INTERRUPT, PARTITION_IOCTL_INFO,      PARTITION_IOCTL_PAUSE,
    PARTITION_IOCTL_RESUME,
};

static void bad_address(void)
{
    uint32_t command = commands[mad_below(sizeof(commands) / sizeof(commands[0]))];
    int file = mad_below(2) == 0 ? PARTITION_FD : (int)mad_noise();
    long result = syscall(SYS_ioctl, file, command ^ (mad_below(2) != 0 ? 1u << mad_below(32) : 0),
                          KERNEL_ADDRESS);

    mad_check("a call that reads the kernel's memory",
              result != 0 || command == PARTITION_IOCTL_PAUSE || command == PARTITION_IOCTL_RESUME,
              command);
}

void mad_partition_call(bool wild)
{
    static union argument a;
    uint32_t command = commands[mad_below(sizeof(commands) / sizeof(commands[0]))];

    child.calls++;
    if (mad_below(8) == 0) {
        bad_address();
        return;
    }
    for (unsigned w = 0; w < sizeof(a.words) / sizeof(a.words[0]); w++)
        a.words[w] = (uint64_t)mad_value();
    if (mad_below(2) == 0 || (!wild && is_deadly(command)))
        soften(&a, command, wild);
    if (!wild && command == PARTITION_IOCTL_INTERRUPT)
        a.interrupt.vector |= 1u << 8; /* refused: the child has no vectors */
    if (command == PARTITION_IOCTL_NEXT)
        next(&a, wild);
    else
        device_ioctl(PARTITION_FD, command, &a);
    if (wild && child.calls == RUNS_IN)
        device_ioctl(PARTITION_FD, PARTITION_IOCTL_RUN, NULL);
}
