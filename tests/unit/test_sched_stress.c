/* SPDX-License-Identifier: MIT */
/* test_sched_stress.c - core/sched.c against a model, step by step, and with an LP on each of
 * several threads at once. */
#include "core/payer.h"
#include "fakes/test.h"
#include "sched_fixture.h"

#include <pthread.h>
#include <sched.h>

#define VPS          24u
#define MODEL_STEPS  200000u
#define THREAD_TURNS 20000u

static int fresh(void **state)
{
    (void)state;
    world_init(WORLD_LPS);
    for (uint32_t i = 0; i < VPS; i++)
        world_vp(1 + i % 2, i % WORLD_LPS, 100 + i % 3 * 100);
    return 0;
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33) % below;
}

/* ---- the model: what each VP is in, by the contracts of core/sched.h ---- */

static struct {
    enum sched_state states[VPS];
    bool pending[VPS];
} model;

static void model_wake(struct vp *vp)
{
    if (model.states[vp->index] == SCHED_BLOCKED && vp->suspend == 0)
        model.states[vp->index] = SCHED_RUNNABLE;
    else if (model.states[vp->index] == SCHED_RUNNING)
        model.pending[vp->index] = true;
    sched_wake(vp);
}

static void model_stop(struct pcpu *cpu, bool block)
{
    struct vp *vp = cpu->current;

    if (block && model.pending[vp->index] && vp->suspend == 0)
        block = false;
    model.states[vp->index] = block ? SCHED_BLOCKED : SCHED_RUNNABLE;
    model.pending[vp->index] = false;
    sched_stop(cpu, vp, block);
}

/* No LP is idle while a VP waits anywhere. */
static void model_pick(struct pcpu *cpu)
{
    struct vp *vp = sched_pick(cpu);

    if (vp == NULL) {
        for (uint32_t i = 0; i < VPS; i++)
            assert_int_not_equal(model.states[i], SCHED_RUNNABLE);
        return;
    }
    assert_int_equal(model.states[vp->index], SCHED_RUNNABLE);
    assert_int_equal(vp->sched.lp, cpu->lp_index);
    assert_true(list_empty(&vp->sched.waiting));
    model.states[vp->index] = SCHED_RUNNING;
}

static void model_detach(struct vp *vp)
{
    bool running = model.states[vp->index] == SCHED_RUNNING;

    vp->suspend |= VP_SUSPEND_HOLD;
    assert_int_equal(sched_detach(vp), !running);
    if (!running)
        model.states[vp->index] = SCHED_BLOCKED;
}

static void model_spin(struct pcpu *cpu)
{
    struct vp *vp = cpu->current;

    vp->partition->running_lps[0] = 0;
    for (uint32_t i = 0; i < lp_count; i++)
        if (world.lps[i].current != NULL && world.lps[i].current->partition == vp->partition)
            vp->partition->running_lps[0] |= 1ull << i;
    if (sched_long_spin(cpu, vp))
        model_stop(cpu, false);
}

static void model_step(uint64_t *seed)
{
    struct pcpu *cpu = world_lp(draw(seed, WORLD_LPS));
    struct vp *vp = world.vps[draw(seed, VPS)];

    world.tsc += draw(seed, SLICE);
    switch (draw(seed, 6)) {
    case 0:
        if (cpu->current != NULL)
            model_stop(cpu, draw(seed, 2));
        break;
    case 1:
        model_wake(vp);
        break;
    case 2:
        if (draw(seed, 4) == 0)
            model_detach(vp);
        break;
    case 3:
        vp->suspend = 0;
        model_wake(vp);
        break;
    case 4:
        if (cpu->current != NULL)
            model_spin(cpu);
        break;
    default:
        if (cpu->current != NULL && sched_should_preempt(cpu, cpu->current, world.tsc))
            model_stop(cpu, false);
        break;
    }
    if (cpu->current == NULL)
        model_pick(cpu);
}

static void scheduler_agrees_with_the_model(void **state)
{
    uint64_t seed = 1;

    (void)state;
    memset(&model, 0, sizeof(model));
    for (uint32_t n = 0; n < MODEL_STEPS; n++) {
        uint32_t queued = 0, runnable = 0;
        model_step(&seed);
        for (uint32_t i = 0; i < VPS; i++) {
            assert_int_equal(world.vps[i]->sched.state, model.states[i]);
            runnable += model.states[i] == SCHED_RUNNABLE;
        }
        for (uint32_t i = 0; i < lp_count; i++)
            queued += world.lps[i].run_queue.count;
        assert_int_equal(queued, runnable);
    }
}

/* ---- threads ---- */

static uint32_t owners[VPS]; /* [a] 1: an LP runs the VP, or somebody holds it */
static uint32_t holding[VPS]; /* [a] 1: somebody tries to hold it */
static uint32_t wrong;        /* [a] */

static void own(uint32_t vp)
{
    if (__atomic_exchange_n(&owners[vp], 1, __ATOMIC_SEQ_CST) != 0)
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void disown(uint32_t vp)
{
    __atomic_store_n(&owners[vp], 0, __ATOMIC_SEQ_CST);
}

/* As vp_hold and vp_release. */
static void hold_and_release(struct vp *vp)
{
    if (__atomic_exchange_n(&holding[vp->index], 1, __ATOMIC_SEQ_CST) != 0)
        return;
    __atomic_fetch_or(&vp->suspend, VP_SUSPEND_HOLD, __ATOMIC_SEQ_CST);
    if (sched_detach(vp)) {
        own(vp->index);
        sched_yield();
        disown(vp->index);
    }
    __atomic_fetch_and(&vp->suspend, ~(uint32_t)VP_SUSPEND_HOLD, __ATOMIC_SEQ_CST);
    sched_wake(vp);
    __atomic_store_n(&holding[vp->index], 0, __ATOMIC_SEQ_CST);
}

/* As the run loop does, for one stretch of @vp's time. */
static bool run_for_a_while(struct pcpu *cpu, struct vp *vp, uint64_t *seed)
{
    bool block = draw(seed, 2);

    if (__atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) != 0)
        return true;
    uint64_t now = __atomic_add_fetch(&world.tsc, draw(seed, SLICE), __ATOMIC_RELAXED);
    if (vp->sched.pinned)
        return !sched_should_preempt(cpu, vp, now) && block;
    own(vp->index);
    if (sched_should_preempt(cpu, vp, now) || (draw(seed, 2) && sched_long_spin(cpu, vp)))
        block = false;
    disown(vp->index);
    return block;
}

/* Children make root's VPs work, and end. No debt is more than what LPs could have run in all. */
static void make_debts(uint64_t *seed)
{
    struct vp *root = world.root_vps[draw(seed, WORLD_LPS)], *payer = world.vps[draw(seed, VPS)];
    uint64_t debt;

    sched_cause(root, payer);
    sched_wake(root);
    if (draw(seed, 16) == 0)
        payer_forget(payer->partition);
    debt = __atomic_load_n(&payer->partition->sched_debt, __ATOMIC_RELAXED);
    if (debt > WORLD_LPS * __atomic_load_n(&world.tsc, __ATOMIC_RELAXED))
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

/* Caps and reserves come and go, of which some find no room. */
static void change_limits(uint64_t *seed)
{
    uint32_t cap = 1 + draw(seed, 1000), reserve = draw(seed, 3) == 0 ? draw(seed, cap) / 4 : 0;

    (void)world_limit(1 + draw(seed, 2), draw(seed, 2) ? cap : 1000, reserve);
}

static void *lp_thread(void *argument)
{
    struct pcpu *cpu = argument;
    uint64_t seed = cpu->lp_index + 1;

    world_lp(cpu->lp_index);
    for (uint32_t n = 0; n < THREAD_TURNS; n++) {
        timers_run(cpu);
        struct vp *vp = sched_pick(cpu);
        if (vp != NULL)
            sched_stop(cpu, vp, run_for_a_while(cpu, vp, &seed));
        if (draw(&seed, 16) == 0)
            change_limits(&seed);
        for (uint32_t i = 0; i < 2; i++)
            sched_wake(world.vps[draw(&seed, VPS)]);
        if (draw(&seed, 8) == 0)
            hold_and_release(world.vps[draw(&seed, VPS)]);
        if (draw(&seed, 4) == 0)
            make_debts(&seed);
        __atomic_store_n(&cpu->remote.work, 0, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* @first on LP 0, @others on the other LPs. */
static void run_threads(void *(*first)(void *lp), void *(*others)(void *lp))
{
    pthread_t threads[WORLD_LPS];

    for (uint32_t i = 0; i < WORLD_LPS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 ? first : others, &world.lps[i]),
                         0);
    for (uint32_t i = 0; i < WORLD_LPS; i++)
        pthread_join(threads[i], NULL);
}

static void vp_runs_on_one_lp_at_a_time_and_none_is_lost(void **state)
{
    uint32_t seen = 0;

    (void)state;
    run_threads(lp_thread, lp_thread);
    assert_int_equal(wrong, 0);
    world_lp(0);
    for (uint32_t i = 1; i < WORLD_PARTITIONS; i++)
        assert_true(world_limit(i, 1000, 0));
    for (uint32_t i = 0; i < WORLD_LPS; i++) {
        timers_run(world_lp(i));
        assert_int_equal(world.lps[i].run_queue.reserved, 0);
    }
    for (uint32_t i = 0; i < VPS; i++)
        sched_wake(world.vps[i]);
    world_lp(0);
    for (struct vp *vp = world_next(true); vp != NULL; vp = world_next(true))
        seen += !vp->sched.pinned;
    assert_int_equal(seen, VPS);
    for (uint32_t i = 0; i < WORLD_PARTITIONS; i++) {
        assert_true(list_empty(&world.partitions[i].preempted));
        assert_true(list_empty(&world.partitions[i].spinning));
    }
}

/* ---- who pays, decided on one LP and charged on another ---- */

static bool root_done; /* [a] */

static uint64_t debts_of_all(void)
{
    return __atomic_load_n(&world.partitions[1].sched_debt, __ATOMIC_RELAXED) +
           __atomic_load_n(&world.partitions[2].sched_debt, __ATOMIC_RELAXED);
}

/* Root's VP, charged often, sometimes blocked. Other threads may begin late. */
static void *root_thread(void *argument)
{
    struct pcpu *cpu = argument;
    uint64_t seed = 1;

    world_lp(cpu->lp_index);
    for (uint32_t n = 0; n < THREAD_TURNS || debts_of_all() == 0; n++) {
        if (cpu->current == NULL) {
            sched_wake(cpu->root_vp);
            (void)sched_pick(cpu);
        }
        uint64_t now = __atomic_add_fetch(&world.tsc, draw(&seed, 2 * STEP), __ATOMIC_RELAXED);
        (void)sched_should_preempt(cpu, cpu->current, now);
        if (draw(&seed, 64) == 0)
            sched_stop(cpu, cpu->current, true);
        sched_yield();
    }
    __atomic_store_n(&root_done, true, __ATOMIC_RELAXED);
    return NULL;
}

static void *payer_thread(void *argument)
{
    struct pcpu *cpu = argument;
    uint64_t seed = cpu->lp_index;

    world_lp(cpu->lp_index);
    while (!__atomic_load_n(&root_done, __ATOMIC_RELAXED)) {
        struct vp *payer = world.vps[draw(&seed, VPS)];
        sched_cause(world.root_vps[0], payer);
        if (draw(&seed, 64) == 0)
            payer_forget(payer->partition);
        sched_yield();
    }
    return NULL;
}

/* But for races, in which one stretch is paid twice. */
static void debts_are_no_more_than_what_root_ran(void **state)
{
    uint64_t ran;

    (void)state;
    run_threads(root_thread, payer_thread);
    ran = world.root_vps[0]->sched.run_tsc;
    assert_true(debts_of_all() <= ran + ran / 4);
    payer_forget(&world.partitions[1]);
    payer_forget(&world.partitions[2]);
    assert_null(world.lps[0].run_queue.payer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scheduler_agrees_with_the_model, fresh, world_clean),
        cmocka_unit_test_setup_teardown(vp_runs_on_one_lp_at_a_time_and_none_is_lost, fresh,
                                        world_clean),
        cmocka_unit_test_setup_teardown(debts_are_no_more_than_what_root_ran, fresh, world_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
