/* kernel_check_trial.h: one case with its inputs, node and expected outputs, inside the child process. */
#ifndef ALT_TESTS_KERNEL_CHECK_TRIAL_H
#define ALT_TESTS_KERNEL_CHECK_TRIAL_H

#include "runtime/mem.h"
#include "runtime/step.h"
#include "runtime/type.h"
#include "tests/kernel_check.h"

/* What the child tells its parent; lies in memory that both share. */
struct kc_report {
    char variant[32]; /* under way */
    char text[2000];  /* first fault; "": none */
    int variants;     /* that were run */
    bool ended;
};

struct kc_trial {
    const struct kc_case *c;
    struct kc_report *report;
    uint64_t random;
    bool repeat;                  /* one axis of each input holds the same everywhere */
    int repeated_axis[KC_INPUTS]; /* -1: none */
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab dims;
    struct alt_diag diag;
    struct alt_node *node;
    const struct alt_op_impl *impl;
    struct kc_tensor in[KC_INPUTS], expected[KC_OUTPUTS];
    struct alt_tensor content[KC_INPUTS]; /* the inputs, encoded; dtype NONE: omitted */
    struct alt_type out_type[KC_OUTPUTS];
};

/* Fills the inputs, makes the node, infers, computes what is expected. False: the report says why not. */
bool kc_trial_prepare(struct kc_trial *t, const struct kc_case *c, struct kc_report *report, uint64_t seed,
                      bool repeat);
void kc_trial_free(struct kc_trial *t);
/* Notes the first fault; returns false. */
bool kc_fault(struct kc_trial *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with what the library said. */
bool kc_fault_status(struct kc_trial *t, const char *what, alt_status status);
/* Holds output `o` against what is expected; `where[i]` is the place of logical element i in `data` (NULL: i). */
bool kc_compare(struct kc_trial *t, int o, const void *data, const int64_t *where);

/* Runs every variant that applies. */
void kc_variants_run(struct kc_trial *t);
/* Times the dense variant and the blocked ones, and prints a line each. */
void kc_variants_time(struct kc_trial *t, const char *name);
/* The variant of repeated inputs, on a trial prepared so. */
void kc_variants_run_repeated(struct kc_trial *t);

#endif
