/* SPDX-License-Identifier: MIT */
/* vmwp/partition.c - see partition.h. */
#include "vmwp/partition.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <hvabi/management.h>
#include "lib/device.h"

static void *map(int file, uint64_t offset, uint64_t size, int protection)
{
    void *at = mmap(NULL, size, protection, MAP_SHARED, file, (off_t)offset);

    return at != MAP_FAILED ? at : NULL;
}

static bool map_ram(struct partition *p)
{
    const int both = PROT_READ | PROT_WRITE;
    struct guest_ram *ram = &p->ram;

    ram->low_bytes = p->info.low_bytes;
    ram->high_bytes = p->info.memory_bytes - p->info.low_bytes;
    ram->low = map(p->file, PARTITION_MAP_RAM, ram->low_bytes, both);
    if (ram->high_bytes != 0)
        ram->high = map(p->file, PARTITION_MAP_RAM + PARTITION_HIGH_GPA, ram->high_bytes, both);
    return ram->low != NULL && (ram->high_bytes == 0 || ram->high != NULL);
}

const char *partition_open(struct partition *p, int file)
{
    memset(p, 0, sizeof(*p));
    p->file = file;
    if (device_ioctl(file, PARTITION_IOCTL_INFO, &p->info) != 0)
        return "it was started without a partition";
    if (!map_ram(p))
        return "root cannot map the memory of the partition";
    p->intercepts = map(file, PARTITION_MAP_INTERCEPT,
                        (uint64_t)p->info.vp_count * PARTITION_PAGE, PROT_READ);
    return p->intercepts != NULL ? NULL : "root cannot map the intercept pages";
}

const struct hv_message *partition_message(const struct partition *p, uint32_t vp)
{
    return (const void *)(p->intercepts + (size_t)vp * PARTITION_PAGE);
}

bool partition_registers_get(const struct partition *p, uint32_t vp, struct hv_register_assoc *list,
                             uint32_t count)
{
    struct partition_registers r = {.vp = vp, .count = count};

    if (count > PARTITION_REGISTERS_MAX)
        return false;
    memcpy(r.registers, list, count * sizeof(*list));
    if (device_ioctl(p->file, PARTITION_IOCTL_REGISTERS_GET, &r) != 0)
        return false;
    memcpy(list, r.registers, count * sizeof(*list));
    return true;
}

bool partition_registers_set(const struct partition *p, uint32_t vp,
                             const struct hv_register_assoc *list, uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        struct partition_registers r = {.vp = vp, .count = count - done};

        if (r.count > PARTITION_REGISTERS_MAX)
            r.count = PARTITION_REGISTERS_MAX;
        memcpy(r.registers, list + done, r.count * sizeof(*list));
        if (device_ioctl(p->file, PARTITION_IOCTL_REGISTERS_SET, &r) != 0)
            return false;
        done += r.count;
    }
    return true;
}

uint32_t partition_translate(const struct partition *p, uint32_t vp, uint64_t gva, bool write,
                             uint64_t *gpa)
{
    struct partition_translate t = {
        .vp = vp,
        .access = write ? HV_TRANSLATE_GVA_VALIDATE_WRITE : HV_TRANSLATE_GVA_VALIDATE_READ,
        .gva = gva,
    };

    if (device_ioctl(p->file, PARTITION_IOCTL_TRANSLATE, &t) != 0)
        return HvTranslateGvaGpaUnmapped;
    *gpa = t.gpa;
    return t.result;
}

/* One that the hypervisor does not take (a vector below 16, say) is lost, as on a real bus. */
void partition_interrupt(const struct partition *p, const struct partition_interrupt *interrupt)
{
    struct partition_interrupt i = *interrupt;

    device_ioctl(p->file, PARTITION_IOCTL_INTERRUPT, &i);
}

void partition_end(const struct partition *p, uint32_t end, uint32_t status, const char *fmt, ...)
{
    struct partition_end e = {.end = end, .status = status};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(e.reason, sizeof(e.reason), fmt, ap);
    va_end(ap);
    device_ioctl(p->file, PARTITION_IOCTL_END, &e);
}
