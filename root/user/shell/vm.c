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

/* The service may just be starting: it is given time, unless there is none. */
static int64_t connect_service(void)
{
    char module[64];
    int64_t socket = connect_to(SERVICE_SOCKET);

    for (unsigned i = 0; i < CONNECT_ATTEMPTS && socket == -ECONNREFUSED; i++) {
        if (!module_find("vmms", module))
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

/* Print what the service answers until it is done, unless @quiet; its verdict. */
static int take_answer(int socket, bool quiet)
{
    struct service_packet packet;

    for (;;) {
        int64_t n = service_receive(socket, &packet);

        if (n < 0)
            return quiet ? 1 : report("vm", n);
        if (packet.type == SERVICE_DONE)
            return service_status(&packet, n);
        if (packet.type == SERVICE_TEXT && !quiet)
            write(STDOUT_FILE, packet.bytes, (size_t)n);
    }
}

static int simple(const char *command, const char *name)
{
    int64_t socket = ask(command, name);
    int status;

    if (socket < 0)
        return report_service(socket);
    status = take_answer((int)socket, false);
    close((int)socket);
    return status;
}

/* Whether the service does it, without a word. */
static bool done_quietly(const char *command, const char *name)
{
    int64_t socket = ask(command, name);
    int status;

    if (socket < 0)
        return false;
    status = take_answer((int)socket, true);
    close((int)socket);
    return status == 0;
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

/* The service takes note for the next start of a child that it knows; toy guests it does not. First,
 * so that one that starts again meanwhile has its links as they shall be. */
static int link(const char *name, const char *state)
{
    struct vm_link a = {.up = strcmp(state, "up") == 0};
    bool noted = done_quietly(a.up != 0 ? "link-up" : "link-down", name);
    int64_t result = -ENOENT;

    if (rt_strlcpy(a.name, name, sizeof(a.name)) < sizeof(a.name))
        result = device_call(DEVICE_VM, VM_IOCTL_LINK, &a);
    switch (result) {
    case 0:
        print("%s: link %s\n", name, state);
        return 0;
    case -ENOENT:
        if (noted)
            print("%s: link %s when it starts\n", name, state);
        else
            print("vm: no child that runs is called %s\n", name);
        return !noted;
    case -ENOTCONN:
        print("%s: it has no network card\n", name);
        return 1;
    default:
        return report(name, result);
    }
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
    print("vm: list | start|stop|shutdown|reset|pause|resume|freeze|thaw|info|stats NAME | "
          "set NAME KEY [VALUE] | link NAME up|down | keys NAME TEXT|--enter... | "
          "console NAME [--exec 'COMMANDS']\n");
    return 1;
}
