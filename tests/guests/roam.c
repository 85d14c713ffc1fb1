/* SPDX-License-Identifier: MIT */
/* roam.c - an echo device's channel that goes from VP to VP while packets are under way: VP 0 has
 * it moved each time that some have come back. Arguments: packets=N (6000), turn=N (100). Prints
 * "roam: VP <i> took <n> packets" for each VP, and "roam: <n> packets came back, <n> turns". */
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <rt/mem.h>
#include <vspabi/echo.h>
#include <x86/insn.h>

#include "bus.h"

#define RING_PAGES 1u
#define WINDOW     32u /* packets under way */
#define VPS_MAX    32u

static struct {
    struct guest_ticket_lock lock;
    struct vmbus_channel *channel; /* under the lock; NULL: it is being closed */
    uint64_t sent, received;       /* under the lock; transactions are 1, 2, ... */
    uint64_t packets, turn;
    uint64_t taken[VPS_MAX]; /* by VP */
    uint64_t buffer[(ECHO_BYTES_MAX + 64) / 8];
    const char *wrong;
    uint32_t joined; /* [a] VPs whose SynIC is on */
} roam;

/* ---- any VP ---- */

static bool packet_send(uint64_t n)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = n,
                             .payload = &n,
                             .length = sizeof(n)};

    return vmbus_channel_send(roam.channel, &p) == VMBUS_RING_OK;
}

static void packet_take(const struct vmbus_packet *p)
{
    uint64_t n = __atomic_add_fetch(&roam.received, 1, __ATOMIC_RELEASE);

    roam.taken[guest_cpu_this()->index]++;
    if (p->type != VMBUS_PACKET_COMPLETION || p->transaction != n || p->length != sizeof(n) ||
        memcmp(p->payload, &n, sizeof(n)) != 0)
        roam.wrong = "a packet came back changed";
}

static void channel_use_locked(void)
{
    enum vmbus_ring_status status;
    struct vmbus_packet p;

    do {
        vmbus_channel_read_begin(roam.channel);
        while ((status = vmbus_channel_read_next(roam.channel, &p, roam.buffer,
                                                 sizeof(roam.buffer))) == VMBUS_RING_OK)
            packet_take(&p);
    } while (vmbus_channel_read_end(roam.channel) && status != VMBUS_RING_BROKEN);
    while (roam.sent < roam.packets && roam.sent - roam.received < WINDOW &&
           packet_send(roam.sent + 1))
        roam.sent++;
    vmbus_channel_flush(roam.channel);
    if (vmbus_channel_broken(roam.channel))
        roam.wrong = vmbus_channel_broken(roam.channel);
}

/* A signal for the VP before may still be on its way: hence the lock. */
static void channel_work(struct vmbus_client_channel *c)
{
    (void)c;
    guest_ticket_acquire(&roam.lock);
    if (roam.channel)
        channel_use_locked();
    guest_ticket_release(&roam.lock);
    if (guest_cpu_this()->index != 0)
        guest_kick(0);
}

static void vp_main(void)
{
    guest_bus_join();
    __atomic_fetch_add(&roam.joined, 1, __ATOMIC_RELEASE); /* pairs with others_start() */
    for (;;)
        guest_bus_wait();
}

/* ---- VP 0 ---- */

static void others_start(const struct guest_boot *boot)
{
    guest_others_start(boot, vp_main);
    while (__atomic_load_n(&roam.joined, __ATOMIC_ACQUIRE) < boot->vp_count - 1)
        insn_pause();
}

static uint64_t received(void)
{
    return __atomic_load_n(&roam.received, __ATOMIC_ACQUIRE);
}

static void channel_set(struct vmbus_channel *c)
{
    guest_ticket_acquire(&roam.lock);
    roam.channel = c;
    guest_ticket_release(&roam.lock);
}

/* Until all packets are back; how often the channel has moved. */
static uint64_t turns_take(struct vmbus_client_channel *c, uint32_t vps)
{
    uint64_t turns = 0, next = roam.turn;

    while (received() < roam.packets && !roam.wrong) {
        if (received() < next) {
            guest_bus_wait();
            continue;
        }
        if (!guest_bus_move(c, (uint32_t)(++turns % vps)))
            roam.wrong = "the channel cannot be moved";
        next = received() + roam.turn;
    }
    return turns;
}

static bool report(uint32_t vps, uint64_t turns)
{
    bool all = true;

    for (uint32_t i = 0; i < vps; i++) {
        guest_printf("roam: VP %u took %llu packets\n", i, (unsigned long long)roam.taken[i]);
        all = all && roam.taken[i] > 0;
    }
    if (roam.wrong || !all)
        guest_printf("roam: %s\n", roam.wrong ? roam.wrong : "a VP had none");
    guest_printf("roam: %llu packets came back, %llu turns\n", (unsigned long long)roam.received,
                 (unsigned long long)turns);
    return !roam.wrong && all;
}

uint8_t guest_main(const struct guest_boot *boot)
{
    static const struct vmbus_guid interface = ECHO_INTERFACE;
    struct vmbus_client_channel *c;
    uint64_t turns;

    roam.packets = guest_arg_number(guest_command_line(), "packets", 6000);
    roam.turn = guest_arg_number(guest_command_line(), "turn", 100);
    if (boot->vp_count > VPS_MAX)
        return GUEST_EXIT_USAGE;
    if (!guest_bus_connect())
        return GUEST_EXIT_FAILED;
    others_start(boot);
    c = guest_bus_offer(&interface, 0);
    if (!c || !guest_bus_open(c, RING_PAGES, RING_PAGES, 0, channel_work)) {
        guest_printf("roam: no echo device is offered, or it cannot be opened\n");
        return GUEST_EXIT_FAILED;
    }
    guest_printf("roam: version %x\n", guest_bus_version());
    channel_set(&c->channel);
    channel_work(c);
    turns = turns_take(c, boot->vp_count);
    channel_set(NULL);
    guest_bus_close(c);
    guest_bus_leave();
    return report(boot->vp_count, turns) ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
