/* counters.c: counters.h with PAPI 7. */
#include "tuner/trial/counters.h"

#include <math.h>
#include <papi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    GROUP = 4,             /* events at once: fits every machine in use, beside the NMI watchdog's own counter */
    BATCHES = 2,           /* of each side, taking turns */
    WALK_BYTES = 32 << 20, /* memory that the probe walks: beyond caches and what a TLB covers */
    WALK_STEP = 4096 + 64
};

/* Names to try for each counter, presets first; hardware unless it is CPU_TIME. */
static const char *const events[ALT_COUNTER_COUNT][2] = {
    [ALT_COUNTER_CYCLES] = {"PAPI_TOT_CYC", "perf::CYCLES"},
    [ALT_COUNTER_INSTRUCTIONS] = {"PAPI_TOT_INS", "perf::INSTRUCTIONS"},
    [ALT_COUNTER_L1_MISSES] = {"PAPI_L1_DCM", "perf::L1-DCACHE-LOAD-MISSES"},
    [ALT_COUNTER_L2_MISSES] = {"PAPI_L2_DCM", "PAPI_L2_TCM"},
    [ALT_COUNTER_L3_MISSES] = {"PAPI_L3_TCM", "perf::CACHE-MISSES"},
    [ALT_COUNTER_TLB_MISSES] = {"PAPI_TLB_DM", "perf::DTLB-LOAD-MISSES"},
    [ALT_COUNTER_STALLS] = {"PAPI_RES_STL", "perf::STALLED-CYCLES-BACKEND"},
    [ALT_COUNTER_CPU_TIME] = {"perf::TASK-CLOCK", NULL},
};

struct group {
    int set, count;
    enum alt_counter of[GROUP];
};

struct counters {
    int n_groups;
    struct group group[ALT_COUNTER_COUNT];
};

static void drop_set(int *set)
{
    if (*set == PAPI_NULL)
        return;
    PAPI_cleanup_eventset(*set);
    PAPI_destroy_eventset(set);
}

/* Work that raises every counter of the table: misses of all caches, address translations, stalls, time. */
static unsigned walk(volatile unsigned char *memory)
{
    unsigned sum = 0;
    for (size_t i = 0; i < WALK_BYTES; i += WALK_STEP)
        sum += memory[i]++;
    return sum;
}

/* NULL when the event counts, else what is wrong with it. */
static const char *probe(const char *name, volatile unsigned char *memory)
{
    int set = PAPI_NULL, code = PAPI_create_eventset(&set);
    long long first = 0, second = 0;
    if (code == PAPI_OK)
        code = PAPI_add_named_event(set, name);
    if (code == PAPI_OK && (code = PAPI_start(set)) == PAPI_OK) {
        (void)walk(memory);
        code = PAPI_read(set, &first);
        (void)walk(memory);
        int stopped = PAPI_stop(set, &second);
        code = code == PAPI_OK ? stopped : code;
    }
    drop_set(&set);
    if (code != PAPI_OK)
        return PAPI_strerror(code);
    return first <= 0 ? "reads zero" : second < first ? "runs backwards" : NULL;
}

/* The name that counts; NULL: none. The first reason that was met goes to `why`. */
static const char *find_event(enum alt_counter counter, volatile unsigned char *memory, char why[128])
{
    for (int i = 0; i < 2 && events[counter][i]; i++) {
        const char *wrong = probe(events[counter][i], memory);
        if (!wrong)
            return events[counter][i];
        if (!*why)
            snprintf(why, 128, "%s: %s", events[counter][i], wrong);
    }
    return NULL;
}

static bool add(struct group *g, enum alt_counter counter, const char *name)
{
    if (g->count == GROUP || PAPI_add_named_event(g->set, name) != PAPI_OK)
        return false;
    g->of[g->count++] = counter;
    return true;
}

/* A new group, with cycles in it when there are such. */
static struct group *open_group(struct counters *c, const char *cycles)
{
    struct group *g = &c->group[c->n_groups];
    *g = (struct group){.set = PAPI_NULL};
    if (PAPI_create_eventset(&g->set) != PAPI_OK)
        return NULL;
    if (cycles && !add(g, ALT_COUNTER_CYCLES, cycles)) {
        drop_set(&g->set);
        return NULL;
    }
    c->n_groups++;
    return g;
}

/* Distributes the events that count over groups. Software events go without cycles: they have nothing to check. */
static void make_groups(struct counters *c, const char *const name[ALT_COUNTER_COUNT])
{
    struct group *g = name[ALT_COUNTER_CYCLES] ? open_group(c, name[ALT_COUNTER_CYCLES]) : NULL;
    for (int i = ALT_COUNTER_CYCLES + 1; i < ALT_COUNTER_CPU_TIME && g; i++) {
        if (!name[i] || add(g, (enum alt_counter)i, name[i]))
            continue;
        g = open_group(c, name[ALT_COUNTER_CYCLES]);
        if (g)
            (void)add(g, (enum alt_counter)i, name[i]);
    }
    g = name[ALT_COUNTER_CPU_TIME] ? open_group(c, NULL) : NULL;
    if (g)
        (void)add(g, ALT_COUNTER_CPU_TIME, name[ALT_COUNTER_CPU_TIME]);
}

static void note_permission(char why[128])
{
    char level[16] = "";
    FILE *f = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
    size_t used = strlen(why);
    if (!f)
        return;
    if (fgets(level, sizeof level, f)) {
        level[strcspn(level, "\n")] = 0;
        snprintf(why + used, 128 - used, " (perf_event_paranoid is %s)", level);
    }
    fclose(f);
}

static struct counters *open_all(char name[16], char why[128])
{
    const char *event[ALT_COUNTER_COUNT] = {NULL};
    struct counters *c = calloc(1, sizeof *c);
    void *memory = mmap(NULL, WALK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!c || memory == MAP_FAILED) {
        snprintf(why, 128, "no memory");
        free(c);
        if (memory != MAP_FAILED)
            munmap(memory, WALK_BYTES);
        return NULL;
    }
    (void)madvise(memory, WALK_BYTES, MADV_NOHUGEPAGE); /* or few translations would do */
    /* Without cycles no group of hardware events could be checked. */
    event[ALT_COUNTER_CYCLES] = find_event(ALT_COUNTER_CYCLES, memory, why);
    bool hardware = event[ALT_COUNTER_CYCLES] != NULL;
    for (int i = hardware ? ALT_COUNTER_CYCLES + 1 : ALT_COUNTER_CPU_TIME; i < ALT_COUNTER_COUNT; i++)
        event[i] = find_event((enum alt_counter)i, memory, why);
    munmap(memory, WALK_BYTES);
    make_groups(c, event);
    if (!hardware)
        note_permission(why);
    snprintf(name, 16, "%s", hardware && c->n_groups ? "hardware" : c->n_groups ? "software" : "none");
    return c;
}

struct counters *counters_open(char name[16], char why[128])
{
    snprintf(name, 16, "none");
    *why = 0;
    int version = PAPI_library_init(PAPI_VER_CURRENT);
    if (version != PAPI_VER_CURRENT) {
        snprintf(why, 128, "PAPI cannot be used: %s", version > 0 ? "another version" : PAPI_strerror(version));
        return NULL;
    }
    struct counters *c = open_all(name, why);
    if (c && !c->n_groups) {
        counters_close(c);
        return NULL;
    }
    return c;
}

void counters_close(struct counters *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->n_groups; i++)
        drop_set(&c->group[i].set);
    free(c);
    PAPI_shutdown();
}

/* Adds what one batch counted; false when the work failed. An event set that does not start counts nothing. */
static bool count(struct group *g, counters_work *work, void *context, bool candidate, double sum[GROUP])
{
    long long value[GROUP] = {0};
    bool started = PAPI_start(g->set) == PAPI_OK;
    bool done = work(context, candidate);
    if (started && PAPI_stop(g->set, value) == PAPI_OK)
        for (int i = 0; i < g->count; i++)
            sum[i] += (double)value[i];
    return done;
}

static void take_ratios(const struct group *g, double sum[2][GROUP], double ratio[ALT_COUNTER_COUNT])
{
    if (!(sum[0][0] > 0 && sum[1][0] > 0))
        return; /* cycles, or the one software event: it did not run */
    for (int i = 0; i < g->count; i++)
        if (sum[0][i] > 0 && isnan(ratio[g->of[i]]))
            ratio[g->of[i]] = sum[1][i] / sum[0][i];
}

bool counters_compare(struct counters *c, counters_work *work, void *context, double ratio[ALT_COUNTER_COUNT])
{
    bool done = true;
    for (int i = 0; i < ALT_COUNTER_COUNT; i++)
        ratio[i] = NAN;
    for (int k = 0; c && k < c->n_groups && done; k++) {
        double sum[2][GROUP] = {{0}};
        for (int n = 0; n < 2 * BATCHES && done; n++)
            done = count(&c->group[k], work, context, n % 2, sum[n % 2]);
        if (done)
            take_ratios(&c->group[k], sum, ratio);
    }
    for (int i = 0; i < ALT_COUNTER_COUNT && !done; i++)
        ratio[i] = NAN;
    return done;
}
