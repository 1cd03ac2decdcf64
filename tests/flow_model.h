/* flow_model.h: one model with subgraphs, loaded, with a session and the values of a run: what the tests of control flow share.
 * Asserts with cmocka. */
#ifndef ALT_TESTS_FLOW_MODEL_H
#define ALT_TESTS_FLOW_MODEL_H

#include "tests/graph_bytes.h"

#include <alt/alt.h>

enum { FLOW_MOST = 8 };

struct flow {
    struct graph_bytes bytes; /* to be written before flow_open */
    alt_model *model;
    alt_session *session;
    alt_value *in[FLOW_MOST], *out[FLOW_MOST]; /* owned */
    size_t n_in, n_out;
    char text[2000]; /* of the last load or run that failed */
};

extern const char *const flow_body_name[1], *const flow_branch_names[2];

/* The head of a loop's body: its counter "i" and condition "c", and the condition passed on. */
void flow_body(struct graph_bytes *body);
/* Ends the model, loads it and makes a session. */
alt_status flow_load(struct flow *f, const alt_session_options *options);
/* The same, which must succeed. */
void flow_open(struct flow *f, const alt_session_options *options);
void flow_close(struct flow *f);
/* A run on f->in; the answers of the one before go. */
alt_status flow_try(struct flow *f, const alt_run_options *options);
/* The same, which must succeed. */
void flow_run(struct flow *f);
/* Allocations by warm runs so far. */
uint64_t flow_allocations(const struct flow *f);

alt_value *flow_floats(size_t count, const float *x);
alt_value *flow_number(int64_t x);
alt_value *flow_flag(bool x);
/* A float tensor of that shape and content. */
void flow_expect(const alt_value *v, size_t rank, const int64_t *dims, const float *x);

#endif
