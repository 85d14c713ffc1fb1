/* SPDX-License-Identifier: MIT */
/* efi/console.c - see efi/console.h. */
#include <stdbool.h>
#include "console.h"

#define CHUNK 80 /* characters that are sent at once */

struct console {
    SIMPLE_TEXT_OUTPUT_INTERFACE *screen;
    SERIAL_IO_INTERFACE *serial; /* NULL: the screen's text arrives there, or there is none */
};

struct chunk {
    CHAR16 wide[CHUNK + 1];
    char narrow[CHUNK];
    unsigned count;
};

static struct console console;

/* Does one of the @size bytes of device path nodes at @path name a UART? */
static bool path_has_uart(const uint8_t *path, UINTN size)
{
    UINTN at = 0;

    while (at + sizeof(EFI_DEVICE_PATH) <= size) {
        UINTN length = path[at + 2] | (UINTN)path[at + 3] << 8;

        if (path[at] == UEFI_PATH_MESSAGING && path[at + 1] == UEFI_PATH_UART)
            return true;
        if (length < sizeof(EFI_DEVICE_PATH))
            return false;
        at += length;
    }
    return false;
}

/* The variable ConOut lists the devices of the console (UEFI Specification 2.10, 3.3). */
static bool console_is_serial(EFI_SYSTEM_TABLE *table)
{
    static CHAR16 name[] = L"ConOut";
    static EFI_GUID global = EFI_GLOBAL_VARIABLE;
    uint8_t path[512];
    UINTN size = sizeof(path);
    UINT32 attributes;

    if (table->RuntimeServices->GetVariable(name, &global, &attributes, &size, path) != EFI_SUCCESS)
        return false;
    return path_has_uart(path, size);
}

void console_init(EFI_SYSTEM_TABLE *table)
{
    static EFI_GUID serial_guid = EFI_SERIAL_IO_PROTOCOL_GUID;
    void *serial = NULL;

    console.screen = table->ConOut;
    if (console_is_serial(table))
        return;
    if (table->BootServices->LocateProtocol(&serial_guid, NULL, &serial) == EFI_SUCCESS)
        console.serial = serial;
}

static void chunk_send(struct chunk *c)
{
    UINTN size = c->count;

    c->wide[c->count] = 0;
    if (console.screen != NULL)
        console.screen->OutputString(console.screen, c->wide);
    if (console.serial != NULL)
        console.serial->Write(console.serial, &size, c->narrow);
    c->count = 0;
}

static void chunk_put(struct chunk *c, char ch)
{
    c->wide[c->count] = (uint8_t)ch;
    c->narrow[c->count++] = ch;
    if (c->count == CHUNK)
        chunk_send(c);
}

static void console_sink(void *context, char ch)
{
    struct chunk *c = context;

    if (ch == '\n')
        chunk_put(c, '\r');
    chunk_put(c, ch);
}

void console_print(const char *fmt, ...)
{
    struct chunk c = {.count = 0};
    va_list ap;

    va_start(ap, fmt);
    rt_vformat(console_sink, &c, fmt, ap);
    va_end(ap);
    chunk_send(&c);
}
