/* recording.c: a ring of runs with one place more than are held: for the run under way, which counts once it has answered. */
#include "tools/recording.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool recording_init(struct recording *r, size_t limit)
{
    *r = (struct recording){.ring = calloc(limit + 1, sizeof *r->ring), .limit = limit};
    return r->ring != NULL;
}

static void clear(struct recorded_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        free((char *)(uintptr_t)run->step[i].nodes);
    run->count = 0;
    run->left_out = 0;
}

void recording_free(struct recording *r)
{
    for (size_t i = 0; r->ring && i <= r->limit; i++) {
        clear(&r->ring[i]);
        free(r->ring[i].step);
    }
    free(r->ring);
    *r = (struct recording){0};
}

static struct recorded_run *under_way(struct recording *r) { return &r->ring[r->runs % (r->limit + 1)]; }

void recording_begin(struct recording *r)
{
    if (!r)
        return;
    struct recorded_run *run = under_way(r);
    clear(run);
    run->number = r->runs + 1;
    run->begin_ns = now_ns();
}

void recording_end(struct recording *r, bool answered)
{
    if (!r)
        return;
    struct recorded_run *run = under_way(r);
    run->end_ns = now_ns();
    if (answered)
        r->runs++;
    else
        clear(run);
}

static bool room(struct recorded_run *run)
{
    if (run->count < run->capacity)
        return true;
    const size_t capacity = run->capacity ? 2 * run->capacity : 64;
    alt_step_report *step = realloc(run->step, capacity * sizeof *step);
    if (!step)
        return false;
    run->step = step;
    run->capacity = capacity;
    return true;
}

/* A copy whose texts are its own. */
static bool copy(const alt_step_report *from, alt_step_report *to)
{
    *to = *from;
    const char **const text[] = {&to->nodes, &to->operators, &to->kernel, &to->shapes};
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        bytes += strlen(*text[i]) + 1;
    char *at = malloc(bytes);
    if (!at)
        return false;
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        const size_t length = strlen(*text[i]) + 1;
        *text[i] = memcpy(at, *text[i], length);
        at += length;
    }
    return true;
}

void recording_step(void *recording, const alt_step_report *report)
{
    struct recording *r = recording;
    struct recorded_run *run = under_way(r);
    if (run->count && run->step[0].attempt != report->attempt)
        clear(run); /* what was done so far is done again */
    if (report->depth && run->count >= RECORDED_STEPS)
        run->left_out++;
    else if (room(run) && copy(report, &run->step[run->count]))
        run->count++;
    else
        r->no_memory = true;
}

size_t recording_count(const struct recording *r) { return r->runs < r->limit ? (size_t)r->runs : r->limit; }

const struct recorded_run *recording_run(const struct recording *r, size_t i)
{
    return &r->ring[(r->runs - recording_count(r) + i) % (r->limit + 1)];
}
