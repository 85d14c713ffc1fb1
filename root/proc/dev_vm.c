/* SPDX-License-Identifier: MIT */
/* root/proc/dev_vm.c - /dev/vm: hands calls to whoever has registered; see rootabi/vm.h. */
#include <stddef.h>
#include <rootabi/errno.h>
#include "proc/devices.h"
#include "proc/process.h"
#include "vm/operations.h"

static const struct vm_operations *registered; /* [a] */

void vm_register(const struct vm_operations *operations)
{
    __atomic_store_n(&registered, operations, __ATOMIC_RELEASE);
}

static const struct vm_operations *operations(void)
{
    return __atomic_load_n(&registered, __ATOMIC_ACQUIRE);
}

/* A text that ring 3 has not ended is ended. */
#define TERMINATE(text) ((text)[sizeof(text) - 1] = '\0')

static int64_t vm_start(struct file *f, void *argument)
{
    struct vm_start *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    TERMINATE(a->module);
    TERMINATE(a->options);
    for (unsigned i = 0; i < VM_DISKS_MAX; i++)
        TERMINATE(a->disks[i].name);
    for (unsigned i = 0; i < VM_NETWORKS_MAX; i++)
        TERMINATE(a->networks[i].name);
    return o != NULL ? o->start(a) : -ENODEV;
}

static int64_t vm_stop(struct file *f, void *argument)
{
    struct vm_stop *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    return o != NULL ? o->stop(a) : -ENODEV;
}

static int64_t vm_wait(struct file *f, void *argument)
{
    struct vm_wait *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    return o != NULL ? o->wait(a) : -ENODEV;
}

static int64_t vm_partition(struct file *f, void *argument)
{
    const struct vm_operations *o = operations();

    (void)f;
    return o != NULL ? o->partition(argument) : -ENODEV;
}

static int64_t vm_vp(struct file *f, void *argument)
{
    const struct vm_operations *o = operations();

    (void)f;
    return o != NULL ? o->vp(argument) : -ENODEV;
}

static int64_t vm_statistic(struct file *f, void *argument)
{
    const struct vm_operations *o = operations();

    (void)f;
    return o != NULL ? o->statistic(argument) : -ENODEV;
}

static int64_t vm_hash(struct file *f, void *argument)
{
    struct vm_hash *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    return o != NULL ? o->hash(a) : -ENODEV;
}

static int64_t vm_lp(struct file *f, void *argument)
{
    const struct vm_operations *o = operations();

    (void)f;
    return o != NULL ? o->lp(argument) : -ENODEV;
}

static int64_t vm_channel(struct file *f, void *argument)
{
    const struct vm_operations *o = operations();

    (void)f;
    return o != NULL ? o->channel(argument) : -ENODEV;
}

static int64_t vm_ask(struct file *f, void *argument)
{
    struct vm_ask *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    TERMINATE(a->key);
    TERMINATE(a->value);
    return o != NULL ? o->ask(a) : -ENODEV;
}

static int64_t vm_integration(struct file *f, void *argument)
{
    struct vm_integration *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    return o != NULL ? o->integration(a) : -ENODEV;
}

static int64_t vm_item(struct file *f, void *argument)
{
    struct vm_item *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    return o != NULL ? o->item(a) : -ENODEV;
}

static int64_t vm_keys(struct file *f, void *argument)
{
    struct vm_keys *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    return o != NULL ? o->keys(a) : -ENODEV;
}

static int64_t vm_link(struct file *f, void *argument)
{
    struct vm_link *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->name);
    return o != NULL ? o->link(a) : -ENODEV;
}

/* The file goes to the caller; without a descriptor for it the child ends with it. */
static int64_t vm_create(struct file *f, void *argument)
{
    struct vm_create *a = argument;
    const struct vm_operations *o = operations();
    struct file *partition;
    int64_t result;

    (void)f;
    TERMINATE(a->name);
    for (unsigned i = 0; i < VM_DISKS_MAX; i++)
        TERMINATE(a->disks[i].name);
    for (unsigned i = 0; i < VM_NETWORKS_MAX; i++)
        TERMINATE(a->networks[i].name);
    result = o != NULL ? o->create(a, &partition) : -ENODEV;
    if (result != 0)
        return result;
    result = file_install(&process_current()->files, partition);
    if (result < 0) {
        file_put(partition);
        return result;
    }
    a->fd = (int32_t)result;
    return 0;
}

/* With @control, if it is one, which is given back. */
static int64_t start_worker(struct vm_worker *a, const struct vm_operations *o,
                            struct file *control)
{
    struct file *partition = file_of(&process_current()->files, (uint32_t)a->partition_fd);
    int64_t result = -EBADF;

    if (partition != NULL && (a->control_fd < 0 || control != NULL))
        result = o->worker(partition, control, a);
    file_put(partition);
    file_put(control);
    return result;
}

static int64_t vm_worker(struct file *f, void *argument)
{
    struct vm_worker *a = argument;
    const struct vm_operations *o = operations();

    (void)f;
    TERMINATE(a->module);
    TERMINATE(a->argument);
    for (unsigned i = 0; i < VM_WORKER_FILES_MAX; i++)
        TERMINATE(a->files[i]);
    if (o == NULL)
        return -ENODEV;
    return start_worker(
        a, o, a->control_fd >= 0 ? file_of(&process_current()->files, (uint32_t)a->control_fd) : NULL);
}

static const struct file_ioctl ioctls[] = {
    {VM_IOCTL_START, vm_start},         {VM_IOCTL_STOP, vm_stop}, {VM_IOCTL_WAIT, vm_wait},
    {VM_IOCTL_PARTITION, vm_partition}, {VM_IOCTL_VP, vm_vp},     {VM_IOCTL_STATISTIC, vm_statistic},
    {VM_IOCTL_HASH, vm_hash},           {VM_IOCTL_LP, vm_lp},
    {VM_IOCTL_CHANNEL, vm_channel},     {VM_IOCTL_CREATE, vm_create},
    {VM_IOCTL_WORKER, vm_worker},       {VM_IOCTL_ASK, vm_ask},
    {VM_IOCTL_INTEGRATION, vm_integration}, {VM_IOCTL_ITEM, vm_item},
    {VM_IOCTL_KEYS, vm_keys},           {VM_IOCTL_LINK, vm_link},
};

const struct file_operations dev_vm = {
    .name = "/dev/vm",
    .ioctls = ioctls,
    .ioctl_count = sizeof(ioctls) / sizeof(ioctls[0]),
};
