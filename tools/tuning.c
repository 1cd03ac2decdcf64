/* tuning.c: tuning as alt_run sees it. The public interface, and two looks inside the session: whether the tuner waits for a
 * run, and its end before the session's. */
#include "tools/tuning.h"

#include "runtime/session.h"

#include <stdio.h>
#include <string.h>

/* Nobody waits for alt_run but the one who tunes with it: every run is half of a pair while a candidate is tried. */
#define SHARE 1.0

static const struct {
    const char *word;
    alt_tune mode;
} modes[] = {{"replay", ALT_TUNE_REPLAY}, {"online", ALT_TUNE_ONLINE}, {"now", ALT_TUNE_NOW}};

void tuning_start(struct tuning *t, alt_session *session, const struct run_options *options, alt_value *const *inputs,
                  bool brief)
{
    const char *word = options->tune ? options->tune : "online";
    alt_error *error = NULL;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(word, modes[i].word) == 0)
            t->mode = modes[i].mode;
    if (!t->mode)
        return;
    if (brief && t->mode == ALT_TUNE_ONLINE)
        t->mode = ALT_TUNE_REPLAY;
    t->session = session;
    t->budget_s = options->budget;
    const char *cache = options->cache && strcmp(options->cache, "none") == 0 ? "" : options->cache;
    const alt_tuning_options o = {.size = sizeof o,
                                  .mode = t->mode,
                                  .budget_s = options->budget,
                                  .share = SHARE,
                                  .cache = cache,
                                  .example = (const alt_value *const *)inputs};
    alt_status status = alt_session_tune(session, &o, &error);
    tuning_poll(t);
    if (status != ALT_OK) {
        const char *text = alt_error_text(error);
        t->report.phase = ALT_TUNING_DONE;
        snprintf(t->report.note, sizeof t->report.note, "%s", *text ? text : alt_status_text(status));
    }
    alt_error_free(error);
}

void tuning_poll(struct tuning *t)
{
    alt_tuning_report now = {.size = sizeof now};
    if (t->session && t->report.phase != ALT_TUNING_DONE && alt_session_tuning(t->session, &now) == ALT_OK)
        t->report = now;
}

bool tuning_settled(const struct tuning *t) { return !t->session || t->report.phase == ALT_TUNING_DONE; }

bool tuning_wants_run(const struct tuning *t)
{
    return t->session && atomic_load_explicit(&t->session->capturing, memory_order_relaxed);
}

void tuning_stop(struct tuning *t)
{
    if (!t->session)
        return;
    pthread_mutex_lock(&t->session->mutex);
    struct alt_session_guest guest = t->session->guest;
    pthread_mutex_unlock(&t->session->mutex);
    if (guest.object)
        guest.stop(guest.object);
    tuning_poll(t);
}

char *swap_text(const alt_swap *s, char out[static SWAP_TEXT])
{
    int n = 0;
    if (s->before_ms > 0)
        n = snprintf(out, SWAP_TEXT, "%.3f ms -> %.3f ms ", s->before_ms, s->after_ms);
    n += snprintf(out + n, (size_t)(SWAP_TEXT - n), "at %.1f s, %u region%s (%s", s->at_s, s->regions,
                  s->regions == 1 ? "" : "s", s->evidence);
    if (s->pairs)
        n += snprintf(out + n, (size_t)(SWAP_TEXT - n), ", %u pairs: %.2f times as fast, %.2f to %.2f", s->pairs,
                      s->ratio, s->ratio_low, s->ratio_high);
    snprintf(out + n, (size_t)(SWAP_TEXT - n), ")");
    return out;
}
