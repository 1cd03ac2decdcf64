/* test_weights.c: constants laid out for kernels are in memory once, whoever uses them and whoever goes first; counted by the
 * allocator of the model. Meant for the thread sanitizer, too. */
#include "runtime/weights.h"

#include "runtime/error.h"
#include "runtime/layout.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/type.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 4, BATCH = 2, CLASSES = 300, THREADS = 4, ROUNDS = 25 };

struct fixture {
    struct fail_alloc memory; /* of the model alone */
    struct graph_bytes bytes;
    alt_model *model;
    alt_value *x, *k; /* k: for the input that has a default value */
    alt_session *session[SESSIONS];
    float expected[BATCH * CLASSES];
    int64_t unused; /* bytes of the model without sessions */
};

/* A convolution whose weights go into blocks, a product large enough for several threads to lay out, a constant that is
 * folded, and one that a run may replace. */
static void write_model(struct graph_bytes *g)
{
    graph_bytes_open(g, 11);
    graph_bytes_input(g, "x", ALT_FLOAT32, "batch,3,16,16");
    graph_bytes_input(g, "k", ALT_FLOAT32, "1");
    graph_bytes_weights(g, "k", "1", 1);
    graph_bytes_weights(g, "w", "16,3,3,3", 0.4f);
    graph_bytes_weights(g, "b", "16", 0.1f);
    graph_bytes_weights(g, "m", "1024,300", 0.05f);
    graph_bytes_weights(g, "p", "300", 1);
    graph_bytes_weights(g, "q", "300", 1);
    graph_bytes_node(g, "Conv", "x,w,b", "c", "kernel_shape=3,3 pads=1,1,1,1 strides=2,2");
    graph_bytes_node(g, "Flatten", "c", "f", NULL);
    graph_bytes_node(g, "MatMul", "f,m", "n", NULL);
    graph_bytes_node(g, "Mul", "p,q", "pq", NULL);
    graph_bytes_node(g, "Add", "n,pq", "a", NULL);
    graph_bytes_node(g, "Mul", "a,k", "y", NULL);
    graph_bytes_output(g, "y", ALT_FLOAT32);
    graph_bytes_finish(g, 13);
}

static alt_value *floats(size_t rank, const int64_t *dims)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, rank, dims, &v), ALT_OK);
    float *x = alt_value_data(v);
    for (size_t i = 0; i < alt_value_count(v); i++)
        x[i] = (float)((i * 2654435761u) % 1000) / 500.0f - 1.0f;
    return v;
}

static alt_session *open_session(const struct fixture *f, int threads)
{
    const alt_session_options options = {.size = sizeof options, .threads = threads};
    alt_session *session = NULL;
    if (alt_session_create(f->model, &options, &session, NULL) != ALT_OK)
        abort(); /* not fail: threads call this */
    return session;
}

/* Runs; `k` NULL: with the default. */
static alt_value *answer(const struct fixture *f, alt_session *session, const alt_value *k)
{
    const alt_value *const in[] = {f->x, k};
    alt_value *y = NULL;
    if (alt_session_run(session, NULL, in, 2, &y, 1, NULL) != ALT_OK || alt_value_bytes(y) != sizeof f->expected)
        abort();
    return y;
}

static bool right(const struct fixture *f, alt_session *session)
{
    alt_value *y = answer(f, session, NULL);
    const bool same = memcmp(alt_value_data(y), f->expected, sizeof f->expected) == 0;
    alt_value_release(y);
    return same;
}

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    fail_alloc_init(&f->memory, 0, false);
    write_model(&f->bytes);
    const alt_model_options options = {.size = sizeof options, .allocator = &f->memory.hooks};
    assert_int_equal(alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, &options, &f->model, NULL), ALT_OK);
    f->unused = f->memory.bytes;
    f->x = floats(4, (const int64_t[]){BATCH, 3, 16, 16});
    f->k = floats(1, (const int64_t[]){1});
    alt_session *first = open_session(f, 1);
    alt_value *y = answer(f, first, NULL);
    memcpy(f->expected, alt_value_data(y), sizeof f->expected);
    alt_value_release(y);
    alt_session_free(first);
    assert_int_equal(f->memory.bytes, f->unused);
}

static void teardown(struct fixture *f)
{
    assert_int_equal(f->memory.bytes, f->unused);
    alt_model_free(f->model);
    alt_value_release(f->x);
    alt_value_release(f->k);
    graph_bytes_close(&f->bytes);
    assert_int_equal(f->memory.blocks, 0);
    assert_int_equal(f->memory.faults, 0);
}

/* ---- one copy ---- */

/* Opens all sessions; the bytes of weights that the first one brought. */
static int64_t open_all(struct fixture *f)
{
    f->session[0] = open_session(f, 2);
    const int64_t one = f->memory.bytes - f->unused;
    assert_true(one >= (int64_t)f->session[0]->base->program->packed_bytes);
    assert_true(one > 1024 * CLASSES * 4);
    for (int i = 1; i < SESSIONS; i++)
        f->session[i] = open_session(f, 1 + i);
    assert_int_equal(f->memory.bytes, f->unused + one);
    return one;
}

static void check_values_shared(const struct fixture *f)
{
    const struct alt_program *p = f->session[0]->base->program;
    int laid_out = 0;
    for (int v = 0; v < p->n_values; v++) {
        laid_out += p->value[v].weight != NULL;
        for (int i = 1; i < SESSIONS; i++)
            assert_ptr_equal(p->value[v].data, f->session[i]->base->program->value[v].data);
    }
    assert_true(laid_out >= 2);
}

static void one_copy_and_freed_in_any_order(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (int order = 0; order < 24; order++) {
        const int64_t one = open_all(&f);
        int code = order;
        check_values_shared(&f);
        for (int left = SESSIONS; left > 0; left--) {
            for (int i = 0; i < left; i++)
                assert_true(right(&f, f.session[i]));
            const int gone = code % left;
            code /= left;
            alt_session_free(f.session[gone]);
            f.session[gone] = f.session[left - 1];
            assert_int_equal(f.memory.bytes, f.unused + (left > 1 ? one : 0));
        }
    }
    teardown(&f);
}

static void publish(alt_session *session, enum alt_layout_policy policy)
{
    struct alt_program_spec spec = alt_session_spec(session);
    struct alt_plan *plan;
    spec.policy = policy;
    assert_int_equal(alt_plan_create(&spec, NULL, &plan), ALT_OK);
    assert_int_equal(alt_session_publish(session, plan, NULL), ALT_OK);
}

static void plans_share_too(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const int64_t one = open_all(&f);
    publish(f.session[0], ALT_LAYOUT_BLOCKED);
    assert_int_equal(f.memory.bytes, f.unused + one);
    publish(f.session[1], ALT_LAYOUT_PLAIN);
    const int64_t both = f.memory.bytes;
    assert_true(both < f.unused + 2 * one);
    publish(f.session[2], ALT_LAYOUT_PLAIN);
    assert_int_equal(f.memory.bytes, both);
    alt_session_free(f.session[1]);
    assert_true(right(&f, f.session[2]));
    assert_int_equal(f.memory.bytes, both);
    alt_session_free(f.session[2]);
    assert_int_equal(f.memory.bytes, f.unused + one);
    alt_session_free(f.session[0]);
    assert_true(right(&f, f.session[3]));
    alt_session_free(f.session[3]);
    teardown(&f);
}

/* The plan for runs that replace a default reads the model anew, and finds the weights where they are. Its folded constants
 * are its own. */
static void a_replaced_default_brings_few_weights(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const int64_t one = open_all(&f);
    alt_value *y = answer(&f, f.session[1], f.k);
    alt_value_release(y);
    assert_true(f.memory.bytes < f.unused + one + 4 * 4096);
    for (int i = 0; i < SESSIONS; i++)
        alt_session_free(f.session[i]);
    teardown(&f);
}

/* ---- keys ---- */

/* Elements at one address are another weight in another shape, type or layout, and the same one in an equal layout. */
static void what_is_the_same(void **state)
{
    (void)state;
    _Alignas(ALT_ALIGN) static const float data[24];
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_weights store;
    const struct alt_layout *blocked, *again;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    assert_int_equal(alt_layout_blocked(&arena, 2, 0, 4, &blocked), ALT_OK);
    assert_int_equal(alt_layout_blocked(&arena, 2, 0, 4, &again), ALT_OK);
    assert_int_equal(alt_weights_init(&store, &mem, NULL), ALT_OK);
    const struct alt_tensor t = {ALT_FLOAT32, 2, {4, 6}, data, sizeof data};
    struct alt_tensor wide = t, whole = t;
    wide.dim[0] = 6;
    wide.dim[1] = 4;
    whole.dtype = ALT_INT32;
    const struct {
        const struct alt_tensor *t;
        const struct alt_layout *layout;
    } key[] = {{&t, NULL}, {&t, blocked}, {&wide, NULL}, {&wide, blocked}, {&whole, NULL}, {&t, again}};
    enum { KEYS = sizeof key / sizeof *key };
    struct alt_weight *weight[KEYS];
    struct alt_weight_use use[KEYS];
    for (int i = 0; i < KEYS; i++)
        use[i] = (struct alt_weight_use){key[i].t, key[i].layout, NULL};
    assert_int_equal(alt_weights_get(&store, use, KEYS, NULL), ALT_OK);
    for (int i = 0; i < KEYS; i++)
        weight[i] = use[i].weight;
    for (int i = 0; i < KEYS; i++)
        for (int k = 0; k < i; k++)
            assert_int_equal(weight[i] == weight[k], i == KEYS - 1 && k == 1);
    for (int i = 0; i < KEYS; i++)
        alt_weights_release(&store, weight[i]);
    alt_weights_free(&store);
    alt_arena_free(&arena);
    assert_int_equal(mem.used, 0);
}

/* ---- no memory, and threads ---- */

static alt_status open_two(const alt_allocator *hooks, void *context)
{
    const struct fixture *f = context;
    const alt_model_options mo = {.size = sizeof mo, .allocator = hooks};
    const alt_session_options so = {.size = sizeof so, .allocator = hooks, .threads = 2};
    alt_model *model = NULL;
    alt_session *a = NULL, *b = NULL;
    alt_value *y = NULL;
    const alt_value *const in[] = {f->x};
    alt_status status;
    ALT_TRY(alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, &mo, &model, NULL));
    ALT_TRY(alt_session_create(model, &so, &a, NULL));
    ALT_TRY(alt_session_create(model, &so, &b, NULL));
    alt_session_free(a);
    a = NULL;
    ALT_TRY(alt_session_run(b, NULL, in, 1, &y, 1, NULL));
    status = memcmp(alt_value_data(y), f->expected, sizeof f->expected) == 0 ? ALT_OK : ALT_E_INTERNAL;
done:
    alt_value_release(y);
    alt_session_free(a);
    alt_session_free(b);
    alt_model_free(model);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct fixture f;
    const char *why = NULL;
    setup(&f);
    if (!fail_alloc_sweep(open_two, &f, &why))
        fail_msg("%s", why);
    teardown(&f);
}

static void *come_and_go(void *context)
{
    struct fixture *f = context;
    for (int i = 0; i < ROUNDS; i++) {
        alt_session *a = open_session(f, 1 + i % 3), *b = i % 2 ? open_session(f, 2) : NULL;
        if (!right(f, a) || (b && !right(f, b)))
            abort();
        alt_session_free(a);
        if (b && !right(f, b))
            abort();
        alt_session_free(b);
    }
    return NULL;
}

static void sessions_come_and_go_on_threads(void **state)
{
    (void)state;
    struct fixture f;
    pthread_t thread[THREADS];
    setup(&f);
    alt_session *kept = open_session(&f, 1);
    const int64_t one = f.memory.bytes;
    for (int round = 0; round < 2; round++) { /* beside a session that stays, then alone */
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, &f), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        assert_true(f.memory.peak <= one);
        alt_session_free(kept);
        kept = NULL;
    }
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_copy_and_freed_in_any_order), cmocka_unit_test(plans_share_too),
        cmocka_unit_test(a_replaced_default_brings_few_weights), cmocka_unit_test(what_is_the_same),
        cmocka_unit_test(every_allocation_may_fail), cmocka_unit_test(sessions_come_and_go_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
