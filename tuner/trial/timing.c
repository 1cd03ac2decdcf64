/* timing.c: see timing.h. Samples last about SAMPLE_NS, far above the clock's grain and below a scheduler's tick; the two
 * sides take turns in an order that a coin decides, so that drift and load meet both alike; the figure is the median of log
 * ratios. Default against default, paired the same way, is the noise that a win must stand above. */
#include "tuner/trial/timing.h"

#include "tuner/evidence.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SAMPLE_NS 300000.0
#define HOPELESS 1.02 /* a win below this is worth nothing to anybody */
#define EFFORT_NS 1500000000u /* for a candidate that is neither clearly better nor hopeless */
enum { PAIRS = 80, LEAST_PAIRS = 20, FEW_PAIRS = 10, NOISE_EVERY = 4, WAIT_S = 30, REPEATS = 1000, PATIENCE = 3 };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Waits for an open slot; its generation, or 0 when none came. */
static uint64_t wait_slot(struct alt_slot_page *slots)
{
    const struct timespec moment = {0, 200000};
    uint64_t begin = now_ns(), g = 0;
    atomic_store(&slots->wanted, 1);
    while (now_ns() - begin < (uint64_t)WAIT_S * 1000000000u) {
        g = atomic_load(&slots->generation);
        if (g % 2 == 1 && now_ns() < atomic_load(&slots->deadline_ns))
            return g;
        nanosleep(&moment, NULL);
    }
    return 0;
}

struct timer {
    struct bench *b;
    struct bench_side *side;
    struct alt_slot_page *slots;
    uint64_t random;
    int times[2]; /* repeats a sample: default, candidate */
};

/* What happened to this thread that has nothing to do with what it runs. */
struct disturbance {
    long switches; /* it lost its core to another */
    int cpu;
};

static struct disturbance disturbance(void)
{
    struct rusage usage;
    return (struct disturbance){getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0, sched_getcpu()};
}

static bool disturbed(const struct disturbance *before)
{
    const struct disturbance now = disturbance();
    return now.switches != before->switches || now.cpu != before->cpu;
}

/* One sample, ns a repeat; a sample that outlasts its slot is taken again, and one during which the thread lost its core, unless
 * the machine leaves no others. Neither looks at the time that the sample took. */
static alt_status sample(struct timer *t, bool candidate, double *ns)
{
    struct bench_side *side = candidate ? t->side : &t->b->base;
    int times = t->times[candidate];
    for (int tries = 0;; tries++) {
        uint64_t g = wait_slot(t->slots);
        if (!g)
            return ALT_E_BUSY;
        const struct disturbance before = disturbance();
        uint64_t begin = now_ns();
        ALT_CHECK(bench_side_again(side, times));
        uint64_t end = now_ns();
        atomic_fetch_add(&t->slots->used_ns, end - begin);
        *ns = (double)(end - begin) / times;
        bool alone = atomic_load(&t->slots->generation) == g;
        /* A region longer than a slot can only be timed across its end. */
        if ((alone || times == 1) && (tries > PATIENCE || !disturbed(&before)))
            return ALT_OK;
    }
}

static alt_status calibrate(struct timer *t, bool candidate)
{
    double ns, least = HUGE_VAL;
    t->times[candidate] = 1;
    for (int i = 0; i < 3; i++) {
        ALT_CHECK(sample(t, candidate, &ns));
        least = ns < least ? ns : least;
    }
    double times = SAMPLE_NS / (least > 1 ? least : 1);
    t->times[candidate] = times < 1 ? 1 : times > REPEATS ? REPEATS : (int)times;
    return ALT_OK;
}

static alt_status pair(struct timer *t, bool left, bool right, double *a, double *b)
{
    t->random = t->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    bool swap = t->random >> 63;
    ALT_CHECK(sample(t, swap ? right : left, swap ? b : a));
    return sample(t, swap ? left : right, swap ? a : b);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n ? (values[(n - 1) / 2] + values[n / 2]) / 2 : 0;
}

static alt_status take_pairs(struct timer *t, struct alt_msg_result *r)
{
    struct alt_evidence win, noise;
    double base[PAIRS], candidate[PAIRS], a, b, low, high;
    const uint64_t begin = now_ns();
    int n = 0;
    alt_evidence_start(&win, 1.0, 1e-6, PAIRS + 1);
    alt_evidence_start(&noise, 1.0, 1e-12, PAIRS + 1);
    while (n < PAIRS) {
        ALT_CHECK(pair(t, false, true, &base[n], &candidate[n]));
        enum alt_verdict v = alt_evidence_add(&win, base[n], candidate[n]);
        n++;
        if (n % NOISE_EVERY == 0) {
            ALT_CHECK(pair(t, false, false, &a, &b));
            alt_evidence_add(&noise, a, b);
        }
        r->ratio = alt_evidence_ratio(&win, &r->ratio_low, &r->ratio_high);
        if ((n >= LEAST_PAIRS && (v != ALT_UNDECIDED || now_ns() - begin > EFFORT_NS)) || (n >= FEW_PAIRS && r->ratio_high < HOPELESS))
            break;
    }
    r->pairs = (uint32_t)n;
    (void)alt_evidence_ratio(&noise, &low, &high);
    r->noise = high - low;
    r->default_us = median(base, n) / 1e3;
    r->candidate_us = median(candidate, n) / 1e3;
    return ALT_OK;
}

alt_status time_candidate(struct bench *b, struct bench_side *side, struct alt_slot_page *slots,
                          struct alt_msg_result *result)
{
    struct timer t = {.b = b, .side = side, .slots = slots, .random = now_ns()};
    alt_status status = calibrate(&t, false);
    if (status == ALT_OK)
        status = calibrate(&t, true);
    if (status == ALT_OK)
        status = take_pairs(&t, result);
    atomic_store(&slots->wanted, 0);
    return status;
}
