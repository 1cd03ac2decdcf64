/* signal.c: HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix: tables from a few numbers. In float64, rounded (to
 * integers: cut) once. A symmetric window of one element divides by zero and is NaN, as its definition says. */
#include "runtime/ops/data.h"
#include "runtime/ops/vec.h"
#include "runtime/ops/wide.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* --- windows --- */

/* Element i of a window whose period is n. */
static double window_at(enum alt_op op, int64_t i, double n)
{
    const double turn = 2 * PI * (double)i / n;
    if (op == ALT_OP_HANN_WINDOW)
        return pow(sin(turn / 2), 2);
    if (op == ALT_OP_HAMMING_WINDOW)
        return 25.0 / 46 - 21.0 / 46 * cos(turn);
    return 0.42 - 0.5 * cos(turn) + 0.08 * cos(2 * turn);
}

struct plan {
    enum alt_op op;
    int64_t count;
    double period;
    size_t size;
    alt_store_fn *store;
};

static void run_window(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t i = 0; i < p->count; i++) {
        const double value = window_at(p->op, i, p->period);
        p->store((char *)args->operand[1].data + (size_t)i * p->size, 1, &value, 1);
    }
}

static int bind_window(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->op = b->node->op;
    p->count = b->out[0].dim[0];
    p->period = (double)(alt_attr_int(b->node, "periodic", 1) ? p->count : p->count - 1);
    p->size = alt_dtype_size(b->out[0].dtype);
    p->store = alt_wide_store(ALT_WIDE_F64, b->out[0].dtype);
    b->params = p;
    return ALT_OK;
}

/* --- MelWeightMatrix --- */

enum { BANDS, LENGTH, RATE, LOWER, UPPER, MEL_INPUTS };

static double scalar(const struct alt_kargs *args, int i, alt_load_fn *load, bool real)
{
    union {
        float f32;
        double f64;
        int64_t i64;
    } v;
    load(&v, args->operand[i].data, 1, 1);
    return i < LOWER ? (double)v.i64 : real ? v.f64 : (double)v.f32;
}

struct mel {
    int64_t bins, bands;
    alt_load_fn *load[MEL_INPUTS];
    bool real; /* the edges are of float64 */
    size_t size;
    alt_store_fn *store;
};

/* Weight of spectrogram bin j in a band whose corners are the given bins. */
static double mel_weight(double j, double low, double center, double high)
{
    if (center == low && j == center)
        return high > center ? (high - j) / (high - center) : 1;
    if (j >= center && j < high)
        return (high - j) / (high - center);
    if (center > low && j >= low && j <= center)
        return (j - low) / (center - low);
    return 0;
}

static void run_mel(const struct alt_kargs *args)
{
    const struct mel *p = args->params;
    double v[MEL_INPUTS];
    for (int i = 0; i < MEL_INPUTS; i++)
        v[i] = scalar(args, i, p->load[i], p->real);
    const double low = 2595 * log10(1 + v[LOWER] / 700), high = 2595 * log10(1 + v[UPPER] / 700);
    const double step = (high - low) / (v[BANDS] + 2);
    for (int64_t band = 0; band < p->bands; band++) {
        double corner[3];
        for (int k = 0; k < 3; k++) {
            const double hertz = 700 * (pow(10, ((double)(band + k) * step + low) / 2595) - 1);
            corner[k] = floor((v[LENGTH] + 1) * hertz / v[RATE]);
        }
        if (!(corner[0] >= 0) || !(corner[1] < (double)p->bins) || !(corner[2] <= (double)p->bins))
            alt_fault(args, ALT_FAULT_VALUE);
        for (int64_t j = 0; j < p->bins; j++) {
            const double weight = mel_weight((double)j, corner[0], corner[1], corner[2]);
            p->store((char *)args->operand[MEL_INPUTS].data + (size_t)(j * p->bands + band) * p->size, 1, &weight, 1);
        }
    }
}

static int bind_mel(struct alt_kernel_bind *b)
{
    struct mel *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->bins = b->out[0].dim[0];
    p->bands = b->out[0].dim[1];
    for (int i = 0; i < MEL_INPUTS; i++) {
        p->load[i] = alt_wide_load(b->in[i].dtype);
        if (alt_operand_count(&b->in[i]) != 1)
            return alt_bind_fail(b, ALT_E_SHAPE, "input %d must hold one element", i);
    }
    p->real = alt_wide_of(b->in[LOWER].dtype) == ALT_WIDE_F64;
    p->size = alt_dtype_size(b->out[0].dtype);
    p->store = alt_wide_store(ALT_WIDE_F64, b->out[0].dtype);
    b->params = p;
    return ALT_OK;
}

/* --- both --- */

static bool is_mel(const struct alt_node *n) { return n->op == ALT_OP_MEL_WEIGHT_MATRIX; }

/* The number that input i holds as an extent; *waits when it is not known. */
static alt_status read_extent(struct alt_infer *inf, int i, alt_dim *out, int *waits)
{
    int count;
    ALT_CHECK(alt_infer_indices(inf, i));
    if (!alt_infer_content(inf, i, 1, out, &count) || count != 1 || *out == ALT_DIM_BAD) {
        *out = alt_dim_unknown(inf->dims);
        *waits = i;
    }
    return alt_dim_negative(*out) ? alt_infer_fail(inf, ALT_E_SHAPE, "input %d is negative", i) : ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const int64_t dtype = alt_attr_int(inf->node, "output_datatype", ALT_FLOAT32);
    struct alt_shape out = {.rank = 1};
    int waits = -1;
    alt_dim length;
    if (dtype < 0 || dtype > ALT_BFLOAT16 || !alt_wide_store(ALT_WIDE_F64, (alt_dtype)dtype))
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "output_datatype %lld has no kernel", (long long)dtype);
    if (is_mel(inf->node)) {
        ALT_CHECK(read_extent(inf, LENGTH, &length, &waits));
        ALT_CHECK(read_extent(inf, BANDS, &out.dim[1], &waits));
        ALT_CHECK(alt_infer_indices(inf, RATE));
        ALT_CHECK(alt_infer_expect(inf, LOWER, ALT_CLASS_FLOAT));
        ALT_CHECK(alt_infer_same_dtype(inf, LOWER, UPPER));
        ALT_CHECK(alt_infer_expect(inf, UPPER, ALT_CLASS_FLOAT));
        out.rank = 2;
        out.dim[0] = alt_dim_add(inf->dims, alt_dim_div(inf->dims, length, 2), 1);
    } else {
        ALT_CHECK(read_extent(inf, 0, &out.dim[0], &waits));
    }
    alt_infer_set(inf, 0, (alt_dtype)dtype, &out);
    return waits >= 0 ? alt_infer_wait(inf, waits) : ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel window = {.name = "window", .fn = run_window, .bind = bind_window};
    static const struct alt_kernel mel = {.name = "mel_weights", .fn = run_mel, .bind = bind_mel};
    *out = is_mel(sel->node) ? &mel : &window;
    return ALT_OK;
}

const struct alt_op_impl alt_op_signal = {.infer = infer, .select = choose};
