/* SPDX-License-Identifier: MIT */
/* bench_storage.c - what a read of the child's first disk costs, from submit to completion:
 *   bench: NAME instructions=N child=N hypervisor=N root=N exits=N.NN root_exits=N.NN REASON=N.NN
 * ... for one request, at random offsets. Each completion is taken by its interrupt, whose handler
 * writes EOI; while there is none this VP spins, so that the LP never idles. */
#include <rt/mem.h>
#include <x86/insn.h>

#include "bench.h"
#include "disk/disk.h"

#define DEPTH_MAX          32u
#define BYTES_MAX          (1u << 20)
#define MEMORY             ((uint64_t)8 * BYTES_MAX) /* of all buffers of a figure */
#define SEED               0x5eedull
#define SEQUENCE_INCREMENT 0x9e3779b97f4a7c15ull /* SplitMix64 */

struct disk disk; /* of disk/controller.c */

/* A figure: @count reads of @bytes, @depth of them at a time. */
struct reads {
    const char *name;
    uint32_t bytes, depth, count;
};

static const struct reads figures[] = {
    {"storvsc_read_4k_d1", 4096, 1, 512},
    {"storvsc_read_4k_d32", 4096, 32, 4096},
    {"storvsc_read_1m_d1", BYTES_MAX, 1, 16},
    {"storvsc_read_1m_d8", BYTES_MAX, 8, 48},
};

static struct {
    struct storvsc_request requests[DEPTH_MAX];
    struct storvsc_request *free[DEPTH_MAX];
    uint32_t free_count;
    uint64_t done;
    uint64_t random;
    uint8_t *memory;
    uint64_t *pages;
} run;

/* ---- reading ---- */

static uint64_t random_next(void)
{
    uint64_t z = run.random += SEQUENCE_INCREMENT;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void read_done(struct storvsc_request *r)
{
    if (!storvsc_succeeded(r) || r->transferred != r->length)
        controller_failed(r, 0);
    run.free[run.free_count++] = r;
    run.done++;
}

static void requests_prepare(const struct reads *f)
{
    run.free_count = 0;
    for (uint32_t i = 0; i < f->depth; i++) {
        struct storvsc_request *r = &run.requests[i];

        *r = (struct storvsc_request){.lun = disk.options.lun, .done = read_done};
        storvsc_data(r, run.pages + (uint64_t)i * f->bytes / HV_PAGE_SIZE, 0, f->bytes);
        run.free[run.free_count++] = r;
    }
}

/* Begin as many as may be under way; how many @left remain then. */
static uint64_t reads_submit(const struct reads *f, uint64_t left)
{
    uint64_t places = (disk_bytes() - f->bytes) / HV_PAGE_SIZE + 1, before = left;

    while (left != 0 && run.free_count != 0) {
        struct storvsc_request *r = run.free[run.free_count - 1];
        uint64_t at = random_next() % places * HV_PAGE_SIZE;

        storvsc_prepare_read(r, at / disk.sector_size, f->bytes / disk.sector_size);
        if (!storvsc_submit(&disk.storvsc.primary, r))
            break;
        run.free_count--;
        left--;
    }
    if (left != before)
        storvsc_flush(&disk.storvsc.primary);
    return left;
}

static void reads_run(const struct reads *f, uint64_t count)
{
    uint64_t left = count;

    run.done = 0;
    while (run.done != count) {
        left = reads_submit(f, left);
        insn_sti_nop_cli();
        if (!guest_bus_poll())
            insn_pause();
    }
}

static void work(const void *figure, uint64_t count, struct bench_cost *cost)
{
    (void)cost;
    reads_run(figure, count);
}

static void measure(const struct reads *f)
{
    struct bench_cost cost;

    requests_prepare(f);
    run.random = SEED;
    bench_measure(work, f, f->count, &cost);
    bench_report(f->name, &cost, f->count);
}

uint8_t bench_storage(void)
{
    char only[32] = "";

    (void)guest_arg_text(guest_command_line(), "only", only, sizeof(only));
    disk.depth = DEPTH_MAX;
    if (!guest_bus_connect() || !controller_open(1))
        return GUEST_EXIT_FAILED;
    if (disk_bytes() < BYTES_MAX) {
        guest_printf("bench: a disk of 1 MiB at least is needed\n");
        return GUEST_EXIT_USAGE;
    }
    bench_count();
    run.memory = guest_memory(MEMORY);
    run.pages = guest_page_numbers(run.memory, MEMORY / HV_PAGE_SIZE);
    for (unsigned i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        if (only[0] == '\0' || strcmp(only, figures[i].name) == 0)
            measure(&figures[i]);
    guest_bus_leave();
    return GUEST_EXIT_OK;
}
