/* pointwise.c: binding and running of pointwise kernels; see pointwise.h. */
#include "runtime/ops/pointwise.h"

#include "runtime/mem.h"

#include <string.h>

/* Rows of at least this many elements are worth a loop call each; shorter ones are gathered into blocks. */
#define SHORT_ROW 32

/* Strides of operand `o` over the axes of the output, extents of 1 repeating. False when it cannot be broadcast. */
static bool align_strides(const struct alt_operand *o, const struct alt_operand *out, int64_t *stride)
{
    const int shift = out->phys_rank - o->phys_rank;
    for (int d = 0; d < out->phys_rank; d++)
        stride[d] = 0;
    for (int d = 0; d < o->phys_rank; d++) {
        if (o->extent[d] == 1)
            continue;
        if (d + shift < 0 || o->extent[d] != out->extent[d + shift])
            return false;
        stride[d + shift] = o->stride[d];
    }
    return true;
}

/* Whether axis d + 1 continues axis d in every operand. */
static bool jointly_contiguous(const struct alt_pointwise *p, int d, int64_t extent)
{
    for (int k = 0; k <= p->n_in; k++)
        if (p->operand[k].stride[d] != p->operand[k].stride[d + 1] * extent)
            return false;
    return true;
}

/* Removes axis d by moving the later ones down. */
static void drop_axis(struct alt_pointwise *p, int d)
{
    for (int e = d; e + 1 < p->rank; e++) {
        p->extent[e] = p->extent[e + 1];
        for (int k = 0; k <= p->n_in; k++)
            p->operand[k].stride[e] = p->operand[k].stride[e + 1];
    }
    p->rank--;
}

static void collapse(struct alt_pointwise *p)
{
    for (int d = p->rank - 1; d >= 0; d--)
        if (p->extent[d] == 1)
            drop_axis(p, d);
    for (int d = p->rank - 2; d >= 0; d--) {
        if (!jointly_contiguous(p, d, p->extent[d + 1]))
            continue;
        const int64_t extent = p->extent[d] * p->extent[d + 1];
        drop_axis(p, d);
        p->extent[d] = extent;
    }
    if (p->rank == 0) {
        p->rank = 1;
        p->extent[0] = 1;
        for (int k = 0; k <= p->n_in; k++)
            p->operand[k].stride[0] = 0;
    }
}

/* Whether the operand's elements lie one after the other in the order of the walk. */
static bool dense(const struct alt_pointwise *p, const struct alt_pointwise_operand *o)
{
    int64_t expected = 1;
    for (int d = p->rank - 1; d >= 0; d--) {
        if (o->stride[d] != expected)
            return false;
        expected *= p->extent[d];
    }
    return true;
}

/* Whether the operand repeats along the first `rank` axes. */
static bool repeats(const struct alt_pointwise_operand *o, int rank)
{
    for (int d = 0; d < rank; d++)
        if (o->stride[d] != 0)
            return false;
    return true;
}

static void choose_modes(struct alt_pointwise *p, unsigned scalars, int most)
{
    const int last = p->rank - 1;
    p->rows = p->rank > 1 && p->extent[last] >= SHORT_ROW;
    p->chunk = ALT_POINTWISE_TILE;
    for (int k = 0; k <= p->n_in; k++) {
        struct alt_pointwise_operand *o = &p->operand[k];
        const bool same = o->load == NULL;
        const bool direct = p->rows ? o->stride[last] == 1 : dense(p, o) || p->total == 1;
        const bool scalar = p->total > 1 && (p->rows ? o->stride[last] == 0 : repeats(o, p->rank));
        o->periodic = p->rank > 1 && repeats(o, last);
        o->mode = same && direct ? ALT_POINTWISE_DIRECT : ALT_POINTWISE_STAGED;
        if (k < p->n_in && scalar && most > 0 && (k > 31 || scalars >> k & 1)) {
            o->mode = ALT_POINTWISE_SCALAR;
            most--;
        }
        if (o->mode == ALT_POINTWISE_STAGED)
            p->chunk = ALT_POINTWISE_BLOCK;
    }
}

/* How the loop sees an operand. `load` stays NULL when it is seen as it lies in memory. */
static bool describe(struct alt_pointwise_operand *o, alt_dtype dtype, bool raw)
{
    const enum alt_wide wide = alt_wide_of(dtype);
    o->size = o->loop_size = alt_dtype_size(dtype);
    if (raw || dtype == ALT_FLOAT32 || dtype == ALT_FLOAT64 || dtype == ALT_INT64 || dtype == ALT_UINT64)
        return alt_raw_load(o->size) != NULL;
    o->loop_size = alt_wide_size(wide);
    o->load = alt_wide_load(dtype);
    o->store = alt_wide_store(wide, dtype);
    return o->load != NULL;
}

static const struct alt_operand *operand_of(const struct alt_kernel_bind *bind, int arg)
{
    return arg < bind->n_in ? &bind->in[arg] : &bind->out[arg - bind->n_in];
}

static int prepare(struct alt_kernel_bind *bind, struct alt_pointwise *p, unsigned raw, const int *arg)
{
    const struct alt_operand *out = operand_of(bind, arg[p->n_in]);
    p->rank = out->phys_rank;
    p->total = 1;
    for (int d = 0; d < p->rank; d++) {
        p->extent[d] = out->extent[d];
        p->total *= out->extent[d];
    }
    for (int k = 0; k <= p->n_in; k++) {
        const struct alt_operand *o = operand_of(bind, arg[k]);
        p->operand[k].arg = arg[k];
        if (!describe(&p->operand[k], o->dtype, raw & (k < p->n_in ? 1u << k : ALT_POINTWISE_RAW_OUT)))
            return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "no kernel for %s", alt_dtype_name(o->dtype));
        if (!align_strides(o, out, p->operand[k].stride))
            return alt_bind_fail(bind, ALT_E_SHAPE, "input %d cannot be broadcast to the output", k);
    }
    return ALT_OK;
}

int alt_pointwise_bind_some(struct alt_kernel_bind *bind, const struct alt_pointwise_spec *spec, int n_in, const int *arg)
{
    struct alt_pointwise *p =
        alt_arena_alloc(bind->arena, sizeof *p + ((size_t)n_in + 1) * sizeof(struct alt_pointwise_operand));
    if (!p)
        return ALT_E_NOMEM;
    p->n_in = n_in;
    p->loop = spec->loop;
    p->param = spec->param;
    const int status = prepare(bind, p, spec->raw, arg);
    if (status != ALT_OK)
        return status;
    bind->params = p;
    bind->range = (p->total + ALT_POINTWISE_TILE - 1) / ALT_POINTWISE_TILE;
    bind->flops = spec->cost * (double)p->total;
    if (p->total == 0)
        return ALT_OK;
    collapse(p);
    choose_modes(p, spec->scalars, spec->most_scalars);
    return ALT_OK;
}

int alt_pointwise_bind(struct alt_kernel_bind *bind, const struct alt_pointwise_spec *spec)
{
    int *arg = alt_arena_array(bind->arena, (size_t)bind->n_in + 1, sizeof *arg);
    if (!arg)
        return ALT_E_NOMEM;
    for (int k = 0; k <= bind->n_in; k++)
        arg[k] = k;
    return alt_pointwise_bind_some(bind, spec, bind->n_in, arg);
}

void alt_pointwise_seek(const struct alt_pointwise *p, int64_t at, struct alt_pointwise_cursor *c)
{
    c->at = at;
    for (int d = p->rank - 1; d > 0; d--) {
        c->index[d] = at % p->extent[d];
        at /= p->extent[d];
    }
    c->index[0] = at;
}

void alt_pointwise_advance(const struct alt_pointwise *p, struct alt_pointwise_cursor *c, int64_t n)
{
    c->at += n;
    c->index[p->rank - 1] += n;
    for (int d = p->rank - 1; d > 0 && c->index[d] >= p->extent[d]; d--) {
        const int64_t carry = c->index[d] / p->extent[d];
        c->index[d] -= carry * p->extent[d];
        c->index[d - 1] += carry;
    }
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t alt_pointwise_span(const struct alt_pointwise *p, const struct alt_pointwise_cursor *c, int64_t end)
{
    const int64_t n = min64(end - c->at, p->chunk);
    const int last = p->rank - 1;
    return p->rows ? min64(n, p->extent[last] - c->index[last]) : n;
}

static int64_t offset(const struct alt_pointwise *p, const struct alt_pointwise_operand *o,
                      const struct alt_pointwise_cursor *c)
{
    int64_t at = 0;
    for (int d = 0; d < p->rank; d++)
        at += c->index[d] * o->stride[d];
    return at * (int64_t)o->size;
}

/* Fills a block of n elements whose first `period` are there. */
static void repeat(char *block, int64_t period, int64_t n, size_t size)
{
    for (int64_t have = period; have < n; have *= 2)
        memcpy(block + (size_t)have * size, block, (size_t)min64(have, n - have) * size);
}

static void gather(const struct alt_pointwise *p, const struct alt_pointwise_operand *o, const char *data,
                   struct alt_pointwise_cursor c, int64_t n, char *block)
{
    const int last = p->rank - 1;
    alt_load_fn *load = o->load ? o->load : alt_raw_load(o->size);
    const int64_t all = n;
    char *const first = block;
    if (o->periodic)
        n = min64(n, p->extent[last]);
    const int64_t period = n;
    while (n > 0) {
        const int64_t run = min64(n, p->extent[last] - c.index[last]);
        load(block, data + offset(p, o, &c), o->stride[last], run);
        block += (size_t)run * o->loop_size;
        n -= run;
        alt_pointwise_advance(p, &c, run);
    }
    repeat(first, period, all, o->loop_size);
}

const void *alt_pointwise_fetch(const struct alt_pointwise *p, int k, const struct alt_kargs *args,
                                const struct alt_pointwise_cursor *c, int64_t n, void *block, int64_t *step)
{
    const struct alt_pointwise_operand *o = &p->operand[k];
    const char *data = args->operand[o->arg].data;
    *step = o->mode != ALT_POINTWISE_SCALAR;
    if (o->mode == ALT_POINTWISE_DIRECT || (o->mode == ALT_POINTWISE_SCALAR && !o->load))
        return data + offset(p, o, c);
    gather(p, o, data, *c, o->mode == ALT_POINTWISE_SCALAR ? 1 : n, block);
    return block;
}

void alt_pointwise_put(const struct alt_pointwise *p, const struct alt_kargs *args, const struct alt_pointwise_cursor *at,
                       int64_t n, const void *block)
{
    const struct alt_pointwise_operand *o = &p->operand[p->n_in];
    char *data = args->operand[o->arg].data;
    const int last = p->rank - 1;
    const char *src = block;
    struct alt_pointwise_cursor c = *at;
    alt_store_fn *store = o->store ? o->store : alt_raw_store(o->size);
    while (n > 0) {
        const int64_t run = min64(n, p->extent[last] - c.index[last]);
        store(data + offset(p, o, &c), o->stride[last], src, run);
        src += (size_t)run * o->loop_size;
        n -= run;
        alt_pointwise_advance(p, &c, run);
    }
}

void alt_pointwise_run_part(const struct alt_pointwise *p, const struct alt_kargs *args, int64_t begin, int64_t end)
{
    _Alignas(64) char block[4][ALT_POINTWISE_BLOCK * ALT_RAW_SIZE];
    const struct alt_pointwise_operand *out = &p->operand[p->n_in];
    char *target = args->operand[out->arg].data;
    struct alt_pointwise_cursor c;
    alt_pointwise_seek(p, begin, &c);
    while (c.at < end) {
        struct alt_loop loop = {.n = alt_pointwise_span(p, &c, end), .param = p->param, .fault = args->fault};
        for (int k = 0; k < p->n_in; k++)
            loop.in[k] = alt_pointwise_fetch(p, k, args, &c, loop.n, block[k], &loop.step[k]);
        const bool direct = out->mode == ALT_POINTWISE_DIRECT;
        loop.out = direct ? target + offset(p, out, &c) : block[3];
        p->loop(&loop);
        if (!direct)
            alt_pointwise_put(p, args, &c, loop.n, block[3]);
        alt_pointwise_advance(p, &c, loop.n);
    }
}

void alt_pointwise_run(const struct alt_kargs *args)
{
    const struct alt_pointwise *p = args->params;
    for (int64_t t = args->begin; t < args->end; t++)
        alt_pointwise_run_part(p, args, t * ALT_POINTWISE_TILE, min64(p->total, (t + 1) * ALT_POINTWISE_TILE));
}

alt_status alt_pointwise_infer(struct alt_infer *inf, alt_dtype dtype)
{
    struct alt_shape shape = {.rank = 0};
    for (int i = 0; i < inf->n_in; i++)
        ALT_CHECK(alt_infer_broadcast(inf, &shape, &inf->in[i]->shape, &shape));
    alt_infer_set(inf, 0, dtype, &shape);
    return ALT_OK;
}

const struct alt_pointwise_row *alt_pointwise_row(const struct alt_pointwise_row *table, size_t count, enum alt_op op)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].op == op)
            return &table[i];
    return NULL;
}

alt_status alt_pointwise_select(struct alt_select *sel, const struct alt_pointwise_row *row, const struct alt_kernel **out)
{
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if (!row || wide == ALT_WIDE_NONE || !row->loop[wide])
        return alt_select_unsupported(sel);
    *out = &row->kernel;
    return ALT_OK;
}
