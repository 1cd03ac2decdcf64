/* bench.h: one region ready to be run and timed, by default kernels and by a candidate. Everything is single-threaded but for
 * the kernels' own parallel loops. */
#ifndef ALT_TUNER_TRIAL_BENCH_H
#define ALT_TUNER_TRIAL_BENCH_H

#include "jit/desc.h"
#include "runtime/exec.h"
#include "runtime/plan.h"
#include "runtime/weights.h"

struct alt_code;
struct alt_pool;

/* One way to compute the region: a plan over the region's graph, with its context and answer. */
struct bench_side {
    struct alt_weights weights; /* its own: its memory is its own, too */
    struct alt_plan *plan;       /* owned */
    struct alt_context *context; /* owned */
    struct alt_exec exec;
    alt_value *output; /* owned; NULL before the first run */
};

struct bench {
    struct alt_mem *mem; /* borrowed */
    struct alt_arena arena;
    struct alt_dimtab dims;
    struct alt_desc desc;
    struct alt_graph *graph;
    struct alt_tensor *input; /* [n_inputs] */
    alt_value **value;        /* their memory; owned */
    struct alt_pool *pool;    /* one reference */
    int threads;
    struct bench_side base; /* default kernels; has run once */
    int first_ms;           /* what that took, rounded up */
    alt_value *answer;      /* of that run, owned; repeated steps that work in place spoil base.output */
};

/* From the text of a descriptor: graph, data drawn from `seed`, and a first run of the default kernels. ALT_E_MALFORMED,
 * ALT_E_NOMEM, ALT_E_UNSUPPORTED. */
alt_status bench_open(struct bench *b, const char *text, uint64_t seed, int threads, struct alt_mem *mem) ALT_MUST_USE;
void bench_close(struct bench *b);

/* A side that computes the region with generated code, its memory from `mem`; not run yet. The bench and the code must
 * outlive it. */
alt_status bench_side_open(struct bench *b, const struct alt_code *code, struct alt_mem *mem,
                           struct bench_side *out) ALT_MUST_USE;
void bench_side_close(struct bench_side *side);
/* Runs it whole, conversions at its edges included; the answer is in side->output. */
alt_status bench_side_run(struct bench_side *side) ALT_MUST_USE;
/* Runs what the region itself is, `times` times: the steps that are not conversions. After bench_side_run. */
alt_status bench_side_again(struct bench_side *side, int times) ALT_MUST_USE;

/* Largest difference of the side's answer from the default kernels', relative to the largest finite magnitude in that; HUGE_VAL where
 * one is finite and the other not. *exact: the same bits. After bench_side_run. */
double bench_difference(const struct bench *b, const struct bench_side *side, bool *exact);

#endif
