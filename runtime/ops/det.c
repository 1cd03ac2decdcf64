/* det.c: Det: determinants of the matrices that the last two axes make: Gaussian elimination in float64, the largest element of
 * a column as its pivot, rounded once. */
#include "runtime/ops/data.h"
#include "runtime/ops/real.h"

#include <math.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    struct alt_shape out = inf->in[0]->shape;
    if (out.rank >= 0) {
        if (out.rank < 2)
            return alt_infer_fail(inf, ALT_E_SHAPE, "the input needs two axes or more");
        const alt_dim rows = out.dim[out.rank - 2], cols = out.dim[out.rank - 1];
        if (alt_dim_known(rows) && alt_dim_known(cols) && rows != cols)
            return alt_infer_fail(inf, ALT_E_SHAPE, "the matrices are not square");
        out.rank -= 2;
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

struct plan {
    alt_dtype dtype;
    int64_t n;
};

static void swap_rows(double *a, int64_t n, int64_t i, int64_t j)
{
    for (int64_t k = 0; k < n; k++) {
        const double t = a[i * n + k];
        a[i * n + k] = a[j * n + k];
        a[j * n + k] = t;
    }
}

static double eliminate(double *a, int64_t n)
{
    double det = 1;
    for (int64_t c = 0; c < n; c++) {
        int64_t pivot = c;
        for (int64_t i = c + 1; i < n; i++)
            if (fabs(a[i * n + c]) > fabs(a[pivot * n + c]))
                pivot = i;
        if (pivot != c) {
            swap_rows(a, n, pivot, c);
            det = -det;
        }
        const double top = a[c * n + c];
        det *= top;
        if (top == 0)
            return 0;
        for (int64_t i = c + 1; i < n; i++) {
            const double factor = a[i * n + c] / top;
            for (int64_t k = c + 1; k < n; k++)
                a[i * n + k] -= factor * a[c * n + k];
        }
    }
    return det;
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    double *a = args->scratch;
    for (int64_t t = args->begin; t < args->end; t++) {
        for (int64_t i = 0; i < p->n * p->n; i++)
            a[i] = alt_real_get(p->dtype, args->operand[0].data, t * p->n * p->n + i);
        alt_real_put(p->dtype, args->operand[1].data, t, eliminate(a, p->n));
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[0];
    int64_t elements, bytes;
    if (!p)
        return ALT_E_NOMEM;
    p->dtype = x->dtype;
    p->n = x->dim[x->rank - 1];
    if (p->n != x->dim[x->rank - 2])
        return alt_bind_fail(b, ALT_E_SHAPE, "the matrices are not square");
    if (__builtin_mul_overflow(p->n, p->n, &elements) ||
        __builtin_mul_overflow(elements, (int64_t)sizeof(double), &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = alt_operand_count(&b->out[0]);
    b->flops = (double)b->range * (double)p->n * (double)p->n * (double)p->n;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "det", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[0].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_det = {.infer = infer, .select = choose};
