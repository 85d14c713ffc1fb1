/* SPDX-License-Identifier: MIT */
/* vmms/child.c - children from their definitions to their ends; see vmms.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <rootabi/disk.h>
#include <rootabi/partition.h>
#include <rootabi/vm.h>
#include "lib/device.h"
#include "vmms/vmms.h"

#define FILES          "/boot"
#define SUFFIX         ".vm"
#define WORKER         "vmwp"
#define MIB            (1u << 20)
#define NS_PER_MS      1000000u
#define NAMES_STEP     64u
#define BYTES_PER_MBIT 125000u

enum { PACKETS_IN_A_ROW = 16 }; /* of one child, before it is the others' turn */

static struct {
    struct child *list[CHILDREN_MAX];
    size_t count;
    int vm; /* /dev/vm */
} children;

/* ---- definitions ---- */

struct names {
    char (*list)[DEFINITION_NAME_MAX];
    size_t count, room;
};

static struct names files, disks;

static void names_add(struct names *n, const char *name)
{
    if (strlen(name) >= DEFINITION_NAME_MAX) /* which is in no definition */
        return;
    if (n->count == n->room) {
        size_t room = n->room + NAMES_STEP;
        void *list = realloc(n->list, room * sizeof(*n->list));

        if (list == NULL) {
            fprintf(stderr, "vmms: no memory for the name %s: no child has it\n", name);
            return;
        }
        n->list = list;
        n->room = room;
    }
    memcpy(n->list[n->count++], name, strlen(name) + 1);
}

static void files_list(void)
{
    DIR *folder = opendir(FILES);
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            names_add(&files, entry->d_name);
    if (folder != NULL)
        closedir(folder);
}

static void disks_list(void)
{
    int file = open("/dev/disk", O_RDWR);
    struct disk_info info = {0};

    for (; file >= 0 && device_ioctl(file, DISK_IOCTL_INFO, &info) == 0; info.index++)
        names_add(&disks, info.name);
    if (file >= 0)
        close(file);
}

static const char *file_name(void *unused, size_t index)
{
    (void)unused;
    return index < files.count ? files.list[index] : NULL;
}

static const char *disk_name(void *unused, size_t index)
{
    (void)unused;
    return index < disks.count ? disks.list[index] : NULL;
}

static void say_wrong(void *context, unsigned line, const char *text)
{
    fprintf(stderr, "vmms: %s:%u: %s\n", (const char *)context, line, text);
}

/* The whole file, in memory that the caller frees; NULL: it cannot be read, which is said. */
static char *file_read(const char *name, size_t *size)
{
    char path[sizeof(FILES) + 1 + DEFINITION_NAME_MAX];
    char *text = malloc(DEFINITION_FILE_MAX + 1);
    ssize_t n = -1;
    int file;

    snprintf(path, sizeof(path), FILES "/%s", name);
    file = open(path, O_RDONLY);
    if (file >= 0 && text != NULL)
        n = read(file, text, DEFINITION_FILE_MAX + 1);
    if (n < 0)
        fprintf(stderr, "vmms: %s: %s\n", path, strerror(errno));
    if (file >= 0)
        close(file);
    if (n >= 0) {
        *size = (size_t)n;
        return text;
    }
    free(text);
    return NULL;
}

static bool parse(struct child *c, char *name)
{
    const struct definition_world world = {file_name, disk_name, NULL, FILES};
    size_t size = 0;
    char *text = file_read(name, &size);
    bool fine =
        text != NULL && definition_parse(&c->definition, text, size, &world, say_wrong, name);

    free(text);
    return fine;
}

static void define(char *name)
{
    struct child *c = calloc(1, sizeof(*c));

    if (c == NULL || children.count == CHILDREN_MAX) {
        fprintf(stderr, "vmms: %s: there is no room for another child\n", name);
        free(c);
        return;
    }
    if (!parse(c, name)) {
        free(c);
        return;
    }
    if (child_find(c->definition.name) != NULL) {
        fprintf(stderr, "vmms: %s: another file defines a child \"%s\"\n", name,
                c->definition.name);
        free(c);
        return;
    }
    c->partition = c->control = -1;
    snprintf(c->file, sizeof(c->file), "%s", name);
    children.list[children.count++] = c;
}

static bool has_suffix(const char *name)
{
    size_t n = strlen(name), suffix = strlen(SUFFIX);

    return n > suffix && strcmp(name + n - suffix, SUFFIX) == 0;
}

void children_load(void)
{
    children.vm = open("/dev/vm", O_RDWR);
    files_list();
    disks_list();
    for (size_t i = 0; i < files.count; i++)
        if (has_suffix(files.list[i]))
            define(files.list[i]);
    for (size_t i = 0; i < children.count; i++) {
        struct child *c = children.list[i];
        const char *wrong = c->definition.autostart ? child_start(c) : NULL;

        if (wrong != NULL)
            fprintf(stderr, "vmms: %s is not started: %s\n", c->definition.name, wrong);
    }
}

struct child *child_find(const char *name)
{
    for (size_t i = 0; i < children.count; i++)
        if (strcmp(children.list[i]->definition.name, name) == 0)
            return children.list[i];
    return NULL;
}

struct child *child_at(size_t index)
{
    return index < children.count ? children.list[index] : NULL;
}

const char *child_state_name(const struct child *c)
{
    static const char *const names[] = {
        [CHILD_OFF] = "off",       [CHILD_WAITING] = "waiting",   [CHILD_RUNNING] = "running",
        [CHILD_PAUSED] = "paused", [CHILD_STOPPING] = "stopping",
    };

    return names[c->state];
}

/* ---- the beginning ---- */

static const char *why(void)
{
    switch (errno) {
    case EEXIST:
        return "a child of that name runs already";
    case EBUSY:
        return "one of its disks is in use";
    case ENOENT:
        return "one of its disks or switches is not there";
    case ENOMEM:
        return "root has not so much memory";
    case ENOSPC:
        return "no processor has room for its reserve, or no switch for its card";
    case EADDRINUSE:
        return "another card has its card's address";
    case ENODEV:
    case EBADF:
        return "there is no hypervisor under root";
    default:
        return strerror(errno);
    }
}

static uint32_t part_of_processor(uint32_t percent)
{
    return (uint32_t)(VM_PROCESSOR * percent / 100);
}

static bool create(struct child *c)
{
    const struct definition *d = &c->definition;
    struct vm_create a = {
        .vp_count = d->vps,
        .memory_mib = (uint32_t)(d->memory / MIB),
        .weight = d->weight,
        .cap = d->cap < 100 ? part_of_processor(d->cap) : 0,
        .reserve = part_of_processor(d->reserve),
        .disk_count = d->disk_count,
        .network_count = d->network_count,
        .flags = c->link_down ? VM_CREATE_LINK_DOWN : 0,
    };

    snprintf(a.name, sizeof(a.name), "%s", d->name);
    for (uint32_t i = 0; i < d->disk_count; i++) {
        snprintf(a.disks[i].name, sizeof(a.disks[i].name), "%s", d->disks[i].name);
        a.disks[i].flags = d->disks[i].read_only ? VM_DISK_READ_ONLY : 0;
    }
    for (uint32_t i = 0; i < d->network_count; i++) {
        const struct definition_network *n = &d->networks[i];

        snprintf(a.networks[i].name, sizeof(a.networks[i].name), "%s", n->name);
        memcpy(a.networks[i].mac, n->address, sizeof(a.networks[i].mac));
        a.networks[i].vlan = n->vlan;
        a.networks[i].rate = (uint64_t)n->rate * BYTES_PER_MBIT;
    }
    if (device_ioctl(children.vm, VM_IOCTL_CREATE, &a) != 0)
        return false;
    c->partition = a.fd;
    return true;
}

static void name_file(struct vm_worker *a, const char *name)
{
    if (name[0] != '\0')
        snprintf(a->files[a->file_count++], sizeof(a->files[0]), "%s", name);
}

/* What the definition names: all that the worker is to see of /boot. */
static void name_files(struct vm_worker *a, const struct definition *d)
{
    _Static_assert((int)VM_WORKER_FILES_MAX == (int)DEFINITION_MODULES_MAX + 2 &&
                       (int)VM_NAME_SIZE == (int)DEFINITION_NAME_MAX,
                   "an image, an initial RAM disk, modules");
    name_file(a, d->image);
    name_file(a, d->initrd);
    for (uint32_t i = 0; i < d->module_count; i++)
        name_file(a, d->modules[i].file);
}

/* Its end of the control socket is the only one that is left. */
static bool start_worker(struct child *c)
{
    struct vm_worker a = {.partition_fd = c->partition, .module = WORKER};
    int pair[2];
    bool done;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        return false;
    a.control_fd = pair[1];
    name_files(&a, &c->definition);
    definition_print(&c->definition, a.argument, sizeof(a.argument));
    done = device_ioctl(children.vm, VM_IOCTL_WORKER, &a) == 0;
    close(pair[1]);
    if (!done) {
        close(pair[0]);
        return false;
    }
    c->control = pair[0];
    c->worker = a.process_id;
    return true;
}

static void release(struct child *c)
{
    if (c->control >= 0)
        close(c->control);
    if (c->partition >= 0)
        close(c->partition);
    c->control = c->partition = -1;
}

static uint64_t now_ns(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BACKOFF_NS_PER_S + (uint64_t)t.tv_nsec;
}

static const char *begin(struct child *c)
{
    uint64_t begun = now_ns();

    if (!create(c))
        return why();
    if (!start_worker(c)) {
        const char *wrong = errno == ENOENT ? "there is no boot module vmwp.elf" : strerror(errno);

        release(c);
        return wrong;
    }
    c->state = CHILD_RUNNING;
    c->wanted = true;
    c->shut_down = false;
    backoff_started(&c->backoff, begun, now_ns());
    return NULL;
}

/* Whoever is at its console waited for a start that does not come. */
static void wait_no_more(struct child *c)
{
    c->state = CHILD_OFF;
    if (c->console != NULL)
        client_finish(c->console, false);
}

const char *child_start(struct child *c)
{
    const char *wrong;

    if (c->state != CHILD_OFF && c->state != CHILD_WAITING)
        return "it runs already";
    c->backoff = (struct backoff){0};
    wrong = begin(c);
    if (wrong != NULL && c->state == CHILD_WAITING)
        wait_no_more(c);
    return wrong;
}

/* ---- while it runs ---- */

bool child_send(struct child *c, uint32_t type, const uint8_t *bytes, size_t count)
{
    struct service_packet packet = {.type = type};

    if (c->control < 0 || count > SERVICE_BYTES_MAX)
        return false;
    if (count != 0)
        memcpy(packet.bytes, bytes, count);
    return send(c->control, &packet, SERVICE_HEADER_SIZE + count, MSG_DONTWAIT) >= 0;
}

const char *child_pause(struct child *c, bool pause)
{
    uint32_t call = pause ? PARTITION_IOCTL_PAUSE : PARTITION_IOCTL_RESUME;

    if (c->state != (pause ? CHILD_RUNNING : CHILD_PAUSED))
        return pause ? "it does not run" : "it is not paused";
    if (device_ioctl(c->partition, call, NULL) != 0)
        return errno == ENODEV ? "it ends just now" : strerror(errno);
    c->state = pause ? CHILD_PAUSED : CHILD_RUNNING;
    return NULL;
}

const char *child_reset(struct child *c)
{
    struct partition_end a = {.end = VM_END_RESET, .reason = "it was reset"};

    if (c->state != CHILD_RUNNING && c->state != CHILD_PAUSED)
        return "it does not run";
    return device_ioctl(c->partition, PARTITION_IOCTL_END, &a) == 0 ? NULL : strerror(errno);
}

const char *child_shutdown(struct child *c)
{
    if (c->state != CHILD_RUNNING)
        return c->state == CHILD_PAUSED ? "it is paused" : "it does not run";
    c->shut_down = true;
    return NULL;
}

void child_no_shutdown(struct child *c)
{
    c->shut_down = false;
}

/* Whatever its state here is: it may have ended without that being known yet, or be on its way out
 * and have no cards any more. */
const char *child_link(struct child *c, bool up, bool *now)
{
    struct vm_link a = {.up = up};

    if (c->definition.network_count == 0)
        return "it has no network card";
    snprintf(a.name, sizeof(a.name), "%s", c->definition.name);
    *now = device_ioctl(children.vm, VM_IOCTL_LINK, &a) == 0;
    if (!*now && errno != ENOENT && errno != ENOTCONN && errno != EBUSY)
        return why();
    c->link_down = !up;
    return NULL;
}

const char *child_stop(struct child *c)
{
    struct vm_stop a = {{0}};

    if (c->state == CHILD_OFF)
        return "it does not run";
    c->wanted = false;
    if (c->state == CHILD_WAITING) {
        wait_no_more(c);
        return NULL;
    }
    snprintf(a.name, sizeof(a.name), "%s", c->definition.name);
    if (device_ioctl(children.vm, VM_IOCTL_STOP, &a) != 0)
        return strerror(errno);
    c->state = CHILD_STOPPING;
    return NULL;
}

static void history_add(struct child *c, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        c->history[(c->history_first + c->history_count) % HISTORY_MAX] = bytes[i];
        if (c->history_count < HISTORY_MAX)
            c->history_count++;
        else
            c->history_first = (c->history_first + 1) % HISTORY_MAX;
    }
}

static void output(struct child *c, const struct service_packet *packet, size_t size)
{
    size_t count = size - SERVICE_HEADER_SIZE;

    if (packet->type != SERVICE_OUTPUT)
        return;
    history_add(c, packet->bytes, count);
    if (c->console != NULL)
        client_send(c->console, SERVICE_OUTPUT, packet->bytes, count);
}

/* True: there may be more. */
static bool receive(struct child *c)
{
    struct service_packet packet;
    ssize_t n = recv(c->control, &packet, sizeof(packet), MSG_DONTWAIT);

    if (n >= SERVICE_HEADER_SIZE) {
        output(c, &packet, (size_t)n);
        return true;
    }
    if (n >= 0 || errno != EAGAIN) {
        close(c->control);
        c->control = -1;
    }
    return false;
}

void child_control_ready(struct child *c)
{
    for (unsigned i = 0; i < PACKETS_IN_A_ROW && receive(c); i++)
        ;
}

/* ---- the end ---- */

static bool ended_well(uint32_t end)
{
    return end == VM_END_EXIT || end == VM_END_POWER_OFF || end == VM_END_STOPPED;
}

static bool starts_again(const struct child *c, uint32_t end)
{
    if (!c->wanted || (c->shut_down && end == VM_END_POWER_OFF))
        return false;
    if (end == VM_END_RESET)
        return true;
    switch (c->definition.restart) {
    case DEFINITION_RESTART_ALWAYS:
        return true;
    case DEFINITION_RESTART_ON_CRASH:
        return !ended_well(end);
    default:
        return false;
    }
}

static bool start_again(struct child *c)
{
    const char *wrong = begin(c);

    c->restarts++;
    if (wrong != NULL)
        fprintf(stderr, "vmms: %s is not started again: %s\n", c->definition.name, wrong);
    return wrong == NULL;
}

/* At once, or in a while. False: it cannot be started. */
static bool start_again_in_time(struct child *c)
{
    uint64_t now = now_ns();

    c->again_ns = backoff_ended(&c->backoff, now);
    if (c->again_ns <= now)
        return start_again(c);
    c->state = CHILD_WAITING;
    return true;
}

int children_start_again(void)
{
    uint64_t next = UINT64_MAX, now = now_ns();

    for (size_t i = 0; i < children.count; i++) {
        struct child *c = children.list[i];

        if (c->state != CHILD_WAITING)
            continue;
        if (c->again_ns > now)
            next = c->again_ns < next ? c->again_ns : next;
        else if (!start_again(c))
            wait_no_more(c);
    }
    if (next == UINT64_MAX)
        return -1;
    return (int)((next - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void say_console(struct child *c, const char *fmt, const char *what)
{
    char line[256];
    int n = snprintf(line, sizeof(line), fmt, c->definition.name, what);

    if (c->console != NULL && n > 0)
        client_send(c->console, SERVICE_TEXT, line, (size_t)n);
}

static void say_end(struct child *c, bool again, uint32_t end)
{
    say_console(c,
                c->state == CHILD_WAITING ? "\r\n[%s: %s; it starts again in a while]\r\n"
                : again                   ? "\r\n[%s: %s; it starts again]\r\n"
                                          : "\r\n[%s: %s]\r\n",
                c->last_end);
    if (c->console != NULL && (!again || c->console->scripted))
        client_finish(c->console, ended_well(end));
    if (c->stopper != NULL)
        command_stopped(c->stopper, c);
}

/* The child is wholly over: its memory, disks and name are free again. */
void child_partition_ready(struct child *c)
{
    struct vm_wait a = {.timeout_ns = 1};
    bool again;

    while (c->control >= 0 && receive(c)) /* what its worker said last */
        ;
    snprintf(a.name, sizeof(a.name), "%s", c->definition.name);
    if (device_ioctl(children.vm, VM_IOCTL_WAIT, &a) != 0)
        snprintf(a.reason, sizeof(a.reason), "%s", strerror(errno));
    snprintf(c->last_end, sizeof(c->last_end), "%s", a.reason);
    release(c);
    c->state = CHILD_OFF;
    again = starts_again(c, a.end) && start_again_in_time(c);
    say_end(c, again, a.end);
}
