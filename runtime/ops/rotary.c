/* rotary.c: RotaryEmbedding: pairs of elements of a head are turned by an angle that belongs to the token's position. Computed
 * in float32 and rounded once. The pairs are the two halves of what is turned, or neighbours (interleaved). */
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"

enum { X, COS, SIN, POSITIONS };
enum { TILE_ELEMENTS = 8192 };

/* Elements of a head that are turned: those the attribute names, or all. */
static int64_t turned(const struct alt_node *n, int64_t head_size)
{
    const int64_t given = alt_attr_int(n, "rotary_embedding_dim", 0);
    return given > 0 ? given : head_size;
}

static bool differ(alt_dim a, alt_dim b) { return alt_dim_known(a) && alt_dim_known(b) && a != b; }

static alt_status check_cache(struct alt_infer *inf, int i, alt_dim half)
{
    const struct alt_shape *s = &inf->in[i]->shape;
    const int rank = alt_infer_has(inf, POSITIONS) ? 2 : 3;
    ALT_CHECK(alt_infer_same_dtype(inf, X, i));
    if (s->rank < 0)
        return ALT_OK;
    if (s->rank != rank)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input %d must have %d axes", i, rank);
    if (differ(s->dim[rank - 1], half))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the last axis of input %d is not half of what is turned", i);
    const struct alt_shape *x = &inf->in[X]->shape;
    if (rank == 3 && (differ(s->dim[0], x->dim[0]) || differ(s->dim[1], x->dim[x->rank == 4 ? 2 : 1])))
        return alt_infer_fail(inf, ALT_E_SHAPE, "input %d has another batch or length than input 0", i);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    for (int i = X; i <= SIN; i++)
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
    const struct alt_shape *x = &inf->in[X]->shape;
    const int64_t heads = alt_attr_int(inf->node, "num_heads", 0);
    alt_infer_like(inf, 0, X);
    if (x->rank < 0)
        return ALT_OK;
    if (x->rank != 3 && x->rank != 4)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input 0 must have three or four axes");
    if (x->rank == 3 && heads < 1)
        return alt_infer_fail(inf, ALT_E_MODEL, "an input with three axes needs the attribute num_heads");
    alt_dim size = x->dim[x->rank - 1];
    if (x->rank == 3) {
        if (alt_dim_known(size) && size % heads)
            return alt_infer_fail(inf, ALT_E_SHAPE, "the last axis is no multiple of num_heads");
        size = alt_dim_div(inf->dims, size, heads);
    }
    const alt_dim part = alt_attr_int(inf->node, "rotary_embedding_dim", 0) > 0 ? turned(inf->node, 0) : size;
    if (alt_dim_known(part) && (part % 2 || (alt_dim_known(size) && part > size)))
        return alt_infer_fail(inf, ALT_E_SHAPE, "what is turned must be an even part of a head");
    ALT_CHECK(check_cache(inf, COS, alt_dim_div(inf->dims, part, 2)));
    ALT_CHECK(check_cache(inf, SIN, alt_dim_div(inf->dims, part, 2)));
    if (!alt_infer_has(inf, POSITIONS))
        return ALT_OK;
    ALT_CHECK(alt_infer_indices(inf, POSITIONS));
    const struct alt_shape *p = &inf->in[POSITIONS]->shape;
    if (p->rank >= 0 &&
        (p->rank != 2 || differ(p->dim[0], x->dim[0]) || differ(p->dim[1], x->dim[x->rank == 4 ? 2 : 1])))
        return alt_infer_fail(inf, ALT_E_SHAPE, "position_ids must have the axes batch and length");
    return ALT_OK;
}

struct axes {
    int64_t batch, head, row, col; /* strides, elements */
};

struct plan {
    int64_t heads, rows, head_size, half; /* rows: tokens of a sequence */
    int64_t count, tile;                  /* rows of all heads; of a tile */
    struct axes x, y;
    int64_t cache[2][3]; /* strides of the caches: batch, row, column; with positions row alone */
    int64_t positions;   /* of a cache */
    bool by_position, wide, interleaved;
    int out;
    size_t size;
    alt_load_fn *load;
    alt_store_fn *store;
};

/* Places of the two caches' lines for a token; false when its position is none. */
static bool find_angles(const struct plan *p, const struct alt_kargs *args, int64_t b, int64_t row, const char **line)
{
    int64_t at[2];
    if (p->by_position) {
        const struct alt_indices ids = alt_indices_of(&args->operand[POSITIONS], p->wide);
        const int64_t position = alt_index_checked(args, &ids, b * p->rows + row, p->positions);
        if (position < 0)
            return false;
        at[0] = position * p->cache[0][1];
        at[1] = position * p->cache[1][1];
    } else {
        at[0] = b * p->cache[0][0] + row * p->cache[0][1];
        at[1] = b * p->cache[1][0] + row * p->cache[1][1];
    }
    line[0] = (const char *)args->operand[COS].data + at[0] * (int64_t)p->size;
    line[1] = (const char *)args->operand[SIN].data + at[1] * (int64_t)p->size;
    return true;
}

static void turn(const struct plan *p, float *x, const float *cosine, const float *sine)
{
    const int64_t step = p->interleaved ? 2 : 1, apart = p->interleaved ? 1 : p->half;
    for (int64_t i = 0; i < p->half; i++) {
        float *a = &x[i * step], *b = a + apart;
        const float real = cosine[i] * *a - sine[i] * *b, imaginary = sine[i] * *a + cosine[i] * *b;
        *a = real;
        *b = imaginary;
    }
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    float *x = args->scratch, *cosine = x + p->head_size, *sine = cosine + p->half;
    for (int64_t i = args->begin * p->tile; i < args->end * p->tile && i < p->count; i++) {
        const int64_t h = i % p->heads, row = i / p->heads % p->rows, b = i / p->heads / p->rows;
        const char *line[2];
        p->load(x,
                (const char *)args->operand[X].data +
                    (b * p->x.batch + h * p->x.head + row * p->x.row) * (int64_t)p->size,
                p->x.col, p->head_size);
        if (find_angles(p, args, b, row, line)) {
            p->load(cosine, line[0], p->cache[0][2], p->half);
            p->load(sine, line[1], p->cache[1][2], p->half);
            turn(p, x, cosine, sine);
        }
        p->store((char *)args->operand[p->out].data +
                     (b * p->y.batch + h * p->y.head + row * p->y.row) * (int64_t)p->size,
                 p->y.col, x, p->head_size);
    }
}

static struct axes axes_of(const struct alt_operand *o, int64_t head_size)
{
    if (o->rank == 4)
        return (struct axes){o->stride[0], o->stride[1], o->stride[2], o->stride[3]};
    return (struct axes){o->stride[0], head_size * o->stride[2], o->stride[1], o->stride[2]};
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *x = &b->in[X], *ids = alt_operand_at(b->in, b->n_in, POSITIONS);
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->heads = x->rank == 4 ? x->dim[1] : alt_attr_int(b->node, "num_heads", 1);
    p->rows = x->dim[x->rank == 4 ? 2 : 1];
    p->head_size = x->rank == 4 ? x->dim[3] : x->dim[2] / p->heads;
    p->half = turned(b->node, p->head_size) / 2;
    p->x = axes_of(x, p->head_size);
    p->y = axes_of(&b->out[0], p->head_size);
    p->by_position = ids != NULL;
    p->wide = ids && ids->dtype == ALT_INT64;
    p->positions = b->in[COS].dim[0] < b->in[SIN].dim[0] ? b->in[COS].dim[0] : b->in[SIN].dim[0];
    for (int i = 0; i < 2; i++)
        for (int d = b->in [COS + i].rank - 1, to = 2; d >= 0; d--, to--)
            p->cache[i][to] = b->in[COS + i].stride[d];
    p->interleaved = alt_attr_int(b->node, "interleaved", 0) != 0;
    p->out = b->n_in;
    p->size = alt_dtype_size(x->dtype);
    p->load = alt_wide_load(x->dtype);
    p->store = alt_wide_store(ALT_WIDE_F32, x->dtype);
    p->tile = p->head_size < TILE_ELEMENTS ? TILE_ELEMENTS / (p->head_size + 1) + 1 : 1;
    p->count = p->head_size ? alt_dims_count(3, (const int64_t[]){x->dim[0], p->heads, p->rows}) : 0;
    b->params = p;
    b->range = (p->count + p->tile - 1) / p->tile;
    b->scratch = (size_t)(p->head_size + 2 * p->half) * sizeof(float);
    b->flops = 6 * (double)p->count * (double)p->head_size;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "rotary_embedding", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    if (alt_wide_of(sel->in[X].dtype) != ALT_WIDE_F32)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_rotary = {.infer = infer, .select = choose};
