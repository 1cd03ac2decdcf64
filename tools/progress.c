/* progress.c: what alt_run says on stderr while it runs. On a terminal one line is rewritten and swaps scroll by above it; in a
 * log there is a line for each swap and each new phase, and one now and then that shows it is alive. */
#include "tools/progress.h"

#include "tools/measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Between two lines that nothing new has called for: on a terminal, and in a log. */
enum { LIVE_MS = 200, LOG_MS = 10000 };

void progress_run(struct progress *p, double ms) { p->recent[p->runs++ % PROGRESS_RECENT] = ms; }

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct progress *p)
{
    double sorted[PROGRESS_RECENT];
    size_t n = p->runs < PROGRESS_RECENT ? (size_t)p->runs : PROGRESS_RECENT;
    if (!n)
        return 0;
    memcpy(sorted, p->recent, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    return sorted[n / 2];
}

/* Seconds until exploring ends at the pace so far; what is left of the budget bounds it, and is the answer while there is no
 * pace to go by. */
static double plateau_in(const struct tuning *t)
{
    const alt_tuning_report *r = &t->report;
    double left = t->budget_s > r->elapsed_s ? t->budget_s - r->elapsed_s : 0;
    double pace = r->explored ? r->elapsed_s / r->explored * (r->regions - r->explored) : left;
    return pace < left ? pace : left;
}

static void print_state(const struct progress *p, const struct measure *m)
{
    const struct tuning *t = &m->tuning;
    fprintf(stderr, "runs %" PRIu64 "  now %.3f ms  first %.3f ms", m->latency.runs, median(p), m->first_ms);
    if (!t->session || t->mode == ALT_TUNE_REPLAY)
        return;
    fprintf(stderr, "  trials %u  swaps %u", t->report.trials, t->report.n_swaps);
    if (t->report.phase == ALT_TUNING_DONE)
        fprintf(stderr, "  plateau");
    else
        fprintf(stderr, "  plateau in %.0f s", plateau_in(t));
}

static void clear(struct progress *p)
{
    if (p->shown)
        fputs("\r\x1b[K", stderr);
    p->shown = false;
}

static void tell_swaps(struct progress *p, const alt_tuning_report *r)
{
    char text[SWAP_TEXT];
    for (; p->swaps < r->n_swaps; p->swaps++) {
        clear(p);
        if (p->swaps < ALT_SWAPS)
            fprintf(stderr, "%s %s\n", r->swaps[p->swaps].rollback ? "rollback" : "swap",
                    swap_text(&r->swaps[p->swaps], text));
    }
}

static void tell_phase(struct progress *p, const struct measure *m)
{
    static const char *const names[] = {[ALT_TUNING_EXPLORING] = "exploring",
                                        [ALT_TUNING_CONFIRMING] = "confirming",
                                        [ALT_TUNING_DONE] = "tuning has ended"};
    const alt_tuning_report *r = &m->tuning.report;
    if (p->phase == r->phase || !m->tuning.session)
        return;
    p->phase = r->phase;
    if (p->live || m->tuning.mode == ALT_TUNE_REPLAY || r->phase >= sizeof names / sizeof names[0] || !names[r->phase])
        return;
    fprintf(stderr, "%s: ", names[r->phase]);
    print_state(p, m);
    fputc('\n', stderr);
}

void progress_tick(struct progress *p, const struct measure *m, double now)
{
    if (p->quiet)
        return;
    if (!p->begun) {
        p->live = isatty(STDERR_FILENO);
        p->begun = true;
        p->next_ms = now + (p->live ? LIVE_MS : LOG_MS);
    }
    tell_swaps(p, &m->tuning.report);
    tell_phase(p, m);
    if (now < p->next_ms)
        return;
    clear(p);
    print_state(p, m);
    p->shown = p->live;
    if (!p->live)
        fputc('\n', stderr);
    fflush(stderr);
    p->next_ms = now + (p->live ? LIVE_MS : LOG_MS);
}

void progress_end(struct progress *p)
{
    if (!p->quiet)
        clear(p);
    fflush(stderr);
}
