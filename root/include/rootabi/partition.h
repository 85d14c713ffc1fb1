/* SPDX-License-Identifier: MIT */
/* rootabi/partition.h - a partition file: what a worker may do with the child that is its own. The
 * file comes from VM_IOCTL_CREATE (rootabi/vm.h), and a worker has it as PARTITION_FD; it names the
 * partition, so that no call does. docs/workers.md.
 *
 * Every call gives ENODEV once the child has begun to end, but _INFO, _END and _NEXT. EINVAL: an
 * argument is out of its range. EIO: the hypervisor refused (what and why is in the log, a few times
 * for each child). Reserved members are 0. */
#ifndef ROOTABI_PARTITION_H
#define ROOTABI_PARTITION_H

#include <hvabi/message.h>
#include <hvabi/regs.h>
#include <rootabi/ioctl.h>

/* What a worker starts with: standard input and output are root's console. */
enum { PARTITION_FD = 3, PARTITION_CONTROL_FD = 4 };

/* mmap, always with MAP_SHARED. At PARTITION_MAP_RAM + GPA: the child's RAM, for reading and writing,
 * which is [0, low_bytes) and, if there is more, from PARTITION_HIGH_GPA on; a mapping lies within one
 * of the two (ENXIO: it does not) and begins at a multiple of 4 KiB, but is of 2 MiB pages only if the
 * address and the offset are multiples of that (NULL as address gives such a one).
 * At PARTITION_MAP_INTERCEPT + vp * PARTITION_PAGE: for reading only, a page that begins with the
 * struct hv_message about which _NEXT has told last for that VP. It stays as it is until that is
 * answered. */
#define PARTITION_PAGE          4096u
#define PARTITION_MAP_RAM       0ull
#define PARTITION_MAP_INTERCEPT (1ull << 56)
#define PARTITION_LOW_MAX       (3ull << 30)
#define PARTITION_HIGH_GPA      (4ull << 30)

enum { PARTITION_NAME_SIZE = 64, PARTITION_REGISTERS_MAX = 16, PARTITION_REASON_SIZE = 128 };
#define PARTITION_NO_VP UINT32_MAX

struct partition_info {
    char name[PARTITION_NAME_SIZE];
    uint32_t vp_count;      /* VP i has the APIC identifier i */
    uint32_t flags;         /* VM_CREATE_* that it was made with, but not _LINK_DOWN */
    uint64_t memory_bytes;  /* of RAM */
    uint64_t low_bytes;     /* of them below PARTITION_LOW_MAX */
    uint64_t tsc_hz;        /* of the TSC, root's and the child's */
    int64_t boot_wall_ns;   /* CLOCK_REALTIME less CLOCK_MONOTONIC; 0: root does not know the date */
};
ABI_SIZE(struct partition_info, 104);

/* Ports [first, first + count): from now on accesses to them are intercepted. Those that are not read
 * as all ones, and writes to them go nowhere. */
struct partition_ports {
    uint32_t first;
    uint32_t count;
};
ABI_SIZE(struct partition_ports, 8);

/* Registers of a VP that stands in an intercept, or of any VP before _RUN or while paused. EINVAL:
 * @count is 0 or too large, there is no such VP, or the hypervisor knows no such register or refuses
 * the value; of _SET those before it are set then. EACCES: the register is root's alone
 * (HvRegisterExplicitSuspend, HvRegisterInterceptSuspend: see _NEXT, _PAUSE). */
struct partition_registers {
    uint32_t vp;
    uint32_t count;
    struct hv_register_assoc registers[PARTITION_REGISTERS_MAX]; /* _GET: names in, values out */
};
ABI_SIZE(struct partition_registers, 520);

/* What a VP's own page tables make of an address. @access: HV_TRANSLATE_GVA_VALIDATE_READ, _WRITE,
 * _EXECUTE, _PRIVILEGE_EXEMPT, _SET_PAGE_TABLE_BITS, with their meaning in the TLFS. */
struct partition_translate {
    uint32_t vp;
    uint32_t access;
    uint64_t gva;
    uint32_t result;   /* out: HvTranslateGva* */
    uint32_t reserved;
    uint64_t gpa;      /* out: with the offset in the page, if @result is HvTranslateGvaSuccess */
};
ABI_SIZE(struct partition_translate, 32);

/* An interrupt message to the local APICs, as from an IOAPIC: HvCallAssertVirtualInterrupt. */
struct partition_interrupt {
    uint32_t type;        /* HvX64InterruptType* */
    uint32_t vector;
    uint32_t destination; /* APIC identifier, or logical destination */
    uint8_t logical;      /* 0 or 1: destination mode */
    uint8_t level;        /* 0 or 1: trigger mode; 1: its EOI is told by _NEXT */
    uint16_t reserved;
};
ABI_SIZE(struct partition_interrupt, 16);

/* partition_next.flags: set the register before the VP goes on. */
#define PARTITION_ANSWER_RIP 1u
#define PARTITION_ANSWER_RAX 2u

enum {
    PARTITION_EVENT_INTERCEPT = 1, /* of @vp, which stands until it is answered: read its page */
    PARTITION_EVENT_EOI = 2,       /* level-triggered vectors in @eoi had an EOI since the last one */
    PARTITION_EVENT_WAKE = 3,      /* @wake_fd can be read, or its other end is closed */
    PARTITION_EVENT_TIMEOUT = 4,
    PARTITION_EVENT_ENDED = 5,     /* the child is over: nothing is left to do but to exit */
    PARTITION_EVENT_CRASH = 6,     /* the child's system reported its crash, which root has logged */
};

#define PARTITION_TIMEOUT_NONE UINT64_MAX

/* Answer one intercept and wait for the next: one call each. EINVAL: @answered_vp does not stand in
 * an intercept about which _NEXT has told. EBADF: @wake_fd is not open. EINVAL:
 * it is a partition. EBUSY: somebody else is in this call. */
struct partition_next {
    uint32_t answered_vp; /* PARTITION_NO_VP: none */
    uint32_t flags;       /* PARTITION_ANSWER_* */
    uint64_t rip;
    uint64_t rax;
    uint64_t timeout_ns;  /* 0: do not wait */
    int32_t wake_fd;      /* -1: none */
    uint32_t event;       /* out: PARTITION_EVENT_* */
    uint32_t vp;          /* out */
    uint32_t reserved;
    uint64_t eoi[4];      /* out: bit by vector */
};
ABI_SIZE(struct partition_next, 80);

/* The child is over, and this is why; the first reason counts. */
struct partition_end {
    uint32_t end;    /* VM_END_EXIT, _FAULT, _UNHANDLED, _FAILURE, _RESET, _POWER_OFF or _CRASH */
    uint32_t status; /* for VM_END_EXIT */
    char reason[PARTITION_REASON_SIZE];
};
ABI_SIZE(struct partition_end, 136);

#define PARTITION_IOCTL_INFO          IOCTL_MAKE(IOCTL_READ, 'p', 0, struct partition_info)
#define PARTITION_IOCTL_PORTS         IOCTL_MAKE(IOCTL_WRITE, 'p', 1, struct partition_ports)
#define PARTITION_IOCTL_REGISTERS_GET IOCTL_EXCHANGE('p', 2, struct partition_registers)
#define PARTITION_IOCTL_REGISTERS_SET IOCTL_MAKE(IOCTL_WRITE, 'p', 3, struct partition_registers)
#define PARTITION_IOCTL_TRANSLATE     IOCTL_EXCHANGE('p', 4, struct partition_translate)
#define PARTITION_IOCTL_INTERRUPT     IOCTL_MAKE(IOCTL_WRITE, 'p', 5, struct partition_interrupt)
/* First run: VP 0 with its registers, the others wait for INIT and SIPI. EBUSY: it ran already. */
#define PARTITION_IOCTL_RUN           IOCTL_PLAIN('p', 6)
/* Stop and continue all VPs; each is harmless a second time. An intercept stays to be answered. */
#define PARTITION_IOCTL_PAUSE         IOCTL_PLAIN('p', 7)
#define PARTITION_IOCTL_RESUME        IOCTL_PLAIN('p', 8)
#define PARTITION_IOCTL_NEXT          IOCTL_EXCHANGE('p', 9, struct partition_next)
#define PARTITION_IOCTL_END           IOCTL_MAKE(IOCTL_WRITE, 'p', 10, struct partition_end)

#endif
