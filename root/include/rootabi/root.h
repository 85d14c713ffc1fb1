/* SPDX-License-Identifier: MIT */
/* rootabi/root.h - /dev/root: what the kernel tells about itself. */
#ifndef ROOTABI_ROOT_H
#define ROOTABI_ROOT_H

#include <rootabi/ioctl.h>

struct root_info {
    char build_id[48]; /* hexadecimal */
    uint64_t memory_total;      /* bytes, all that root was given */
    uint64_t memory_free;
    uint64_t memory_loader;     /* of the total: still held for the loader's data */
    uint64_t memory_hypervisor; /* not part of the total */
    uint64_t uptime_ns;
    uint64_t tsc_hz;
    uint32_t cpu_count;
    uint32_t launch; /* BOOT_LAUNCH_* */
};
ABI_SIZE(struct root_info, 104);

struct root_cpu {
    uint32_t index;   /* in; ENOENT: there is no such CPU */
    uint32_t apic_id;
    uint64_t idle_ns;
    uint64_t switches;   /* of threads */
    uint64_t interrupts;
    char thread[24];     /* the one that runs now */
};
ABI_SIZE(struct root_cpu, 56);

struct root_log {
    uint64_t position; /* in: 0 at first; out: where to go on */
    uint32_t length;   /* out: characters in text; 0: the end */
    uint32_t reserved;
    char text[2032];
};
ABI_SIZE(struct root_log, 2048);

/* A piece of the option's value. There is more while offset + strlen(value) < length. */
struct root_option {
    char key[64];     /* in; ENOENT: boot.cfg does not set it */
    uint32_t offset;  /* in; EINVAL: beyond its end */
    uint32_t length;  /* out: of the whole value */
    char value[1976]; /* out, NUL-terminated */
};
ABI_SIZE(struct root_option, 2048);

struct root_module {
    uint32_t index; /* in; ENOENT: there are fewer */
    uint32_t reserved;
    uint64_t size;
    char name[64];
};
ABI_SIZE(struct root_module, 80);

#define ROOT_IOCTL_INFO   IOCTL_MAKE(IOCTL_READ, 'r', 0, struct root_info)
#define ROOT_IOCTL_CPU    IOCTL_EXCHANGE('r', 1, struct root_cpu)
#define ROOT_IOCTL_LOG    IOCTL_EXCHANGE('r', 2, struct root_log)
#define ROOT_IOCTL_OPTION IOCTL_EXCHANGE('r', 3, struct root_option)
#define ROOT_IOCTL_MODULE IOCTL_EXCHANGE('r', 4, struct root_module)

#endif
