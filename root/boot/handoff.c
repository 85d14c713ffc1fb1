/* SPDX-License-Identifier: MIT */
/* root/boot/handoff.c - see handoff.h. */
#include <rt/mem.h>
#include "boot/handoff.h"
#include "mm/memory.h"

static struct {
    struct boot_info info;
    struct boot_module *modules;
    uint32_t *apic_ids;
    char *options;
} handoff; /* [I] after handoff_copy */

const char *handoff_take(const struct boot_info *info)
{
    if (info->magic != BOOT_INFO_MAGIC)
        return "the hand-off structure has the wrong magic";
    if (info->version < BOOT_INFO_VERSION || info->size < sizeof(*info))
        return "the hand-off structure is older than this kernel";
    memcpy(&handoff.info, info, sizeof(*info));
    return NULL;
}

static void *copy_out(uint64_t physical, size_t size)
{
    void *copy = kalloc(size != 0 ? size : 1);

    if (copy != NULL && physical != 0)
        memcpy(copy, phys_to_virt(physical), size);
    return copy;
}

bool handoff_copy(void)
{
    const struct boot_info *i = &handoff.info;
    size_t options = i->options != 0 ? strlen(phys_to_virt(i->options)) + 1 : 0;

    handoff.modules = copy_out(i->modules, i->module_count * sizeof(struct boot_module));
    handoff.apic_ids = copy_out(i->lp_apic_ids, i->lp_count * sizeof(uint32_t));
    handoff.options = copy_out(i->options, options);
    return handoff.modules != NULL && handoff.apic_ids != NULL && handoff.options != NULL;
}

void handoff_trim_modules(void)
{
    for (uint32_t i = 0; i < handoff.info.module_count; i++) {
        const struct boot_module *m = &handoff.modules[i];

        if (m->size % PAGE_SIZE != 0)
            memset((uint8_t *)phys_to_virt(m->base) + m->size, 0, PAGE_SIZE - m->size % PAGE_SIZE);
    }
}

const struct boot_info *handoff_info(void)
{
    return &handoff.info;
}

const char *handoff_option_find(const char *key, size_t *length)
{
    size_t key_length = strlen(key);
    const char *line = handoff.options;

    while (line != NULL && *line != '\0') {
        const char *end = line;

        while (*end != '\n' && *end != '\0')
            end++;
        if (strncmp(line, key, key_length) == 0 && line[key_length] == '=') {
            *length = (size_t)(end - line) - key_length - 1;
            return line + key_length + 1;
        }
        line = *end == '\n' ? end + 1 : end;
    }
    return NULL;
}

bool handoff_option(const char *key, char *value, size_t size)
{
    size_t n;
    const char *found = handoff_option_find(key, &n);

    if (found == NULL)
        return false;
    n = n < size ? n : size - 1;
    memcpy(value, found, n);
    value[n] = '\0';
    return true;
}

const struct boot_module *handoff_module(uint32_t index)
{
    return index < handoff.info.module_count ? &handoff.modules[index] : NULL;
}

const struct boot_module *handoff_find_module(const char *name)
{
    for (uint32_t i = 0; i < handoff.info.module_count; i++)
        if (strncmp(handoff.modules[i].name, name, sizeof(handoff.modules[i].name)) == 0)
            return &handoff.modules[i];
    return NULL;
}

const uint32_t *handoff_apic_ids(uint32_t *count)
{
    *count = handoff.info.lp_count;
    return handoff.apic_ids;
}

const char *handoff_launch_text(void)
{
    switch (handoff.info.launch) {
    case BOOT_LAUNCH_HYPERVISOR:
        return "hypervisor";
    case BOOT_LAUNCH_OFF:
        return "bare machine, because boot.cfg says so";
    case BOOT_LAUNCH_NO_VIRTUALIZATION:
        return "bare machine, because the processor has no SVM or VMX";
    case BOOT_LAUNCH_NO_NESTED_PAGING:
        return "bare machine, because the processor has no nested paging";
    case BOOT_LAUNCH_FIRMWARE_DISABLED:
        return "bare machine, because the firmware has disabled virtualization";
    case BOOT_LAUNCH_NO_IMAGE:
        return "bare machine, because there is no usable hypervisor image";
    case BOOT_LAUNCH_NO_MEMORY:
        return "bare machine, because there is no memory for the hypervisor";
    default:
        return "bare machine, for a reason this kernel does not know";
    }
}
