/* explore.c: one kind of region at a time goes to the worker; what it measures comes back and is kept and recorded. A worker
 * that goes away, hangs or talks nonsense is ended and started anew, a few times; each time costs the region that was at hand
 * one more try. Between messages the slots in which the trial may time are opened and closed. */
#include "tuner/tuner.h"

#include "jit/nest.h"
#include "runtime/kernel.h"
#include "tuner/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPLORING 0.8 /* of the budget: the rest is for confirming what was found */
enum {
    HELLO_MS = 30000,  /* on a busy machine the worker's first word takes time.. */
    HELLO_STEP_MS = 50, /* ..but nobody who frees a session waits for it */
    SILENCE_S = 60,    /* a worker that says nothing for so long is taken for dead */
    TRIES = 2,         /* of one region */
    RESTARTS = 8,      /* of the worker, in all */
    GRACE_MS = 200,
    LEAST_S = 5        /* for one region, while that much is left */
};

static void fill_hello(struct alt_msg_hello *hello)
{
    *hello = (struct alt_msg_hello){.kernel_abi = ALT_KERNEL_ABI, .nest_format = ALT_NEST_FORMAT};
    snprintf(hello->build, sizeof hello->build, "%s", alt_version());
}

static alt_status greet(struct alt_tuner *t)
{
    struct alt_msg_hello hello;
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    int fd;
    fill_hello(&hello);
    ALT_CHECK(alt_msg_send(t->worker.socket, ALT_MSG_HELLO, 0, &hello, sizeof hello, t->slots.fd, HELLO_MS));
    alt_status status = ALT_E_BUSY;
    for (int waited = 0; status == ALT_E_BUSY && waited < HELLO_MS && !alt_tuner_stopping(t); waited += HELLO_STEP_MS)
        status = alt_msg_receive(t->worker.socket, &header, body, &fd, HELLO_STEP_MS);
    ALT_CHECK(status);
    if (fd >= 0)
        close(fd);
    const struct alt_msg_hello *theirs = (const void *)body;
    bool same = header.type == ALT_MSG_HELLO && theirs->kernel_abi == hello.kernel_abi &&
                theirs->nest_format == hello.nest_format && strcmp(theirs->build, hello.build) == 0;
    pthread_mutex_lock(&t->mutex);
    memcpy(t->report.counters, theirs->counters, sizeof t->report.counters);
    memcpy(t->report.counters_why, theirs->counters_why, sizeof t->report.counters_why);
    pthread_mutex_unlock(&t->mutex);
    return same ? ALT_OK : ALT_E_MALFORMED;
}

static bool start_worker(struct alt_tuner *t)
{
    char why[256] = "", text[256] = "";
    const char *args[] = {t->trial_path, NULL};
    if (t->worker.pid)
        return true;
    if (!alt_slots_open(&t->slots, t->session, t->options.mode == ALT_TUNE_NOW, t->options.share / 2)) {
        alt_tuner_note(t, "no memory to share with a helper process");
        return false;
    }
    if (alt_helper_find("alt_worker", t->options.worker, "ALT_WORKER", t->worker_path, sizeof t->worker_path, why,
                        sizeof why) != ALT_OK ||
        alt_helper_find("alt_trial", t->options.trial, "ALT_TRIAL", t->trial_path, sizeof t->trial_path, why,
                        sizeof why) != ALT_OK) {
        alt_tuner_note(t, "%s", why);
        return false;
    }
    alt_status status = alt_child_start(&t->worker, t->worker_path, args);
    if (status == ALT_OK)
        status = greet(t);
    if (status == ALT_OK)
        return true;
    alt_child_errors(&t->worker, text, sizeof text);
    alt_tuner_note(t, "%s %s: %s %s", t->worker_path, status == ALT_E_BUSY ? "says nothing" : "does not work",
                   status == ALT_E_BUSY ? "the machine leaves it no time" : alt_status_text(status), text);
    alt_child_stop(&t->worker, 0);
    return false;
}

/* Counts one trial. `failed`: what the worker said of one that came to nothing, or NULL. */
static void count_trial(struct alt_tuner *t, const struct alt_subject *s, const struct alt_msg_result *failed)
{
    pthread_mutex_lock(&t->mutex);
    t->report.trials++;
    if (failed && failed->cause > 0 && failed->cause < ALT_CAUSE_COUNT) {
        t->report.failed[failed->cause - 1]++;
        snprintf(t->report.failure, sizeof t->report.failure, "%s: %.300s; %.200s; %.230s", alt_cause_name(failed->cause),
                 failed->text, failed->variant, s->text);
    }
    pthread_mutex_unlock(&t->mutex);
}

/* True when the kernel has a place that outlasts the worker. */
static bool remember(struct alt_tuner *t, const struct alt_subject *s, struct alt_msg_result *r)
{
    struct alt_record record = {.tag = r->tag, .default_us = r->default_us, .candidate_us = r->candidate_us,
                                .ratio = r->ratio, .ratio_low = r->ratio_low, .ratio_high = r->ratio_high,
                                .noise = r->noise, .pairs = r->pairs, .exact = r->exact != 0};
    struct alt_record_key key;
    if (!t->records)
        return false;
    memcpy(record.variant, r->variant, sizeof record.variant);
    memcpy(record.symbol, r->symbol, sizeof record.symbol);
    memcpy(record.counter, r->counter, sizeof record.counter);
    snprintf(record.path, sizeof record.path, "%s", r->path);
    alt_machine_key(s->text, t->session->options.threads, &key);
    alt_status status = alt_records_add(t->records, &key, &record);
    if (status != ALT_OK) {
        alt_tuner_note(t, "a result could not be remembered: %s", alt_status_text(status));
        return false;
    }
    if (strlen(record.path) >= sizeof r->path)
        return false;
    memcpy(r->path, record.path, strlen(record.path) + 1);
    return true;
}

enum answer { MORE, FINISHED, GONE };

static enum answer take_message(struct alt_tuner *t, struct alt_subject *s, const struct alt_msg_header *h, void *body)
{
    struct alt_msg_result *r = body;
    if (h->type == ALT_MSG_EXPLORED)
        return FINISHED;
    if (h->type != ALT_MSG_VARIANT && h->type != ALT_MSG_FAILED)
        return GONE;
    count_trial(t, s, h->type == ALT_MSG_FAILED ? r : NULL);
    if (h->type == ALT_MSG_VARIANT) {
        bool lasts = remember(t, s, r);
        if (r->ratio_low > 1)
            alt_subject_keep(s, r);
        struct alt_variant_result *kept = lasts ? NULL : alt_subject_find(s, r->tag);
        if (kept) /* the file goes with the worker */
            (void)alt_choose_load(t, s, kept);
    }
    return MORE;
}

static enum answer converse(struct alt_tuner *t, struct alt_subject *s, uint32_t id)
{
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    double heard = alt_tuner_now();
    while (!alt_tuner_over(t)) {
        int fd, status;
        alt_slots_turn(&t->slots, alt_tuner_now());
        alt_status got = alt_msg_receive(t->worker.socket, &header, body, &fd, ALT_SLOTS_TURN_MS);
        if (fd >= 0)
            close(fd);
        if (got == ALT_E_BUSY) {
            if (alt_child_ended(&t->worker, &status) || alt_tuner_now() - heard > SILENCE_S)
                return GONE;
            continue;
        }
        if (got != ALT_OK)
            return GONE;
        heard = alt_tuner_now();
        enum answer a = header.id == id ? take_message(t, s, &header, body) : MORE;
        if (a != MORE)
            return a;
    }
    return FINISHED;
}

static enum answer ask(struct alt_tuner *t, struct alt_subject *s)
{
    /* While the session serves, the core that a slot leaves is all there is; real runs tell how more threads do. */
    const int threads = t->options.mode == ALT_TUNE_NOW ? t->session->options.threads : 1;
    struct alt_msg_region region = {.threads = (uint32_t)threads, .seed = 1};
    uint32_t id = (uint32_t)(s - t->subject) + 1;
    double left = EXPLORING * t->options.budget_s - (alt_tuner_now() - t->started_s);
    double share = left / (t->n_subjects - (int)t->report.explored); /* nobody else writes it */
    double seconds = share > LEAST_S ? share : left < LEAST_S ? left : LEAST_S;
    region.budget_ms = (uint32_t)(seconds > 0 ? seconds * 1000 : 0);
    snprintf(region.text, sizeof region.text, "%s", s->text);
    if (alt_msg_send(t->worker.socket, ALT_MSG_REGION, id, &region, sizeof region, -1, HELLO_MS) != ALT_OK)
        return GONE;
    return converse(t, s, id);
}

bool alt_explore(struct alt_tuner *t, struct alt_subject *s)
{
    for (int i = 0; i < TRIES; i++) {
        if (!start_worker(t))
            return false;
        enum answer a = ask(t, s);
        alt_slots_rest(&t->slots);
        if (a != GONE)
            return true;
        alt_child_stop(&t->worker, GRACE_MS); /* time to remove its folder */
        count_trial(t, s, &(struct alt_msg_result){.cause = ALT_CAUSE_LOST, .text = "the worker went away"});
        pthread_mutex_lock(&t->mutex);
        bool enough = ++t->report.worker_restarts > RESTARTS;
        pthread_mutex_unlock(&t->mutex);
        if (enough) {
            alt_tuner_note(t, "the worker went away %d times; exploring has ended", RESTARTS + 1);
            return false;
        }
    }
    return true;
}

bool alt_explore_over(struct alt_tuner *t)
{
    return alt_tuner_now() - t->started_s > EXPLORING * t->options.budget_s || alt_tuner_stopping(t);
}

void alt_explore_end(struct alt_tuner *t)
{
    alt_slots_rest(&t->slots);
    alt_child_stop(&t->worker, GRACE_MS);
    alt_slots_close(&t->slots);
}
