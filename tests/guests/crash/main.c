/* SPDX-License-Identifier: MIT */
/* main.c - the crash guest: attack=NAME selects one. It prints "crash: NAME starts" first, and
 * "crash: NAME ok" if it ends and everything was contained as it should be. forever=1 repeats an
 * attack that ends, as long as all is well. */
#include <rt/mem.h>

#include "crash.h"

static const struct attack {
    const char *name;
    uint8_t (*run)(const struct guest_boot *boot);
} attacks[] = {
    {"triple", attack_triple},         {"cpuidloop", attack_cpuidloop},
    {"pauseloop", attack_pauseloop},   {"debugloop", attack_debugloop},
    {"debugstack", attack_debugstack}, {"acloop", attack_acloop},
    {"haltoff", attack_haltoff},       {"svm", attack_svm},
    {"longinsns", attack_longinsns},   {"nomem", attack_nomem},
    {"stringio", attack_stringio},     {"ring3", attack_ring3},
    {"badcalls", attack_badcalls},     {"doublefetch", attack_doublefetch},
    {"overlays", attack_overlays},     {"pagerace", attack_pagerace},
    {"msgflood", attack_msgflood},     {"eventflood", attack_eventflood},
    {"eomflood", attack_eomflood},     {"ipiflood", attack_ipiflood},
    {"flushflood", attack_flushflood}, {"clusterflood", attack_clusterflood},
    {"nmiflood", attack_nmiflood},     {"initflood", attack_initflood},
    {"timerflood", attack_timerflood}, {"reportflood", attack_reportflood},
    {"printflood", attack_printflood}, {"consoleflood", attack_consoleflood},
    {"portflood", attack_portflood},   {"msrsweep", attack_msrsweep},
    {"portsweep", attack_portsweep},
};

#define ATTACK_COUNT (sizeof attacks / sizeof attacks[0])

bool crash_expect(const char *what, uint64_t detail, uint64_t got, uint64_t wanted)
{
    if (got == wanted)
        return true;
    guest_printf("crash: %s %#llx: got %#llx, wanted %#llx\n", what, (unsigned long long)detail,
                 (unsigned long long)got, (unsigned long long)wanted);
    return false;
}

static const struct attack *attack_find(const char *name)
{
    for (size_t i = 0; i < ATTACK_COUNT; i++)
        if (strcmp(attacks[i].name, name) == 0)
            return &attacks[i];
    return NULL;
}

uint8_t guest_main(const struct guest_boot *boot)
{
    const struct attack *attack = NULL;
    char name[16]; /* of an attack */
    uint8_t code;

    if (guest_arg_text(guest_command_line(), "attack", name, sizeof name))
        attack = attack_find(name);
    if (!attack) {
        guest_printf("crash: no such attack\n");
        return GUEST_EXIT_USAGE;
    }
    guest_printf("crash: %s starts\n", attack->name);
    do
        code = attack->run(boot);
    while (code == GUEST_EXIT_OK && guest_arg_number(guest_command_line(), "forever", 0));
    if (code == GUEST_EXIT_OK)
        guest_printf("crash: %s ok\n", attack->name);
    return code;
}
