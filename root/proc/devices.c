/* SPDX-License-Identifier: MIT */
/* root/proc/devices.c - the list of device files, and the console. */
#include "io/console.h"
#include "proc/devices.h"
#include "proc/file.h"

static int64_t dev_console_read(char *buffer, size_t size)
{
    return (int64_t)console_read(buffer, size);
}

static bool dev_console_would_sleep(void)
{
    return !console_has_input();
}

static int64_t dev_console_write(const char *buffer, size_t size)
{
    console_write(buffer, size);
    return (int64_t)size;
}

static const struct device dev_console = {
    .path = "/dev/console",
    .read = dev_console_read,
    .would_sleep = dev_console_would_sleep,
    .write = dev_console_write,
};

const struct device *const file_devices[] = {&dev_console, &dev_root, &dev_vm, &dev_disk};
const uint32_t file_device_count = sizeof(file_devices) / sizeof(file_devices[0]);
