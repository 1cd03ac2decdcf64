/* dft.c: DFT: Fourier transforms along one axis, forward and inverse, of real and complex signals; fft.h says how. A one-sided
 * inverse (IRFFT) takes the half it is given and what follows from it by symmetry. In float64, rounded once. */
#include "runtime/ops/data.h"
#include "runtime/ops/fft.h"
#include "runtime/ops/real.h"

#include <math.h>

enum { SIGNAL, LENGTH, AXIS };

/* The axis, non-negative; false when it is not known yet. */
static alt_status read_axis(struct alt_infer *inf, int rank, bool *known, int *axis)
{
    int64_t given = inf->node->opset < 20 ? alt_attr_int(inf->node, "axis", 1) : -2;
    int count;
    *known = true;
    if (inf->node->opset >= 20 && alt_infer_has(inf, AXIS)) {
        *known = alt_infer_ints(inf, AXIS, 1, &given, &count) && count == 1;
        if (!*known)
            return ALT_OK;
    }
    ALT_CHECK(alt_infer_axis(inf, given, rank, axis));
    return *axis < rank - 1 ? ALT_OK : alt_infer_fail(inf, ALT_E_MODEL, "the last axis holds the parts of numbers");
}

static alt_status set_shape(struct alt_infer *inf, int axis, alt_dim length)
{
    const bool onesided = alt_attr_int(inf->node, "onesided", 0) != 0,
               inverse = alt_attr_int(inf->node, "inverse", 0) != 0;
    struct alt_shape out = inf->in[SIGNAL]->shape;
    const alt_dim parts = out.dim[out.rank - 1];
    if (alt_dim_known(parts) && (parts < 1 || parts > 2 || (onesided && parts != (inverse ? 2 : 1))))
        return alt_infer_fail(inf, ALT_E_SHAPE,
                              "the last axis must have extent 1 (real) or 2 (complex); one-sided transforms "
                              "are of real signals, one-sided inverses of complex ones");
    if (alt_dim_known(length) && (length < 1 || length > ALT_FFT_MOST))
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "alt transforms 1 to %lld elements", (long long)ALT_FFT_MOST);
    out.dim[axis] = onesided && !inverse ? alt_dim_add(inf->dims, alt_dim_div(inf->dims, length, 2), 1) : length;
    out.dim[out.rank - 1] = onesided && inverse ? 1 : 2;
    alt_infer_set(inf, 0, inf->in[SIGNAL]->dtype, &out);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, SIGNAL, ALT_CLASS_FLOAT));
    const struct alt_shape *x = &inf->in[SIGNAL]->shape;
    int axis = 0, count;
    bool known;
    alt_dim length;
    for (int i = LENGTH; i < inf->n_in; i++)
        if (alt_infer_has(inf, i))
            ALT_CHECK(alt_infer_indices(inf, i));
    if (x->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[SIGNAL]->dtype, -1);
        return ALT_OK;
    }
    if (x->rank < 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the signal needs two axes or more");
    ALT_CHECK(read_axis(inf, x->rank, &known, &axis));
    if (!known) {
        alt_infer_set_rank(inf, 0, inf->in[SIGNAL]->dtype, x->rank);
        return alt_infer_wait(inf, AXIS);
    }
    if (alt_infer_has(inf, LENGTH)) {
        if (!alt_infer_content(inf, LENGTH, 1, &length, &count) || count != 1 || length == ALT_DIM_BAD) {
            alt_infer_set_rank(inf, 0, inf->in[SIGNAL]->dtype, x->rank);
            return alt_infer_wait(inf, LENGTH);
        }
        if (alt_dim_negative(length))
            return alt_infer_fail(inf, ALT_E_SHAPE, "dft_length is negative");
    } else if (alt_attr_int(inf->node, "onesided", 0) && alt_attr_int(inf->node, "inverse", 0)) {
        length = alt_dim_mul(inf->dims, 2, alt_dim_sub(inf->dims, x->dim[axis], 1));
    } else {
        length = x->dim[axis];
    }
    return set_shape(inf, axis, length);
}

struct plan {
    struct alt_fft fft;
    alt_dtype dtype;
    bool inverse, mirror; /* mirror: the second half follows from the first */
    int parts, out_parts, out;
    int64_t inner;             /* lines side by side */
    int64_t given, wanted;     /* elements read from a line, written to one */
    int64_t in_line, out_line; /* extents of the axis */
};

/* Reads a line into x, n complex numbers: zeros behind its end, and the mirrored half. */
static void read_line(const struct plan *p, const void *signal, int64_t at, double *x)
{
    for (int64_t i = 0; i < p->fft.n; i++) {
        const int64_t from = (at + i * p->inner) * p->parts;
        x[2 * i] = i < p->given ? alt_real_get(p->dtype, signal, from) : 0;
        x[2 * i + 1] = i < p->given && p->parts == 2 ? alt_real_get(p->dtype, signal, from + 1) : 0;
    }
    if (!p->mirror)
        return;
    const int64_t n = p->fft.n;
    x[1] = 0; /* a real signal's sum, and its highest frequency, are real */
    if (n % 2 == 0)
        x[n + 1] = 0;
    for (int64_t i = n / 2 + 1; i < n; i++) {
        x[2 * i] = x[2 * (n - i)];
        x[2 * i + 1] = -x[2 * (n - i) + 1];
    }
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    double *x = args->scratch;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t outer = t / p->inner, col = t % p->inner;
        read_line(p, args->operand[SIGNAL].data, outer * p->in_line * p->inner + col, x);
        alt_fft_run(&p->fft, p->inverse, x, x + 2 * p->fft.n);
        for (int64_t i = 0; i < p->wanted; i++)
            for (int k = 0; k < p->out_parts; k++)
                alt_real_put(p->dtype, args->operand[p->out].data,
                             ((outer * p->out_line + i) * p->inner + col) * p->out_parts + k, x[2 * i + k]);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[SIGNAL], *y = &b->out[0], *axis_in = alt_operand_at(b->in, b->n_in, AXIS);
    const struct alt_operand *length_in = alt_operand_at(b->in, b->n_in, LENGTH);
    int64_t given = b->node->opset < 20 ? alt_attr_int(b->node, "axis", 1) : -2;
    if (!p)
        return ALT_E_NOMEM;
    if ((axis_in && !axis_in->known) || (length_in && !length_in->known))
        return alt_bind_fail(b, ALT_E_INTERNAL, "dft_length and axis must be known");
    if (axis_in)
        given = alt_known_int(axis_in, 0);
    const int axis = alt_axis_of(given, x->rank);
    const bool onesided = alt_attr_int(b->node, "onesided", 0) != 0;
    p->inverse = alt_attr_int(b->node, "inverse", 0) != 0;
    p->mirror = onesided && p->inverse;
    p->in_line = x->dim[axis];
    p->out_line = y->dim[axis];
    const int64_t n = onesided && !p->inverse ? length_in ? alt_known_int(length_in, 0) : p->in_line : p->out_line;
    const int64_t used = p->mirror ? n / 2 + 1 : n;
    if (n < 1 || n > ALT_FFT_MOST)
        return alt_bind_fail(b, ALT_E_UNSUPPORTED, "alt transforms 1 to %lld elements", (long long)ALT_FFT_MOST);
    p->given = used < p->in_line ? used : p->in_line;
    p->wanted = p->out_line;
    p->dtype = x->dtype;
    p->parts = (int)x->dim[x->rank - 1];
    p->out_parts = (int)y->dim[y->rank - 1];
    p->out = b->n_in;
    p->inner = alt_dims_count(x->rank - axis - 2, x->dim + axis + 1);
    if (!alt_fft_init(&p->fft, b->arena, n))
        return ALT_E_NOMEM;
    b->params = p;
    b->scratch = (size_t)(2 * n + alt_fft_scratch(&p->fft)) * sizeof(double);
    b->range = alt_operand_count(y) ? alt_dims_count(axis, x->dim) * p->inner : 0;
    b->flops = 5 * (double)b->range * (double)p->fft.m * log2((double)p->fft.m + 1) * (p->fft.chirp ? 2 : 1);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "dft", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[SIGNAL].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_dft = {.infer = infer, .select = choose};
