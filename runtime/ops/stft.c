/* stft.c: STFT: the Fourier transforms of frames of a signal, each weighted by a window; fft.h says how. In float64, rounded
 * once. A window shorter than a frame leaves the rest of the frame zero. */
#include "runtime/ops/data.h"
#include "runtime/ops/fft.h"
#include "runtime/ops/real.h"

#include <math.h>

enum { SIGNAL, STEP, WINDOW, LENGTH };

/* frame_step or frame_length; *known false when it is not known yet. */
static alt_status read_number(struct alt_infer *inf, int i, bool *known, int64_t *number)
{
    int count;
    ALT_CHECK(alt_infer_indices(inf, i));
    *known = alt_infer_ints(inf, i, 1, number, &count) && count == 1;
    if (*known && *number < 1)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input %d must be positive", i);
    return ALT_OK;
}

/* Extent of a frame; unknown where nothing says it, and then *waits is the input that will. */
static alt_status frame_length(struct alt_infer *inf, alt_dim *length, int *waits)
{
    bool known = true;
    int64_t number;
    *length = alt_dim_unknown(inf->dims);
    if (alt_infer_has(inf, LENGTH)) {
        ALT_CHECK(read_number(inf, LENGTH, &known, &number));
        if (known)
            *length = number;
        else
            *waits = LENGTH;
    } else if (alt_infer_has(inf, WINDOW)) {
        if (alt_infer_rank(inf, WINDOW) == 1)
            *length = inf->in[WINDOW]->shape.dim[0];
    } else if (alt_infer_rank(inf, SIGNAL) == 3) {
        *length = inf->in[SIGNAL]->shape.dim[1];
    }
    return ALT_OK;
}

static alt_status check(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, SIGNAL, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_same_dtype(inf, SIGNAL, WINDOW));
    const struct alt_shape *x = &inf->in[SIGNAL]->shape;
    if (x->rank >= 0 && x->rank != 3)
        return alt_infer_fail(inf, ALT_E_SHAPE,
                              "the signal must be [batch, length, 1] or, complex, [batch, length, 2]");
    const alt_dim parts = x->rank == 3 ? x->dim[2] : -1;
    if (alt_dim_known(parts) && parts != 1 && (parts != 2 || alt_attr_int(inf->node, "onesided", 1)))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the last axis must have extent 1 or, with onesided 0, 2");
    if (alt_infer_has(inf, WINDOW) && alt_infer_rank(inf, WINDOW) >= 0 && alt_infer_rank(inf, WINDOW) != 1)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the window must have one axis");
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    int64_t step;
    bool step_known;
    int waits = -1;
    alt_dim length;
    ALT_CHECK(check(inf));
    const struct alt_shape *x = &inf->in[SIGNAL]->shape;
    ALT_CHECK(read_number(inf, STEP, &step_known, &step));
    ALT_CHECK(frame_length(inf, &length, &waits));
    if (!step_known)
        waits = STEP;
    if (waits >= 0 || x->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[SIGNAL]->dtype, 4);
        return waits >= 0 ? alt_infer_wait(inf, waits) : ALT_OK;
    }
    if (alt_dim_known(length) && (length < 1 || length > ALT_FFT_MOST))
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "alt transforms frames of 1 to %lld elements",
                              (long long)ALT_FFT_MOST);
    struct alt_shape out = {4, {x->dim[0], 0, length, 2}};
    out.dim[1] = alt_dim_add(inf->dims, alt_dim_div(inf->dims, alt_dim_sub(inf->dims, x->dim[1], length), step), 1);
    if (out.dim[1] == ALT_DIM_BAD)
        return alt_infer_fail(inf, ALT_E_SHAPE, "a frame is longer than the signal");
    if (alt_attr_int(inf->node, "onesided", 1))
        out.dim[2] = alt_dim_add(inf->dims, alt_dim_div(inf->dims, length, 2), 1);
    alt_infer_set(inf, 0, inf->in[SIGNAL]->dtype, &out);
    return ALT_OK;
}

struct plan {
    struct alt_fft fft;
    alt_dtype dtype;
    int parts, out;
    bool window;
    int64_t signal, step, frames, bins, weighted; /* weighted: elements of a frame that are not zero */
};

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    double *x = args->scratch;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t start = t / p->frames * p->signal + t % p->frames * p->step;
        for (int64_t i = 0; i < p->fft.n; i++) {
            const bool used = i < p->weighted;
            const double weight = used && p->window ? alt_real_get(p->dtype, args->operand[WINDOW].data, i) : 1;
            for (int k = 0; k < 2; k++)
                x[2 * i + k] = used && k < p->parts ? weight * alt_real_get(p->dtype, args->operand[SIGNAL].data,
                                                                            (start + i) * p->parts + k)
                                                    : 0;
        }
        alt_fft_run(&p->fft, false, x, x + 2 * p->fft.n);
        for (int64_t i = 0; i < 2 * p->bins; i++)
            alt_real_put(p->dtype, args->operand[p->out].data, t * 2 * p->bins + i, x[i]);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[SIGNAL], *y = &b->out[0], *length = alt_operand_at(b->in, b->n_in, LENGTH);
    const struct alt_operand *window = alt_operand_at(b->in, b->n_in, WINDOW);
    if (!p)
        return ALT_E_NOMEM;
    if (!b->in[STEP].known || (length && !length->known))
        return alt_bind_fail(b, ALT_E_INTERNAL, "frame_step and frame_length must be known");
    const int64_t n = length ? alt_known_int(length, 0) : window ? window->dim[0] : x->dim[1];
    p->step = alt_known_int(&b->in[STEP], 0);
    p->signal = x->dim[1];
    p->frames = y->dim[1];
    p->bins = y->dim[2];
    p->parts = (int)x->dim[2];
    p->dtype = x->dtype;
    p->out = b->n_in;
    p->window = window != NULL;
    p->weighted = window && window->dim[0] < n ? window->dim[0] : n;
    if (!alt_fft_init(&p->fft, b->arena, n))
        return ALT_E_NOMEM;
    b->params = p;
    b->scratch = (size_t)(2 * n + alt_fft_scratch(&p->fft)) * sizeof(double);
    b->range = alt_dims_count(2, y->dim);
    b->flops = 5 * (double)b->range * (double)p->fft.m * log2((double)p->fft.m + 1) * (p->fft.chirp ? 2 : 1);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "stft", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[SIGNAL].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_stft = {.infer = infer, .select = choose};
