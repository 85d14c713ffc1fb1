/* SPDX-License-Identifier: MIT */
/* rootabi/vm.h - /dev/vm: child partitions, as the shell starts, watches and ends them.
 * Every call gives ENODEV where no hypervisor is underneath. Lists are read by index from 0 until
 * ENOENT; they may change between two calls. */
#ifndef ROOTABI_VM_H
#define ROOTABI_VM_H

#include <rootabi/ioctl.h>

enum { VM_NAME_SIZE = 64, VM_OPTIONS_SIZE = 512 };

enum { VM_DISKS_MAX = 8, VM_NETWORKS_MAX = 4, VM_WORKER_FILES_MAX = 10 };
enum { VM_PROCESSOR = 0x10000 }; /* all of one, in the unit of caps and reserves */
#define VM_DISK_READ_ONLY 1u
#define VM_START_ECHO     1u

enum { VM_MEMORY_MAX_MIB = 1 << 20 }; /* of any child */

/* A disk of root's, or a partition of one, that a child gets. */
struct vm_disk {
    char name[16];
    uint32_t flags; /* VM_DISK_* */
    uint32_t reserved;
};
ABI_SIZE(struct vm_disk, 24);

/* A network card that a child gets: a port of a switch of root's. */
struct vm_network {
    char name[16];  /* the switch; ENOENT: there is none */
    uint8_t mac[6]; /* its address; all 0: root makes one; EADDRINUSE: another port has it */
    uint16_t vlan;  /* 0: that of frames without a tag */
    uint64_t rate;  /* bytes a second that it may send; 0: as many as it likes */
};
ABI_SIZE(struct vm_network, 32);

/* Make, fill and run a child from a boot module. ENOSPC: as of vm_create. */
struct vm_start {
    char name[VM_NAME_SIZE];       /* the child's; EEXIST: in use */
    char module[VM_NAME_SIZE];     /* the boot module to run; ENOENT: there is none */
    char options[VM_OPTIONS_SIZE]; /* words "key=value", separated by blanks, for the child */
    uint32_t vp_count;             /* 0: one */
    uint32_t memory_mib;           /* 0: the default */
    uint32_t weight;               /* of its VPs, 1 to 10000; 0: the default */
    uint32_t disk_count;
    uint64_t partition_id;         /* out */
    uint64_t privileges;           /* HV_PRIVILEGE_* beyond those of every child */
    uint32_t flags;                /* VM_START_*: _ECHO: with an echo device */
    uint32_t cap, reserve;         /* as in struct vm_create */
    uint32_t network_count;
    struct vm_disk disks[VM_DISKS_MAX]; /* LUNs of one SCSI controller; EBUSY: one is in use */
    struct vm_network networks[VM_NETWORKS_MAX];
};
ABI_SIZE(struct vm_start, 1008);

/* Make a partition with a VMBus, to be filled and run through the file @fd, which the caller gets
 * (rootabi/partition.h). EEXIST: the name is in use. EINVAL: a value is out of its range. ENOSPC: no
 * processor has room for its reserve, or no switch for its port. ENOENT, EBUSY: of a disk; ENOENT,
 * EADDRINUSE: of a card. ENOMEM: root has not so much memory. The child ends when the last copy of
 * the file is closed.
 */
struct vm_create {
    char name[VM_NAME_SIZE];
    uint32_t vp_count;     /* 0: one */
    uint32_t memory_mib;   /* 0: the default; rounded down to an even number */
    uint32_t weight;       /* of its VPs, 1 to 10000; 0: the default */
    uint32_t cap;          /* at most for each VP, of VM_PROCESSOR; 0: none */
    uint32_t reserve;      /* at least, the same, and no more than that; 0: none */
    uint32_t disk_count;
    uint32_t flags;        /* VM_CREATE_* */
    int32_t fd;            /* out */
    uint64_t partition_id; /* out */
    struct vm_disk disks[VM_DISKS_MAX];
    uint32_t network_count;
    uint32_t reserved;
    struct vm_network networks[VM_NETWORKS_MAX];
};
ABI_SIZE(struct vm_create, 432);
#define VM_CREATE_ECHO      1u /* with an echo device */
#define VM_CREATE_LINK_DOWN 2u /* the links of its cards are down at first: VM_IOCTL_LINK */

/* Start the program in boot module @module (or @module.elf) with the arguments {@module, @argument},
 * a console of its own as files 0 to 2 (it can be
 * written; its lines are in root's log), the partition as PARTITION_FD and @control_fd as
 * PARTITION_CONTROL_FD. The caller keeps both files. Of /boot the worker can open the @files alone. EBUSY:
 * the partition has a worker, or had one. ENOENT: no such module, or one of the files. EINVAL: too many
 * of them. EBADF: not a partition, or not open. ENOEXEC: the module is no program. */
struct vm_worker {
    int32_t partition_fd;
    int32_t control_fd; /* -1: none */
    uint32_t process_id; /* out */
    uint32_t file_count;
    char module[VM_NAME_SIZE];
    char argument[4096];
    char files[VM_WORKER_FILES_MAX][VM_NAME_SIZE]; /* names of boot modules */
};
ABI_SIZE(struct vm_worker, 4816);

struct vm_stop {
    char name[VM_NAME_SIZE]; /* ENOENT: no such child */
};
ABI_SIZE(struct vm_stop, 64);

/* Why a child is no longer running. */
enum {
    VM_END_NONE = 0,        /* it runs */
    VM_END_EXIT = 1,        /* it ended itself; status is its own */
    VM_END_STOPPED = 2,     /* by VM_IOCTL_STOP */
    VM_END_FAULT = 3,       /* a fault that it did not survive (triple fault) */
    VM_END_UNHANDLED = 4,   /* it did what root has no answer for */
    VM_END_FAILURE = 5,     /* root, its worker or the hypervisor failed it */
    VM_END_RESET = 6,       /* it asked to be started anew */
    VM_END_POWER_OFF = 7,   /* it switched itself off */
    VM_END_CRASH = 8,       /* its system reported its own crash */
};

/* Sleep until the child ends. */
struct vm_wait {
    char name[VM_NAME_SIZE];  /* ENOENT: no such child, now or recently */
    uint64_t timeout_ns;      /* 0: none; ETIMEDOUT: it has passed */
    uint32_t end;             /* out: VM_END_* */
    uint32_t status;          /* out: for VM_END_EXIT */
    char reason[128];         /* out: for people */
};
ABI_SIZE(struct vm_wait, 208);

struct vm_partition {
    uint32_t index; /* in */
    uint32_t vp_count;
    uint64_t id;
    char name[VM_NAME_SIZE];
    char state[16]; /* for people */
    uint64_t memory_bytes;
    uint64_t deposited_pages;
    uint32_t end; /* VM_END_* */
    uint32_t reserved;
};
ABI_SIZE(struct vm_partition, 120);

struct vm_vp {
    uint32_t index; /* in: over all partitions */
    uint32_t vp_index;
    uint64_t partition_id;
    char partition[VM_NAME_SIZE];
    uint32_t lp; /* where it ran last; UINT32_MAX: not known */
    uint32_t suspended; /* explicitly (HvRegisterExplicitSuspend) */
    char state[16];
    uint64_t run_ns;
    uint64_t exits;
};
ABI_SIZE(struct vm_vp, 120);

/* Counters of any kind, as names and values. */
struct vm_statistic {
    uint32_t index; /* in */
    uint32_t reserved;
    char name[56]; /* "hypervisor.partitions", "hello.0.exits.cpuid" */
    uint64_t value;
};
ABI_SIZE(struct vm_statistic, 72);

/* SHA-256 of a child's memory, while it runs. */
struct vm_hash {
    char name[VM_NAME_SIZE]; /* in; ENOENT: no such child */
    uint64_t bytes;
    uint8_t sha256[32];
};
ABI_SIZE(struct vm_hash, 104);

/* A channel of a child's VMBus, and what has passed through it since it was opened. */
struct vm_channel {
    uint32_t index; /* in: over all children */
    uint32_t relid;
    char partition[VM_NAME_SIZE];
    char provider[16];
    char state[16];
    uint32_t sub_channel; /* 0: the primary */
    uint32_t target_vp;
    uint64_t packets_in, bytes_in, batches_in;
    uint64_t packets_out, bytes_out, signals_out;
    uint64_t full; /* times that the ring to the child had no room */
    uint64_t requests, reads, writes, read_bytes, written_bytes, errors;
    uint32_t under_way; /* requests */
    uint32_t flags;     /* VM_CHANNEL_* */
};
ABI_SIZE(struct vm_channel, 224);
#define VM_CHANNEL_LINK_DOWN 1u /* of a network card's primary: the operator has its link down */

/* What the system in a child can be asked by its integration services (docs/integration.md). */
enum {
    VM_ASK_POWER_OFF = 0, /* cleanly; done: it will */
    VM_ASK_FREEZE = 1,    /* writes to its file systems wait from now on */
    VM_ASK_THAW = 2,
    VM_ASK_SET = 3,     /* a key has this value; printable ASCII */
    VM_ASK_REFRESH = 4, /* to tell of itself anew: VM_IOCTL_ITEM */
    VM_ASKS = 5,
};
#define VM_ASK_DELETE 1u /* of VM_ASK_SET: the key has no value any more */

enum { VM_KEY_SIZE = 64, VM_VALUE_SIZE = 256 };

/* Begin to ask; what becomes of it: struct vm_integration. ENOENT: no such child. ENOTCONN: no system in it
 * has such a service. EBUSY: such a request is under way; or to power off, or freeze, what is frozen.
 * EINVAL: no such request, or key or value are none. */
struct vm_ask {
    char name[VM_NAME_SIZE];
    uint32_t what; /* VM_ASK_* */
    uint32_t flags;
    char key[VM_KEY_SIZE];
    char value[VM_VALUE_SIZE];
};
ABI_SIZE(struct vm_ask, 392);

/* vm_service.state */
enum {
    VM_SERVICE_CLOSED = 0, /* there is no driver for it in the child */
    VM_SERVICE_OPEN = 1,   /* there is, but it has not said which version it takes */
    VM_SERVICE_READY = 2,
    VM_SERVICE_REFUSED = 3, /* it has no version in common with root */
};
/* vm_integration.services */
enum { VM_SERVICE_HEARTBEAT, VM_SERVICE_SHUTDOWN, VM_SERVICE_TIME, VM_SERVICE_KVP, VM_SERVICE_VSS,
       VM_SERVICES };
/* vm_asked.outcome */
enum {
    VM_ASK_NONE = 0,
    VM_ASK_PENDING = 1,
    VM_ASK_DONE = 2,
    VM_ASK_FAILED = 3, /* the child says so: status */
    VM_ASK_TIMED_OUT = 4,
    VM_ASK_GONE = 5, /* its system went away meanwhile */
};

struct vm_service {
    uint32_t state; /* VM_SERVICE_* */
    uint16_t major, minor;
    uint64_t asked, answered;
    uint64_t unasked, malformed, late;
};
ABI_SIZE(struct vm_service, 48);

struct vm_asked {
    uint32_t outcome;
    uint32_t status;
};
ABI_SIZE(struct vm_asked, 8);

/* How it is with them. ENOENT: no such child. ENOTCONN: it is offered none. */
struct vm_integration {
    char name[VM_NAME_SIZE]; /* in */
    struct vm_service services[VM_SERVICES];
    struct vm_asked asks[VM_ASKS];
    uint64_t heartbeat_ns; /* since it was last answered; UINT64_MAX: never */
    uint64_t wall_ns;      /* root's clock, since 1970, and at the same moment ... */
    uint64_t reference_ns; /* ... the child's reference time; 0, 0: not known */
    uint32_t frozen;
    uint32_t item_count;
};
ABI_SIZE(struct vm_integration, 376);

/* What a child has told of itself, printable: by index until ENOENT. */
struct vm_item {
    char name[VM_NAME_SIZE]; /* in */
    uint32_t index;          /* in */
    uint32_t pool;           /* 1: told by people or programs there, 2: by the system itself */
    char key[VM_KEY_SIZE];
    char value[VM_VALUE_SIZE];
};
ABI_SIZE(struct vm_item, 392);

/* Keys of a child's keyboard, pressed and let go: all or none. ENOENT: no such child. ENOTCONN: no
 * system in it has a driver for its keyboard. EAGAIN: it takes no keys. EINVAL: too many, or wrong flags. */
enum { VM_KEYS_MAX = 64 };
#define VM_KEY_BREAK 2u /* let go */
#define VM_KEY_E0    4u /* the code has this prefix */
struct vm_key {
    uint16_t code; /* of set 1 */
    uint16_t flags;
};
ABI_SIZE(struct vm_key, 4);
struct vm_keys {
    char name[VM_NAME_SIZE];
    uint32_t count;
    struct vm_key keys[VM_KEYS_MAX];
};
ABI_SIZE(struct vm_keys, 324);

/* The links of all network cards of a child are up or down from now on. While they are down no
 * frame passes, either way. ENOENT: no such child. ENOTCONN: it has no card. EBUSY: it is starting
 * or ending. EINVAL: neither up nor down. */
struct vm_link {
    char name[VM_NAME_SIZE];
    uint32_t up; /* 1; 0: down */
};
ABI_SIZE(struct vm_link, 68);

/* How long a logical processor has run VPs of root and of children, as the hypervisor accounts. */
struct vm_lp {
    uint32_t index; /* in */
    uint32_t reserved;
    uint64_t root_ns;
    uint64_t children_ns;
};
ABI_SIZE(struct vm_lp, 24);

#define VM_IOCTL_START     IOCTL_EXCHANGE('v', 0, struct vm_start)
#define VM_IOCTL_STOP      IOCTL_EXCHANGE('v', 1, struct vm_stop)
#define VM_IOCTL_WAIT      IOCTL_EXCHANGE('v', 2, struct vm_wait)
#define VM_IOCTL_PARTITION IOCTL_EXCHANGE('v', 3, struct vm_partition)
#define VM_IOCTL_VP        IOCTL_EXCHANGE('v', 4, struct vm_vp)
#define VM_IOCTL_STATISTIC IOCTL_EXCHANGE('v', 5, struct vm_statistic)
#define VM_IOCTL_HASH      IOCTL_EXCHANGE('v', 6, struct vm_hash)
#define VM_IOCTL_LP        IOCTL_EXCHANGE('v', 7, struct vm_lp)
#define VM_IOCTL_CHANNEL   IOCTL_EXCHANGE('v', 8, struct vm_channel)
#define VM_IOCTL_CREATE    IOCTL_EXCHANGE('v', 9, struct vm_create)
#define VM_IOCTL_WORKER    IOCTL_EXCHANGE('v', 10, struct vm_worker)
#define VM_IOCTL_ASK       IOCTL_EXCHANGE('v', 11, struct vm_ask)
#define VM_IOCTL_INTEGRATION IOCTL_EXCHANGE('v', 12, struct vm_integration)
#define VM_IOCTL_ITEM      IOCTL_EXCHANGE('v', 13, struct vm_item)
#define VM_IOCTL_KEYS      IOCTL_EXCHANGE('v', 14, struct vm_keys)
#define VM_IOCTL_LINK      IOCTL_EXCHANGE('v', 15, struct vm_link)

#endif
