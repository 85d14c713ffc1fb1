/* SPDX-License-Identifier: MIT */
/* root/user/shell/vm.c - `vm`: children that vmms has definitions of. The shell connects to it anew for
 * each command; see vmms/service.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/console.h"
#include "shell/shell.h"
#include "vmms/service.h"

#define CONNECT_PATIENCE_NS 50000000ul

enum { CONNECT_ATTEMPTS = 200 };

int64_t service_send(int socket, uint32_t type, const void *bytes, size_t count)
{
    struct service_packet packet = {.type = type};

    if (count > sizeof(packet.bytes))
        return -EINVAL;
    memcpy(packet.bytes, bytes, count);
    return write(socket, &packet, SERVICE_HEADER_SIZE + count);
}

int64_t service_receive(int socket, struct service_packet *packet)
{
    int64_t n = read(socket, packet, sizeof(*packet));

    return n >= SERVICE_HEADER_SIZE ? n - SERVICE_HEADER_SIZE : -EIO;
}

int service_status(const struct service_packet *packet, int64_t count)
{
    uint32_t status = 1;

    if (count == sizeof(status))
        memcpy(&status, packet->bytes, sizeof(status));
    return status != 0;
}

static bool service_exists(void)
{
    char module[64];

    return module_find("vmms", module);
}

/* The service may just be starting: it is given time, unless there is none. */
static int64_t connect_service(void)
{
    int64_t socket = connect_to(SERVICE_SOCKET);

    for (unsigned i = 0; i < CONNECT_ATTEMPTS && socket == -ECONNREFUSED; i++) {
        if (!service_exists())
            break;
        sleep_ns(CONNECT_PATIENCE_NS);
        socket = connect_to(SERVICE_SOCKET);
    }
    return socket;
}

/* Ask for @command, of @name if that is not NULL. The connection, or a negative error number. */
static int64_t ask(const char *command, const char *name)
{
    char text[128];
    size_t n = rt_snprintf(text, sizeof(text), "%s%s%s", command, name != NULL ? " " : "",
                           name != NULL ? name : "");
    int64_t socket, result;

    if (n >= sizeof(text))
        return -EINVAL;
    socket = connect_service();
    if (socket < 0)
        return socket;
    result = service_send((int)socket, SERVICE_COMMAND, text, n);
    if (result < 0)
        close((int)socket);
    return result < 0 ? result : socket;
}

static int report_service(int64_t result)
{
    if (result == -ECONNREFUSED) {
        print("vm: the VM service does not run: is there a boot module vmms.elf?\n");
        return 1;
    }
    return report("vm", result);
}

/* Print what the service answers until it is done; its verdict. @unknown, unless NULL: whether it knows
 * no such child, which is not printed. */
static int take_answer(int socket, bool *unknown)
{
    struct service_packet packet;

    for (;;) {
        int64_t n = service_receive(socket, &packet);

        if (n < 0)
            return report("vm", n);
        if (packet.type == SERVICE_DONE)
            return service_status(&packet, n);
        if (packet.type == SERVICE_NO_CHILD && unknown != NULL)
            *unknown = true;
        else if (packet.type == SERVICE_TEXT || packet.type == SERVICE_NO_CHILD)
            write(STDOUT_FILE, packet.bytes, (size_t)n);
    }
}

static int simple(const char *command, const char *name)
{
    int64_t socket = ask(command, name);
    int status;

    if (socket < 0)
        return report_service(socket);
    status = take_answer((int)socket, NULL);
    close((int)socket);
    return status;
}

static int console(int argc, char **argv)
{
    const char *text = NULL;
    int64_t socket;
    int status;

    if (argc == 5 && strcmp(argv[3], "--exec") == 0) {
        text = argv[4];
    } else if (argc != 3) {
        print("vm: console NAME [--exec 'COMMANDS']\n");
        return 1;
    }
    socket = ask(text != NULL ? "type" : "console", argv[2]);
    if (socket < 0)
        return report_service(socket);
    status = text != NULL ? console_run((int)socket, text) : console_attach((int)socket);
    close((int)socket);
    return status;
}

/* The service takes note that it is wanted off, so that it is not started again, and forgets that if
 * its system was not asked, or does not want to. Without an answer it may still do it. */
static int shutdown(const char *name)
{
    int status = simple("shutdown", name);
    bool declined;

    if (status != 0)
        return status;
    status = integration_shutdown(name, &declined);
    if (declined)
        (void)simple("no-shutdown", name);
    return status;
}

static int link_of_toy(const char *name, const char *state)
{
    struct vm_link a = {.up = strcmp(state, "up") == 0};
    int64_t result = -ENOENT;

    if (rt_strlcpy(a.name, name, sizeof(a.name)) < sizeof(a.name))
        result = device_call(DEVICE_VM, VM_IOCTL_LINK, &a);
    switch (result) {
    case 0:
        print("%s: link %s\n", name, state);
        return 0;
    case -ENOENT:
        print("vm: no child that runs is called %s\n", name);
        return 1;
    case -ENOTCONN:
        print("%s: it has no network card\n", name);
        return 1;
    case -EBUSY:
        print("%s: it starts or ends just now\n", name);
        return 1;
    default:
        return report(name, result);
    }
}

/* Of a child that the service knows, its links are the service's, which starts it again with them as
 * they are. Toy guests it does not know. */
static int link(const char *name, const char *state)
{
    int64_t socket = ask(strcmp(state, "up") == 0 ? "link-up" : "link-down", name);
    bool unknown = false;
    int status;

    if (socket == -ECONNREFUSED && !service_exists())
        return link_of_toy(name, state);
    if (socket < 0)
        return report_service(socket);
    status = take_answer((int)socket, &unknown);
    close((int)socket);
    return unknown ? link_of_toy(name, state) : status;
}

static int of_child(const char *command, const char *name)
{
    int status;

    if (strcmp(command, "freeze") == 0)
        return integration_freeze(name);
    if (strcmp(command, "thaw") == 0)
        return integration_thaw(name);
    if (strcmp(command, "shutdown") == 0)
        return shutdown(name);
    status = simple(command, name);
    if (status == 0 && strcmp(command, "info") == 0)
        integration_info(name);
    return status;
}

static bool is_link(const char *state)
{
    return strcmp(state, "up") == 0 || strcmp(state, "down") == 0;
}

int command_vm(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return simple("list", NULL);
    if (argc >= 3 && strcmp(argv[1], "console") == 0)
        return console(argc, argv);
    if (argc >= 3 && strcmp(argv[1], "stats") == 0)
        return stats_watch(argv[2]);
    if (argc >= 4 && strcmp(argv[1], "keys") == 0)
        return integration_keys(argv[2], argc - 3, argv + 3);
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "set") == 0)
        return integration_set(argv[2], argv[3], argc == 5 ? argv[4] : NULL);
    if (argc == 4 && strcmp(argv[1], "link") == 0 && is_link(argv[3]))
        return link(argv[2], argv[3]);
    if (argc == 3)
        return of_child(argv[1], argv[2]);
    print("vm: %s\n", command_find("vm")->usage);
    return 1;
}
