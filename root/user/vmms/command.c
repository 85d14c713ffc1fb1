/* SPDX-License-Identifier: MIT */
/* vmms/command.c - what clients ask for: one word, and mostly the name of a child. */
#include <stdio.h>
#include <string.h>
#include "vmms/vmms.h"

static void list(struct client *client)
{
    struct child *c;

    client_print(client, "%-20s %-9s %4s %11s %9s  %s\n", "NAME", "STATE", "VPS", "MEMORY",
                 "RESTARTS", "LAST END");
    for (size_t i = 0; (c = child_at(i)) != NULL; i++)
        client_print(client, "%-20s %-9s %4u %7lu MiB %9u  %s\n", c->definition.name,
                     child_state_name(c), c->definition.vps,
                     (unsigned long)(c->definition.memory >> 20), c->restarts,
                     c->last_end[0] != '\0' ? c->last_end : "-");
    client_finish(client, true);
}

static void answer(struct client *client, const struct child *c, const char *wrong,
                   const char *done)
{
    if (wrong != NULL)
        client_print(client, "%s: %s\n", c->definition.name, wrong);
    else
        client_print(client, "%s: %s\n", c->definition.name, done);
    client_finish(client, wrong == NULL);
}

static void start(struct client *client, struct child *c)
{
    if (c->state == CHILD_OFF)
        c->history_first = c->history_count = 0;
    answer(client, c, child_start(c), "started");
}

static void stop(struct client *client, struct child *c)
{
    const char *wrong = c->stopper == NULL ? child_stop(c) : "somebody stops it already";

    if (wrong != NULL) {
        answer(client, c, wrong, NULL);
        return;
    }
    if (c->state == CHILD_OFF) {
        command_stopped(client, c);
        return;
    }
    c->stopper = client;
    client->stops = c;
}

void command_stopped(struct client *client, const struct child *c)
{
    answer(client, c, NULL, "stopped");
}

/* Its system is asked by the shell: here is only noted that it shall not start again. */
static void shutdown(struct client *client, struct child *c)
{
    const char *wrong = child_shutdown(c);

    if (wrong != NULL)
        answer(client, c, wrong, NULL);
    else
        client_finish(client, true);
}

static void no_shutdown(struct client *client, struct child *c)
{
    child_no_shutdown(c);
    client_finish(client, true);
}

static void link_up(struct client *client, struct child *c)
{
    bool now = false;
    const char *wrong = child_link(c, true, &now);

    answer(client, c, wrong, now ? "link up" : "link up when it starts");
}

static void link_down(struct client *client, struct child *c)
{
    bool now = false;
    const char *wrong = child_link(c, false, &now);

    answer(client, c, wrong, now ? "link down" : "link down when it starts");
}

static void reset(struct client *client, struct child *c)
{
    answer(client, c, child_reset(c), "reset");
}

static void pause(struct client *client, struct child *c)
{
    answer(client, c, child_pause(c, true), "paused");
}

static void resume(struct client *client, struct child *c)
{
    answer(client, c, child_pause(c, false), "resumed");
}

static void info(struct client *client, struct child *c)
{
    char text[DEFINITION_TEXT_MAX];
    size_t size = definition_print(&c->definition, text, sizeof(text));

    client_print(client, "# %s, %s", c->file, child_state_name(c));
    if (c->state != CHILD_OFF && c->state != CHILD_WAITING)
        client_print(client, ", worker %u", c->worker);
    client_print(client, "%s%s\n", c->last_end[0] != '\0' ? "; last: " : "", c->last_end);
    if (c->definition.network_count != 0)
        client_print(client, "# link %s\n", c->link_down ? "down" : "up");
    for (size_t at = 0; at < size; at += SERVICE_BYTES_MAX)
        client_send(client, SERVICE_TEXT, text + at,
                    size - at < SERVICE_BYTES_MAX ? size - at : SERVICE_BYTES_MAX);
    client_finish(client, true);
}

/* Where the first line begins that is wholly there. */
static size_t history_begin(const struct child *c)
{
    if (c->history_count < HISTORY_MAX)
        return 0;
    for (size_t i = 0; i < HISTORY_MAX; i++)
        if (c->history[(c->history_first + i) % HISTORY_MAX] == '\n')
            return i + 1;
    return 0;
}

static void send_history(struct client *client, const struct child *c)
{
    uint8_t bytes[SERVICE_BYTES_MAX];
    size_t n = 0;

    for (size_t i = history_begin(c); i < c->history_count; i++) {
        bytes[n++] = c->history[(c->history_first + i) % HISTORY_MAX];
        if (n == sizeof(bytes) || i + 1 == c->history_count) {
            client_send(client, SERVICE_OUTPUT, bytes, n);
            n = 0;
        }
    }
}

/* A child that is over: what it said, and why it ended. */
static void show_past(struct client *client, const struct child *c)
{
    send_history(client, c);
    client_print(client, "\r\n[%s does not run; last: %s]\r\n", c->definition.name, c->last_end);
    client_finish(client, true);
}

/* From now on the connection carries the bytes of COM1. What it said before is repeated. */
static void attach(struct client *client, struct child *c, bool repeat)
{
    if (c->state == CHILD_OFF && repeat && c->last_end[0] != '\0') {
        show_past(client, c);
        return;
    }
    if (c->state == CHILD_OFF || c->console != NULL) {
        answer(client, c, c->console != NULL ? "its console is in use" : "it does not run", NULL);
        return;
    }
    c->console = client;
    client->console = c;
    if (repeat)
        send_history(client, c);
}

static void console(struct client *client, struct child *c)
{
    attach(client, c, true);
}

/* For scripts: only what comes from now on. */
static void type(struct client *client, struct child *c)
{
    client->scripted = true;
    attach(client, c, false);
}

static const struct {
    const char *name;
    void (*run)(struct client *client, struct child *c);
} commands[] = {
    {"start", start},     {"stop", stop},   {"shutdown", shutdown}, {"no-shutdown", no_shutdown},
    {"reset", reset},     {"pause", pause}, {"resume", resume},     {"info", info},
    {"console", console}, {"type", type},   {"link-up", link_up},   {"link-down", link_down},
};

static void no_child(struct client *client, const char *name)
{
    char text[SERVICE_BYTES_MAX];
    int n = snprintf(text, sizeof(text), "no child is called %s; vm list\n", name);

    if (n > 0)
        client_send(client, SERVICE_NO_CHILD, text,
                    (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
    client_finish(client, false);
}

void command_run(struct client *client, char *text)
{
    char *name = strchr(text, ' ');
    struct child *c;

    if (strcmp(text, "list") == 0) {
        list(client);
        return;
    }
    if (name != NULL)
        *name++ = '\0';
    c = name != NULL ? child_find(name) : NULL;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, text) != 0)
            continue;
        if (c != NULL) {
            commands[i].run(client, c);
            return;
        }
        no_child(client, name != NULL ? name : "\"\"");
        return;
    }
    client_print(client, "the service knows no command %s\n", text);
    client_finish(client, false);
}
