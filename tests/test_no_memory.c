/* test_no_memory.c: every allocation may fail, whatever a session is doing (loading, running shapes that depend on data, taking a
 * value for an input with a default, exchanging plans, shutting down with answers still out), and ceilings are kept to the byte. */
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <stdlib.h>
#include <string.h>

/* ---- what is done ---- */

struct work {
    const struct graph_bytes *bytes;
    size_t n_inputs;
    alt_value *const *in[2]; /* two shapes */
    size_t memory_limit;     /* of model and session each; 0: none */
    alt_model *model;
    alt_session *session;
};

static alt_status open_session(struct work *w, const alt_allocator *hooks)
{
    const alt_model_options mo = {.size = sizeof mo, .allocator = hooks, .memory_limit = w->memory_limit};
    const alt_session_options so = {
        .size = sizeof so, .allocator = hooks, .threads = 1, .memory_limit = w->memory_limit};
    w->model = NULL;
    w->session = NULL;
    alt_status status = alt_model_load_memory(w->bytes->model.data, w->bytes->model.size, &mo, &w->model, NULL);
    return status == ALT_OK ? alt_session_create(w->model, &so, &w->session, NULL) : status;
}

static void close_session(struct work *w)
{
    alt_session_free(w->session);
    alt_model_free(w->model);
}

/* *keep (may be NULL) receives the answer. */
static alt_status run(const struct work *w, int shape, alt_value **keep)
{
    alt_value *out[2] = {NULL};
    size_t n_out = alt_model_output_count(w->model);
    alt_status status =
        alt_session_run(w->session, NULL, (const alt_value *const *)w->in[shape], w->n_inputs, out, n_out, NULL);
    for (size_t i = 0; i < n_out; i++)
        if ((status == ALT_OK) != (out[i] != NULL))
            fail_msg("an answer without success, or success without one");
    for (size_t i = 0; i < n_out; i++)
        if (keep && i == 0)
            *keep = out[i];
        else
            alt_value_release(out[i]);
    return status;
}

static alt_status make_plan(const struct work *w, enum alt_layout_policy policy, struct alt_plan **out)
{
    struct alt_program_spec spec = alt_session_spec(w->session);
    spec.policy = policy;
    return alt_plan_create(&spec, NULL, out);
}

/* A refused request during publication costs the publication, never the session: the next run answers unless requests go on
 * being refused. */
static alt_status still_answers(const struct work *w, alt_status status, const alt_allocator *hooks)
{
    const struct fail_alloc *fail = hooks->context;
    alt_status after = run(w, 0, NULL);
    if (after != ALT_OK && fail->once && fail->failed && status != ALT_OK)
        fail_msg("a publication that failed took the session with it");
    return status != ALT_OK ? status : after;
}

static alt_status swap(const struct work *w, const alt_allocator *hooks)
{
    struct alt_plan *plan;
    alt_status status = make_plan(w, ALT_LAYOUT_BLOCKED, &plan);
    if (status == ALT_OK)
        status = alt_session_publish(w->session, plan, NULL);
    ALT_CHECK(still_answers(w, status, hooks));
    status = make_plan(w, ALT_LAYOUT_PLAIN, &plan);
    if (status == ALT_OK)
        status = alt_session_expose(w->session, plan, 1, NULL);
    ALT_CHECK(still_answers(w, status, hooks));
    for (int i = 0; i < 4; i++)
        ALT_CHECK(run(w, i % 2, NULL));
    alt_session_exchange(w->session, 0.5);
    for (int i = 0; i < 4; i++)
        ALT_CHECK(run(w, i % 2, NULL));
    alt_session_exchange(w->session, 0.5); /* back */
    alt_session_withdraw(w->session);
    ALT_CHECK(run(w, 1, NULL));
    return alt_session_collect(w->session) == 0 ? ALT_OK : ALT_E_INTERNAL;
}

static alt_status load_run_swap(const alt_allocator *hooks, void *context)
{
    struct work *w = context;
    alt_value *kept = NULL;
    alt_status status = open_session(w, hooks);
    for (int shape = 0; shape < 2 && status == ALT_OK; shape++)
        status = run(w, shape, shape ? &kept : NULL);
    if (status == ALT_OK)
        status = swap(w, hooks);
    close_session(w);
    alt_value_release(kept); /* after the session: it comes back to nobody */
    return status;
}

static alt_status load_run(const alt_allocator *hooks, void *context)
{
    struct work *w = context;
    alt_status status = open_session(w, hooks);
    for (int i = 0; i < 4 && status == ALT_OK; i++)
        status = run(w, i % 2, NULL);
    close_session(w);
    return status;
}

/* ---- models ---- */

static alt_value *floats(size_t rank, const int64_t *dims)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, rank, dims, &v), ALT_OK);
    float *x = alt_value_data(v);
    for (size_t i = 0; i < alt_value_count(v); i++)
        x[i] = (float)(i % 5) / 4;
    return v;
}

struct convnet {
    struct graph_bytes bytes;
    alt_value *in[2][1];
    struct work work;
};

static void convnet_open(struct convnet *c)
{
    memset(c, 0, sizeof *c);
    graph_bytes_convnet(&c->bytes);
    for (int64_t i = 0; i < 2; i++)
        c->in[i][0] = floats(4, (const int64_t[]){1 + 2 * i, 3, 16, 16});
    c->work = (struct work){.bytes = &c->bytes, .n_inputs = 1, .in = {c->in[0], c->in[1]}};
}

static void convnet_close(struct convnet *c)
{
    alt_value_release(c->in[0][0]);
    alt_value_release(c->in[1][0]);
    graph_bytes_close(&c->bytes);
}

static void sweep(alt_status (*work)(const alt_allocator *, void *), struct work *w)
{
    const char *why = NULL;
    uint64_t requests = fail_alloc_sweep(work, w, &why);
    if (!requests)
        fail_msg("%s", why);
    print_message("%llu requests\n", (unsigned long long)requests);
}

static void exchanging_plans(void **state)
{
    (void)state;
    struct convnet c;
    convnet_open(&c);
    sweep(load_run_swap, &c.work);
    convnet_close(&c);
}

/* A NonZero makes segments; "w" is an initializer that a caller may replace. */
static void data_dependent_shapes_and_defaults(void **state)
{
    (void)state;
    struct graph_bytes g;
    const int64_t minus_one = -1;
    graph_bytes_open(&g, 1);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "n");
    graph_bytes_input(&g, "w", ALT_FLOAT32, "1");
    graph_bytes_weights(&g, "w", "1", 1);
    graph_bytes_ints(&g, "flat", 1, &minus_one);
    graph_bytes_node(&g, "NonZero", "x", "i", NULL);
    graph_bytes_node(&g, "Reshape", "i,flat", "j", NULL);
    graph_bytes_node(&g, "Gather", "x,j", "found", "axis=0");
    graph_bytes_node(&g, "Mul", "found,w", "y", NULL);
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_finish(&g, 13);
    alt_value *x = floats(1, (const int64_t[]){7}), *longer = floats(1, (const int64_t[]){12}),
              *w = floats(1, (const int64_t[]){1});
    alt_value *const without[] = {x, NULL}, *const with[] = {longer, w};
    struct work work = {.bytes = &g, .n_inputs = 2, .in = {without, with}};
    sweep(load_run, &work);
    alt_value_release(x);
    alt_value_release(longer);
    alt_value_release(w);
    graph_bytes_close(&g);
}

/* ---- ceilings ---- */

/* Under each ceiling, up to what suffices: done or ALT_E_NOMEM, and never a byte above it at the allocator. */
static void ceilings(struct work *w, alt_status (*work)(const alt_allocator *, void *))
{
    struct fail_alloc memory;
    enum { STEPS = 150 };
    bool refused = false;
    fail_alloc_init(&memory, 0, false);
    w->memory_limit = 0;
    assert_int_equal(work(&memory.hooks, w), ALT_OK);
    size_t enough = (size_t)memory.peak;
    for (size_t i = 0; i <= STEPS; i++) {
        w->memory_limit = i == STEPS ? enough : 1 + enough * i / STEPS;
        fail_alloc_init(&memory, 0, false);
        alt_status status = work(&memory.hooks, w);
        refused |= status == ALT_E_NOMEM;
        if (status != ALT_OK && (status != ALT_E_NOMEM || i == STEPS))
            fail_msg("under a ceiling of %zu of %zu bytes: %s", w->memory_limit, enough, alt_status_name(status));
        assert_int_equal(memory.blocks, 0);
        assert_int_equal(memory.faults, 0);
    }
    assert_true(refused);
}

/* The session's own account and what its allocator saw, ceiling by ceiling down from what it needs. */
static void session_ceiling_to_the_byte(void **state)
{
    (void)state;
    struct convnet c;
    struct fail_alloc memory;
    alt_stats stats = {.size = sizeof stats};
    bool refused = false;
    size_t enough = 0;
    convnet_open(&c);
    alt_model *model;
    assert_int_equal(alt_model_load_memory(c.bytes.model.data, c.bytes.model.size, NULL, &model, NULL), ALT_OK);
    for (int i = 0; i < 200; i++) {
        size_t limit = !enough ? 0 : i == 1 ? enough : i == 2 ? enough - 1 : enough * (size_t)(200 - i) / 200;
        const alt_session_options so = {
            .size = sizeof so, .allocator = &memory.hooks, .threads = 1, .memory_limit = limit};
        struct work w = c.work;
        fail_alloc_init(&memory, 0, false);
        alt_status status = alt_session_create(model, &so, &w.session, NULL);
        w.model = model;
        if (status == ALT_OK) {
            for (int k = 0; k < 4 && status == ALT_OK; k++)
                status = run(&w, k % 2, NULL);
            assert_int_equal(alt_session_stats(w.session, &stats), ALT_OK);
            assert_int_equal(stats.peak_bytes, memory.peak);
            alt_session_free(w.session);
        }
        if (status != ALT_OK && status != ALT_E_NOMEM)
            fail_msg("under a ceiling of %zu bytes: %s", limit, alt_status_name(status));
        if (limit && (size_t)memory.peak > limit)
            fail_msg("%zu bytes under a ceiling of %zu", (size_t)memory.peak, limit);
        assert_int_equal(memory.blocks, 0);
        refused |= status != ALT_OK;
        if (i == 0)
            enough = stats.peak_bytes;
        if (i == 1)
            assert_int_equal(status, ALT_OK);
    }
    assert_true(refused);
    alt_model_free(model);
    convnet_close(&c);
}

static void ceilings_over_swaps(void **state)
{
    (void)state;
    struct convnet c;
    convnet_open(&c);
    ceilings(&c.work, load_run_swap);
    ceilings(&c.work, load_run);
    convnet_close(&c);
}

static void model_ceiling_to_the_byte(void **state)
{
    (void)state;
    struct convnet c;
    struct fail_alloc memory;
    size_t enough = 0;
    convnet_open(&c);
    for (int i = 0; i < 100; i++) {
        size_t limit = !enough ? 0 : i == 1 ? enough : enough * (size_t)(100 - i) / 100;
        const alt_model_options mo = {.size = sizeof mo, .allocator = &memory.hooks, .memory_limit = limit};
        alt_model *model = NULL;
        alt_error *error = NULL;
        fail_alloc_init(&memory, 0, false);
        alt_status status = alt_model_load_memory(c.bytes.model.data, c.bytes.model.size, &mo, &model, &error);
        assert_int_equal(status, i < 2 ? ALT_OK : ALT_E_NOMEM);
        assert_true(!limit || (size_t)memory.peak <= limit);
        assert_true((status == ALT_OK) == !alt_error_text(error)[0]);
        alt_error_free(error);
        alt_model_free(model);
        assert_int_equal(memory.blocks, 0);
        enough = i ? enough : (size_t)memory.peak;
    }
    convnet_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanging_plans),
        cmocka_unit_test(data_dependent_shapes_and_defaults),
        cmocka_unit_test(session_ceiling_to_the_byte),
        cmocka_unit_test(model_ceiling_to_the_byte),
        cmocka_unit_test(ceilings_over_swaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
