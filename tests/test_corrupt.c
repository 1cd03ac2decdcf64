/* test_corrupt.c: broken copies of good models are refused with a text, or run, or fail with a status: none crashes, hangs or
 * passes a ceiling. The copies come from fixed seeds. */
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"
#include "tests/load_and_run.h"
#include "tests/onnx_build.h"
#include "tests/proto_mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COPIES = 200, LIMIT = 48 << 20, MOST_SECONDS = 5, NESTED = 10000 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct load_and_run judged(const void *bytes, size_t size, const char *what)
{
    struct load_and_run t = {.memory_limit = LIMIT, .deadline_ns = INT64_C(1000000000), .symbol = 3};
    double begin = seconds();
    load_and_run(&t, bytes, size);
    if (t.wrong)
        fail_msg("%s: %s: %s", what, t.wrong, t.text);
    if (seconds() - begin > MOST_SECONDS)
        fail_msg("%s took %.1f s: %s", what, seconds() - begin, t.text);
    return t;
}

/* The whole model runs. */
static void sound(const struct graph_bytes *g, const char *what)
{
    struct load_and_run t = judged(g->model.data, g->model.size, what);
    if (!t.answered)
        fail_msg("%s: %s", what, t.text);
}

/* ---- ways to break a model ---- */

static size_t flip_bytes(struct rng *r, uint8_t *bytes, size_t size)
{
    for (int64_t i = rng_range(r, 1, 20); i > 0; i--)
        bytes[rng_range(r, 0, (int64_t)size - 1)] = (uint8_t)(rng_next(r) >> 40);
    return size;
}

static size_t cut(struct rng *r, uint8_t *bytes, size_t size)
{
    (void)bytes;
    return (size_t)rng_range(r, 0, (int64_t)size - 1);
}

/* One to three fields of messages become hostile; the framing stays whole. */
static size_t change_fields(struct rng *r, uint8_t *bytes, size_t size)
{
    uint8_t *changed = malloc(size + 4 * PROTO_MUTATE_GROWTH);
    assert_non_null(changed);
    for (int64_t i = rng_range(r, 1, 3); i > 0; i--) {
        size_t n = proto_mutate(r, bytes, size, changed, size + PROTO_MUTATE_GROWTH);
        if (n == 0)
            continue;
        memcpy(bytes, changed, n);
        size = n;
    }
    free(changed);
    return size;
}

typedef size_t breaking(struct rng *r, uint8_t *bytes, size_t size);

/* Half of the copies keep their framing: they get furthest. */
static void break_copies(const char *name, const uint8_t *bytes, size_t size)
{
    static breaking *const ways[] = {flip_bytes, change_fields, cut, change_fields};
    int refused = 0, failed = 0, answered = 0;
    for (int i = 0; i < COPIES; i++) {
        char what[128];
        struct rng r = rng_seed((uint64_t)i + 1);
        uint8_t *copy = malloc(size + 4 * PROTO_MUTATE_GROWTH);
        assert_non_null(copy);
        memcpy(copy, bytes, size);
        size_t n = ways[i % 4](&r, copy, size);
        uint8_t *exact = malloc(n ? n : 1); /* a sanitizer sees what is read behind it */
        assert_non_null(exact);
        memcpy(exact, copy, n);
        free(copy);
        snprintf(what, sizeof what, "%s, seed %d", name, i + 1);
        struct load_and_run t = judged(exact, n, what);
        free(exact);
        refused += !t.loaded;
        failed += t.loaded && !t.answered;
        answered += t.answered;
    }
    print_message("%s: %d refused, %d failed, %d answered\n", name, refused, failed, answered);
    assert_true(refused > 0 && answered > 0);
}

/* ---- models ---- */

static void a_convolutional_net(void **state)
{
    (void)state;
    struct graph_bytes g;
    graph_bytes_convnet(&g);
    sound(&g, "convnet");
    break_copies("convnet", g.model.data, g.model.size);
    graph_bytes_close(&g);
}

/* Shapes from shape arithmetic, from contents and from data. */
static void shapes_of_every_kind(void **state)
{
    (void)state;
    struct graph_bytes g;
    const int64_t minus_one = -1, two = 2;
    graph_bytes_open(&g, 1);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "n,4,6");
    graph_bytes_input(&g, "k", ALT_INT64, "1");
    graph_bytes_ints(&g, "flat", 1, &minus_one);
    graph_bytes_ints(&g, "two", 1, &two);
    graph_bytes_weights(&g, "w", "6,5", 1);
    graph_bytes_node(&g, "Shape", "x", "s", NULL);
    graph_bytes_node(&g, "Gather", "s,two", "last", "axis=0");
    graph_bytes_node(&g, "Concat", "flat,last", "target", "axis=0");
    graph_bytes_node(&g, "Reshape", "x,target", "rows", NULL);
    graph_bytes_node(&g, "MatMul", "rows,w", "product", NULL);
    graph_bytes_node(&g, "Softmax", "product", "p", "axis=1");
    graph_bytes_node(&g, "Tile", "p,last2", "tiled", NULL);
    graph_bytes_node(&g, "Concat", "two,two", "last2", "axis=0");
    graph_bytes_node(&g, "TopK", "tiled,k", "best,where", "axis=1");
    graph_bytes_node(&g, "NonZero", "best", "i", NULL);
    graph_bytes_node(&g, "Reshape", "i,flat", "j", NULL);
    graph_bytes_node(&g, "Pad", "best,four", "padded", NULL);
    graph_bytes_ints(&g, "four", 4, (const int64_t[]){1, 0, 2, 1});
    graph_bytes_node(&g, "Slice", "padded,two,big", "y", NULL);
    graph_bytes_ints(&g, "big", 1, (const int64_t[]){INT64_MAX});
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_output(&g, "j", ALT_INT64);
    graph_bytes_finish(&g, 13);
    sound(&g, "shapes");
    break_copies("shapes", g.model.data, g.model.size);
    graph_bytes_close(&g);
}

/* Transposed convolution, resizing, windows with attributes of every kind. */
static void windows_of_every_kind(void **state)
{
    (void)state;
    struct graph_bytes g;
    graph_bytes_open(&g, 2);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "1,4,9,8");
    graph_bytes_weights(&g, "w", "4,3,3,3", 1);
    graph_bytes_weights(&g, "v", "6,1,3,3", 1);
    graph_bytes_weights(&g, "m", "6,3,1,1", 1);
    graph_bytes_ints(&g, "sizes", 4, (const int64_t[]){1, 6, 7, 5});
    graph_bytes_node(&g, "ConvTranspose", "x,w", "a", "strides=2,2 pads=1,1,1,1 output_padding=1,1");
    graph_bytes_node(&g, "Conv", "a,m", "b", "kernel_shape=1,1");
    graph_bytes_node(&g, "Conv", "b,v", "c", "group=6 dilations=2,2 pads=2,2,2,2");
    graph_bytes_node(&g, "MaxPool", "c", "d", "kernel_shape=3,2 strides=2,2 ceil_mode=1");
    graph_bytes_node(&g, "AveragePool", "d", "e", "kernel_shape=2,2 pads=1,1,0,0 count_include_pad=1");
    graph_bytes_node(&g, "Resize", "e,,,sizes", "f", NULL);
    graph_bytes_node(&g, "SpaceToDepth", "x", "g", "blocksize=1");
    graph_bytes_node(&g, "LRN", "f", "y", "size=3");
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_output(&g, "g", ALT_FLOAT32);
    graph_bytes_finish(&g, 13);
    sound(&g, "windows");
    break_copies("windows", g.model.data, g.model.size);
    graph_bytes_close(&g);
}

/* ---- nesting ---- */

/* Wraps `inner` NESTED times, each time in the messages with these field numbers, innermost first, behind `front`. The bytes
 * are written from the end, so that each length is known when it is due. */
static uint8_t *nest(const uint32_t *field, int n_fields, int times, size_t *size)
{
    size_t room = (size_t)times * (size_t)n_fields * 6 + 16, at = room;
    uint8_t *bytes = malloc(room);
    assert_non_null(bytes);
    for (int i = 0; i < times * n_fields; i++) {
        struct pb head = {0};
        pb_tag(&head, field[i % n_fields], 2);
        pb_varint(&head, room - at);
        at -= head.size;
        memcpy(bytes + at, head.data, head.size);
        pb_free(&head);
    }
    *size = room - at;
    memmove(bytes, bytes + at, *size);
    return bytes;
}

static void refuse_nested(const char *what, const uint32_t *field, int n_fields, const uint32_t *around, int n_around)
{
    size_t size;
    uint8_t *deep = nest(field, n_fields, NESTED, &size);
    struct pb message = {0};
    pb_raw(&message, deep, size);
    free(deep);
    for (int i = 0; i < n_around; i++) {
        struct pb outer = {0};
        if (around[i] == 7)
            pb_int(&outer, 1, 8);
        pb_message(&outer, around[i], &message);
        message = outer;
    }
    add_opset(&message, 8, "", 18);
    struct load_and_run t = judged(message.data, message.size, what);
    if (t.loaded || !t.text[0])
        fail_msg("%s: loaded, or refused without a text", what);
    pb_free(&message);
}

static void nesting_without_end(void **state)
{
    (void)state;
    /* NodeProto.attribute 5, AttributeProto.g 6, GraphProto.node 1; ModelProto.graph 7 */
    refuse_nested("graphs in graphs", (const uint32_t[]){5, 1, 6}, 3, (const uint32_t[]){5, 1, 7}, 3);
    /* TypeProto.sequence_type 4 and its elem_type 1; ValueInfoProto.type 2, GraphProto.input 11 */
    refuse_nested("sequences of sequences", (const uint32_t[]){1, 4}, 2, (const uint32_t[]){2, 11, 7}, 3);
    refuse_nested("optionals of optionals", (const uint32_t[]){1, 9}, 2, (const uint32_t[]){2, 12, 7}, 3);
    /* AttributeProto.tp 14 holds types, too */
    refuse_nested("types in attributes", (const uint32_t[]){1, 4}, 2, (const uint32_t[]){14, 5, 1, 7}, 4);
}

/* Extents whose product or byte count overflows, or lies just below. */
static void hostile_extents(void **state)
{
    (void)state;
    static const int64_t extents[] = {
        -1,        INT64_MIN, INT64_MAX, INT64_MAX / 4, (int64_t)1 << 32, (int64_t)1 << 61, ((int64_t)1 << 62) + 1,
        3037000500};
    for (size_t a = 0; a < sizeof extents / sizeof *extents; a++)
        for (size_t b = 0; b < sizeof extents / sizeof *extents; b++) {
            struct graph_bytes g;
            const int64_t target[2] = {extents[a], extents[b]};
            graph_bytes_open(&g, 1);
            graph_bytes_input(&g, "x", ALT_FLOAT32, "1,1");
            graph_bytes_ints(&g, "target", 2, target);
            graph_bytes_node(&g, "Expand", "x,target", "wide", NULL);
            graph_bytes_node(&g, "ConstantOfShape", "target", "filled", NULL);
            graph_bytes_node(&g, "Add", "wide,filled", "sum", NULL);
            graph_bytes_node(&g, "ReduceSum", "sum", "y", NULL);
            graph_bytes_output(&g, "y", ALT_FLOAT32);
            graph_bytes_finish(&g, 13);
            struct load_and_run t = judged(g.model.data, g.model.size, "extents");
            assert_false(t.answered);
            graph_bytes_close(&g);
        }
}

/* Few bytes that ask for endless work are stopped by the deadline, not by patience. */
static void endless_work(void **state)
{
    (void)state;
    struct graph_bytes g;
    graph_bytes_open(&g, 1);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "1,1");
    graph_bytes_ints(&g, "target", 2, (const int64_t[]){1 << 20, 1 << 20});
    graph_bytes_node(&g, "Expand", "x,target", "wide", NULL);
    graph_bytes_node(&g, "ReduceSum", "wide", "y", NULL);
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_finish(&g, 13);
    assert_false(judged(g.model.data, g.model.size, "a sum over 2^40 elements").answered);
    graph_bytes_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_convolutional_net),   cmocka_unit_test(shapes_of_every_kind),
        cmocka_unit_test(windows_of_every_kind), cmocka_unit_test(nesting_without_end),
        cmocka_unit_test(hostile_extents),       cmocka_unit_test(endless_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
