/* SPDX-License-Identifier: MIT */
/* efi/config.h - boot.cfg: "key = value" lines, '#' comments.
 *
 * A comment begins at the start of a line or after white space. Unknown keys and bad values are
 * reported with their line, and boot goes on with the default. The keys are in docs/boot.md.
 * Rules: no allocation, no firmware calls; the text need not end with NUL and is not trusted. */
#ifndef EFI_CONFIG_H
#define EFI_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_PATH_MAX    128 /* bytes of a path, with its NUL */
#define CONFIG_MODULES_MAX 32
#define CONFIG_OPTIONS_MAX 16384 /* bytes of all options, with the NUL */

#define CONFIG_DEFAULT_ROOT "\\EFI\\verdigris\\root.elf"

enum config_launch {
    CONFIG_LAUNCH_AUTO = 0,
    CONFIG_LAUNCH_OFF = 1,
};

struct config {
    enum config_launch launch;
    char hypervisor[CONFIG_PATH_MAX]; /* empty: chosen by CPUID feature */
    char root[CONFIG_PATH_MAX];
    uint32_t module_count;
    char modules[CONFIG_MODULES_MAX][CONFIG_PATH_MAX];
    size_t options_length;
    char options[CONFIG_OPTIONS_MAX]; /* "key=value\n"..., NUL-terminated */
};

/* Told once for each line that is not taken as written. @line counts from 1; @text says what is
 * wrong and what is done instead. */
typedef void (*config_report)(void *context, unsigned line, const char *text);

/* What holds without a boot.cfg. */
void config_defaults(struct config *c);

/* Apply the @size bytes at @text to @c, which holds the defaults. */
void config_parse(struct config *c, const char *text, size_t size, config_report report,
                  void *context);

#endif
