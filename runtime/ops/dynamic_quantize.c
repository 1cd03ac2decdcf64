/* dynamic_quantize.c: DynamicQuantizeLinear: float32 to uint8, with the scale and zero point that fit the elements' range, zero
 * included. One tile: the range must be known before the first element can be rounded. */
#include "runtime/infer.h"
#include "runtime/ops/data.h"
#include "runtime/ops/loop.h"
#include "runtime/step.h"

enum { LANES = 16 };

/* The least and the largest of the elements and zero; NaN counts as zero. */
static void find_range(const float *x, int64_t n, float *low, float *high)
{
    float least[LANES] = {0}, most[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            least[k] = x[i + k] < least[k] ? x[i + k] : least[k];
            most[k] = x[i + k] > most[k] ? x[i + k] : most[k];
        }
    for (; i < n; i++) {
        least[0] = x[i] < least[0] ? x[i] : least[0];
        most[0] = x[i] > most[0] ? x[i] : most[0];
    }
    *low = *high = 0;
    for (int k = 0; k < LANES; k++) {
        *low = least[k] < *low ? least[k] : *low;
        *high = most[k] > *high ? most[k] : *high;
    }
}

/* Half to even, for |x| < 2^22. */
static inline float nearest(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

static inline float clamp(float x, float low, float high)
{
    const float above = x > low ? x : low;
    return above < high ? above : high;
}

static void run(const struct alt_kargs *args)
{
    const struct alt_koperand *op = args->operand;
    const int64_t n = alt_dims_count(op[0].rank, op[0].extent);
    const float *x = op[0].data;
    uint8_t *y = op[1].data;
    float low, high;
    find_range(x, n, &low, &high);
    const float scale = low == high ? 1 : (high - low) / 255.0f;
    const float zero = nearest(clamp(0 - low / scale, 0, 255));
    ALT_IVDEP for (int64_t i = 0; y && i < n; i++)
        y[i] = (uint8_t)(int32_t)(nearest(clamp(x[i] / scale, -zero, 255 - zero)) + zero);
    if (args->operand_count > 2 && op[2].data)
        *(float *)op[2].data = scale;
    if (args->operand_count > 3 && op[3].data)
        *(uint8_t *)op[3].data = (uint8_t)zero;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "dynamic_quantize", .fn = run};
    if (sel->in[0].dtype != ALT_FLOAT32)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const struct alt_shape one = {.rank = 0};
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    alt_infer_set(inf, 0, ALT_UINT8, &inf->in[0]->shape);
    alt_infer_set(inf, 1, ALT_FLOAT32, &one);
    alt_infer_set(inf, 2, ALT_UINT8, &one);
    return ALT_OK;
}

const struct alt_op_impl alt_op_dynamic_quantize = {.infer = infer, .select = choose};
