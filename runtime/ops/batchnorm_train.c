/* batchnorm_train.c: BatchNormalization that normalises by the statistics of its own input (training_mode 1).
 *
 * A line is all elements of one channel; norm.h says how it is normalised. The running statistics are
 * given * momentum + current * (1 - momentum), with the variance divided by the number of elements.
 */
#include "runtime/ops/batchnorm_train.h"

#include "runtime/mem.h"
#include "runtime/ops/norm.h"
#include "runtime/ops/vec.h"

enum { SCALE = 1, BIAS, STATS }; /* STATS and the one after it: mean and variance */

struct train {
    struct alt_norm norm; /* its map's param is this struct */
    double momentum;
    struct stat {
        int in, out; /* operands of the kernel; out 0: not wanted */
        alt_load_fn *load;
        alt_store_fn *store;
        enum alt_wide wide;
        size_t size;
        int64_t in_stride, out_stride;
    } stat[2];
};

static void update(const struct train *p, const struct stat *s, const struct alt_line *line, double current)
{
    _Alignas(8) char value[ALT_WIDE_SIZE];
    if (!s->out)
        return;
    const char *in = line->args->operand[s->in].data;
    char *out = line->args->operand[s->out].data;
    s->load(value, in + line->index * s->in_stride * (int64_t)s->size, 1, 1);
    const double given = alt_vec_get(s->wide, value, 0);
    alt_vec_set(s->wide, value, 0, given * p->momentum + current * (1 - p->momentum));
    s->store(out + line->index * s->out_stride * (int64_t)s->size, 1, value, 1);
}

static void train_line(const struct alt_linemap *map, struct alt_line *line)
{
    const struct train *p = map->param;
    struct alt_moments m;
    alt_norm_moments(&p->norm, line, &m);
    update(p, &p->stat[0], line, m.mean);
    update(p, &p->stat[1], line, m.variance);
    alt_norm_affine(&p->norm, line, m.factor);
}

static void describe_stat(struct alt_kernel_bind *b, struct stat *s, int i)
{
    const struct alt_operand *in = &b->in[STATS + i];
    if (b->n_out <= 1 + i || b->out[1 + i].dtype == ALT_NONE)
        return;
    s->in = STATS + i;
    s->out = b->n_in + 1 + i;
    s->wide = alt_wide_of(in->dtype);
    s->load = alt_wide_load(in->dtype);
    s->store = alt_wide_store(s->wide, in->dtype);
    s->size = alt_dtype_size(in->dtype);
    s->in_stride = in->stride[0];
    s->out_stride = b->out[1 + i].stride[0];
}

static int bind(struct alt_kernel_bind *b)
{
    struct train *p = alt_arena_alloc(b->arena, sizeof *p);
    struct alt_line_box box;
    if (!p)
        return ALT_E_NOMEM;
    if (b->in[0].phys_rank < 2)
        return alt_bind_fail(b, ALT_E_SHAPE, "input 0 must have a channel axis");
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    const unsigned mask = ((1u << box.rank) - 1) & ~2u; /* everything but the channels */
    for (int i = SCALE; i < STATS + 2; i++)
        if (b->in[i].phys_rank != 1 || b->in[i].extent[0] != box.extent[1])
            return alt_bind_fail(b, ALT_E_SHAPE, "input %d must have %lld elements", i, (long long)box.extent[1]);
    for (int i = SCALE; i <= BIAS; i++) {
        box.stride[ALT_LINE_MORE + i - SCALE][1] = b->in[i].stride[0];
        if (!alt_norm_part_set(i == SCALE ? &p->norm.scale : &p->norm.bias, b, i, &box, ALT_LINE_MORE + i - SCALE, mask))
            return alt_bind_fail(b, ALT_E_UNSUPPORTED, "input %d is more or less precise than input 0", i);
    }
    describe_stat(b, &p->stat[0], 0);
    describe_stat(b, &p->stat[1], 1);
    p->momentum = (double)alt_attr_float(b->node, "momentum", 0.9f);
    p->norm.center = true;
    p->norm.epsilon = (double)alt_attr_float(b->node, "epsilon", 1e-5f);
    p->norm.map.fn = train_line;
    p->norm.map.apart = true;
    p->norm.map.param = p;
    return alt_linemap_bind(b, &p->norm.map, &box, mask, 6);
}

const struct alt_kernel alt_batchnorm_train_kernel = {
    .name = "batch_norm_train", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
