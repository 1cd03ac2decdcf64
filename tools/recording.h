/* recording.h: the steps of the last runs, as the session reports them. For one run at a time. */
#ifndef ALT_TOOLS_RECORDING_H
#define ALT_TOOLS_RECORDING_H

#include <alt/session.h>

/* Of one run; steps of subgraphs beyond are left out: a loop may have any number. */
enum { RECORDED_STEPS = 10000 };

struct recorded_run {
    uint64_t number; /* from 1, in the order of the runs that answered */
    int64_t begin_ns, end_ns;
    alt_step_report *step; /* owned; the texts of each in one block, that of `nodes` */
    size_t count, capacity;
    uint64_t left_out; /* such steps */
};

struct recording {
    struct recorded_run *ring; /* [limit + 1], owned */
    size_t limit;
    uint64_t runs;  /* that answered */
    bool no_memory; /* steps are missing */
};

/* For the last `limit` runs. False when there is no memory. */
bool recording_init(struct recording *r, size_t limit);
void recording_free(struct recording *r);
/* Around each run, with recording_step as its on_step. `r` NULL: nothing is recorded. */
void recording_begin(struct recording *r);
void recording_end(struct recording *r, bool answered);
void recording_step(void *recording, const alt_step_report *report);
/* The runs that are held, and the i-th of them, oldest first. */
size_t recording_count(const struct recording *r);
const struct recorded_run *recording_run(const struct recording *r, size_t i);

#endif
