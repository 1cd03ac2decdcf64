/* cost.c: operations by operator, from a table. What is not in it asks for one an element, of the input where that is reduced,
 * else of the output; and for none where views show that it only moves elements. */
#include "runtime/cost.h"

struct ask {
    const struct alt_node *node;
    alt_extents_fn *extents;
    const void *user;
};

double alt_extents_count(struct alt_extents e)
{
    double n = 1;
    for (int d = 0; d < e.rank; d++)
        n *= alt_dim_known(e.dim[d]) ? (double)e.dim[d] : 1;
    return n;
}

struct alt_extents alt_graph_extents(const void *user, const struct alt_gvalue *v)
{
    (void)user;
    return (struct alt_extents){v->type.shape.rank, v->type.shape.dim};
}

static struct alt_extents of(const struct ask *a, const struct alt_gvalue *v)
{
    return v ? a->extents(a->user, v) : (struct alt_extents){.rank = -1};
}

static struct alt_extents input(const struct ask *a, int i) { return of(a, i < a->node->n_in ? a->node->in[i] : NULL); }

static double in(const struct ask *a, int i)
{
    return i < a->node->n_in && a->node->in[i] ? alt_extents_count(input(a, i)) : 0;
}

static double out(const struct ask *a)
{
    return a->node->n_out && a->node->out[0] ? alt_extents_count(of(a, a->node->out[0])) : 0;
}

/* An extent counted from the front, or with at < 0 from the back. */
static double extent(struct alt_extents e, int at)
{
    at = at < 0 ? e.rank + at : at;
    return at >= 0 && at < e.rank && alt_dim_known(e.dim[at]) ? (double)e.dim[at] : 1;
}

/* Every output reads all of its filter; filters are input `w`, one an output channel. */
static double convolution(const struct ask *a, int w)
{
    const double filters = extent(input(a, w), 0);
    return filters > 0 ? 2 * out(a) * in(a, w) / filters : 0;
}

/* Every input meets all of its filter. */
static double transposed(const struct ask *a, int w)
{
    const double filters = extent(input(a, w), 0);
    return filters > 0 ? 2 * in(a, 0) * in(a, w) / filters : 0;
}

static double product(const struct ask *a, int w)
{
    (void)w;
    return 2 * out(a) * extent(input(a, 0), -1);
}

static double gemm(const struct ask *a, int w)
{
    return alt_attr_int(a->node, "transA", 0) ? 2 * out(a) * extent(input(a, 0), 0) : product(a, w);
}

/* Each step of each sequence meets all weights: inputs `w` (of the input) and w + 1 (of the state). */
static double recurrent(const struct ask *a, int w)
{
    return 2 * extent(input(a, 0), 0) * extent(input(a, 0), 1) * (in(a, w) + in(a, w + 1));
}

/* Every query meets all keys, every output all values; input 4 is what came before the keys. */
static double attention(const struct ask *a, int w)
{
    const double keys = extent(input(a, w), -2) + (in(a, 4) > 0 ? extent(input(a, 4), -2) : 0);
    return 2 * keys * (in(a, 0) + out(a));
}

/* Every output looks at its window. */
static double window(const struct ask *a, int w)
{
    const int64_t *kernel;
    const int64_t n = alt_attr_ints(a->node, "kernel_shape", &kernel);
    double taps = 1;
    (void)w;
    for (int64_t i = 0; i < n; i++)
        taps *= (double)kernel[i];
    return taps * out(a);
}

static double nothing(const struct ask *a, int w)
{
    (void)a, (void)w;
    return 0;
}

/* Operator, count, input that holds the weights. */
static const struct row {
    enum alt_op op;
    double (*flops)(const struct ask *a, int w);
    int w;
} rows[] = {
    {ALT_OP_CONV, convolution, 1},
    {ALT_OP_CONV_INTEGER, convolution, 1},
    {ALT_OP_QLINEAR_CONV, convolution, 3},
    {ALT_OP_DEFORM_CONV, convolution, 1},
    {ALT_OP_CONV_TRANSPOSE, transposed, 1},
    {ALT_OP_MATMUL, product, 1},
    {ALT_OP_MATMUL_INTEGER, product, 1},
    {ALT_OP_QLINEAR_MATMUL, product, 3},
    {ALT_OP_GEMM, gemm, 1},
    {ALT_OP_QGEMM, gemm, 3},
    {ALT_OP_GRU, recurrent, 1},
    {ALT_OP_LSTM, recurrent, 1},
    {ALT_OP_RNN, recurrent, 1},
    {ALT_OP_ATTENTION, attention, 1},
    {ALT_OP_AVERAGE_POOL, window, 0},
    {ALT_OP_LP_POOL, window, 0},
    {ALT_OP_MAX_POOL, window, 0},
    {ALT_OP_CONCAT, nothing, 0},
    {ALT_OP_DEPTH_TO_SPACE, nothing, 0},
    {ALT_OP_SPACE_TO_DEPTH, nothing, 0},
    {ALT_OP_GATHER_ELEMENTS, nothing, 0},
    {ALT_OP_GATHER_ND, nothing, 0},
    {ALT_OP_PAD, nothing, 0},
    {ALT_OP_TILE, nothing, 0},
};

double alt_node_flops(const struct alt_node *n, alt_extents_fn *extents, const void *user)
{
    const struct ask a = {n, extents, user};
    const struct alt_op_info *op = &alt_op_table[n->op];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op == n->op)
            return rows[i].flops(&a, rows[i].w);
    if (op->impl->view)
        return 0; /* moves elements where it cannot be a view */
    return op->flags & ALT_OP_ANCHOR && in(&a, 0) > out(&a) ? in(&a, 0) : out(&a);
}
