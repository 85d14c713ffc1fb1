/* SPDX-License-Identifier: MIT */
/* root/user/shell/console.c - see console.h.
 *
 * Commands are typed between two marks that the child's shell prints, and that look different where
 * they are typed (a backslash is in them), so that its echo is not taken for them. Before, another
 * mark is asked for again and again: the child may still be starting, and then its driver drops a
 * part of what is typed. What is left of such a line must be a whole one: of a pair of quotes one
 * would be left, and the shell would wait for the other for good. */
#include "shell/console.h"

#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"

#define ESCAPE_KEY  0x1d /* Ctrl-] */
#define BREAK_KEY   0x1e /* Ctrl-^ */
#define TYPED_READY "echo @\\@ready\n"
#define TYPED_BEGIN "echo @\\@begin; "
#define TYPED_END   "; echo @\\@done $?\n"
#define READY       "@@ready"
#define BEGIN       "@@begin"
#define DONE        "@@done "

#define NS_PER_S 1000000000ull
#define READY_NS (600 * NS_PER_S) /* a big system may be starting */

enum { ASK_AGAIN_MS = 3000, LINE_MAX_BYTES = 1024 };

/* ---- interactive ---- */

/* One key, so that those behind the escape key, which ends it (false), are the shell's. */
static bool pass_key(int socket)
{
    char key;
    int64_t n = read(STDIN_FILE, &key, sizeof(key));

    if (n <= 0)
        return n == 0;
    if (key == ESCAPE_KEY)
        return false;
    if (key == BREAK_KEY)
        service_send(socket, SERVICE_BREAK, "", 0);
    else
        service_send(socket, SERVICE_INPUT, &key, sizeof(key));
    return true;
}

int console_attach(int socket)
{
    struct root_pollfd files[] = {{.fd = STDIN_FILE, .events = POLL_IN},
                                  {.fd = socket, .events = POLL_IN}};
    struct service_packet packet;

    print("(Ctrl-] leaves this console)\n");
    for (;;) {
        int64_t n = poll(files, 2, -1);

        if (n < 0)
            return report("vm", n);
        if (files[0].revents != 0 && !pass_key(socket)) {
            print("\n");
            return 0;
        }
        if (files[1].revents == 0)
            continue;
        n = service_receive(socket, &packet);
        if (n < 0)
            return report("vm", n);
        if (packet.type == SERVICE_DONE)
            return service_status(&packet, n);
        write(STDOUT_FILE, packet.bytes, (size_t)n);
    }
}

/* ---- by script ---- */

struct script {
    int socket;
    char line[LINE_MAX_BYTES];
    size_t length;
    bool ready; /* there is a shell */
    bool begun; /* the commands run: what comes is theirs */
    int status; /* -1: not done */
};

static const char *find(const char *text, const char *what)
{
    size_t n = strlen(what);

    for (; *text != '\0'; text++)
        if (strncmp(text, what, n) == 0)
            return text;
    return NULL;
}

/* Where it was typed, `echo` is before it, should the backslash have been lost on the way. */
static bool is_mark(const char *line, const char *mark)
{
    return find(line, mark) != NULL && find(line, "echo ") == NULL;
}

/* What stands before the second mark is output that did not end its line. */
static void last_line(struct script *s, const char *mark)
{
    uint64_t status;

    if (mark != s->line)
        print("%.*s\n", (int)(mark - s->line), s->line);
    s->status = !parse_number(mark + strlen(DONE), &status) || status != 0;
}

static void take_line(struct script *s)
{
    const char *mark;

    s->line[s->length] = '\0';
    s->length = 0;
    mark = find(s->line, DONE);
    if (s->begun && mark != NULL)
        last_line(s, mark);
    else if (s->begun)
        print("%s\n", s->line);
    else if (is_mark(s->line, BEGIN))
        s->begun = true;
    else if (is_mark(s->line, READY))
        s->ready = true;
}

static void take_bytes(struct script *s, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && s->status < 0; i++) {
        if (bytes[i] == '\n' || s->length == sizeof(s->line) - 1)
            take_line(s);
        else if (bytes[i] != '\r')
            s->line[s->length++] = (char)bytes[i];
    }
}

static void take_packet(struct script *s)
{
    struct service_packet packet;
    int64_t n = service_receive(s->socket, &packet);

    if (n < 0) {
        s->status = report("vm", n);
    } else if (packet.type == SERVICE_OUTPUT) {
        take_bytes(s, packet.bytes, (size_t)n);
    } else if (packet.type == SERVICE_DONE) {
        print("vm: the child ended before the commands were done\n");
        s->status = 1;
    } else {
        write(STDOUT_FILE, packet.bytes, (size_t)n);
    }
}

/* Take what comes within @patience_ms, or forever (-1), from the child or the keyboard. False:
 * nothing came. */
static bool take(struct script *s, int64_t patience_ms)
{
    struct root_pollfd files[] = {{.fd = STDIN_FILE, .events = POLL_IN},
                                  {.fd = s->socket, .events = POLL_IN}};
    int64_t n;

    if (interrupt_typed()) { /* also before poll() could have seen it */
        print("^C\nvm: no more of the child's console; what was typed there goes on\n");
        s->status = 1;
        return true;
    }
    n = poll(files, 2, patience_ms);
    if (n < 0)
        s->status = report("vm", n);
    else if (files[1].revents != 0)
        take_packet(s);
    return n != 0;
}

static bool waits_ready(const struct script *s, uint64_t deadline)
{
    return !s->ready && s->status < 0 && monotonic_ns() < deadline;
}

/* It is asked again when nothing comes for a while; but however much comes, there is a deadline. */
static bool wait_ready(struct script *s)
{
    uint64_t deadline = monotonic_ns() + READY_NS;

    while (waits_ready(s, deadline)) {
        service_send(s->socket, SERVICE_INPUT, TYPED_READY, sizeof(TYPED_READY) - 1);
        while (waits_ready(s, deadline) && take(s, ASK_AGAIN_MS))
            ;
    }
    if (!s->ready && s->status < 0)
        print("vm: no shell answers at the child's console\n");
    return s->ready;
}

int console_run(int socket, const char *text)
{
    struct script s = {.socket = socket, .status = -1};

    if (!wait_ready(&s))
        return 1;
    service_send(socket, SERVICE_INPUT, TYPED_BEGIN, sizeof(TYPED_BEGIN) - 1);
    service_send(socket, SERVICE_INPUT, text, strlen(text));
    service_send(socket, SERVICE_INPUT, TYPED_END, sizeof(TYPED_END) - 1);
    while (s.status < 0)
        take(&s, -1);
    return s.status;
}
