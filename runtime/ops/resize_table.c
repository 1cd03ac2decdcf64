/* resize_table.c: coordinates, neighbours and weights of Resize (ONNX, Resize: coordinate_transformation_mode, nearest_mode).
 *
 * An output element at x has its place x' in the input. Its neighbours are counted from base, the greatest integer below
 * x' (not x' itself), so that the ratio x' - base lies in (0, 1]. Neighbours beyond the edges repeat the edge, or with
 * exclude_outside count for nothing. With antialias, an axis that shrinks by s widens the filter by s.
 */
#include "runtime/ops/resize.h"

#include "runtime/ops/data.h"
#include "runtime/ops/remap.h"

#include <math.h>
#include <string.h>

static int find(const char *const *names, int n, const char *name)
{
    int i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

bool alt_resize_read_style(const struct alt_node *n, struct alt_resize_style *style)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const places[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn",
                                         "align_corners", "asymmetric", "tf_crop_and_resize"};
    static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    bool old = n->op == ALT_OP_UPSAMPLE || n->opset < 11;
    const char *place = alt_attr_text(n, "coordinate_transformation_mode", "half_pixel");
    const char *round = alt_attr_text(n, "nearest_mode", "round_prefer_floor");
    *style = (struct alt_resize_style){
        .mode = (enum alt_resize_mode)find(modes, ALT_RESIZE_MODES, alt_attr_text(n, "mode", "nearest")),
        .place = old ? ALT_PLACE_ASYMMETRIC : (enum alt_resize_place)find(places, ALT_PLACES, place),
        .round = old ? ALT_ROUND_SIMPLE : (enum alt_resize_round)find(rounds, ALT_ROUND_SIMPLE, round),
        .cubic_a = (double)alt_attr_float(n, "cubic_coeff_a", -0.75f),
        .extrapolation = alt_attr_float(n, "extrapolation_value", 0.0f),
        .exclude_outside = alt_attr_int(n, "exclude_outside", 0) != 0,
        .antialias = alt_attr_int(n, "antialias", 0) != 0,
    };
    return style->mode < ALT_RESIZE_MODES && style->place < ALT_PLACES && (old || style->round < ALT_ROUND_SIMPLE);
}

/* Place of output element x in the input; *outside: tf_crop_and_resize left the input. */
static double place_of(enum alt_resize_place place, const struct alt_resize_axis *a, int64_t i, bool *outside)
{
    double x = (double)i, last = (double)(a->in - 1), half = (x + 0.5) / a->scale - 0.5, at;
    *outside = false;
    switch (place) {
    case ALT_PLACE_HALF_PIXEL:
        return half;
    case ALT_PLACE_HALF_PIXEL_SYMMETRIC:
        return half + (double)a->in / 2 * (1 - (double)a->out / a->length);
    case ALT_PLACE_PYTORCH_HALF_PIXEL:
        return a->out > 1 ? half : 0;
    case ALT_PLACE_TF_HALF_PIXEL_FOR_NN:
        return half + 0.5;
    case ALT_PLACE_ALIGN_CORNERS:
        return a->out == 1 ? 0 : x * last / (a->length - 1);
    case ALT_PLACE_TF_CROP_AND_RESIZE:
        at = a->out == 1 ? (a->roi_start + a->roi_end) * last / 2
                         : a->roi_start * last + x * (a->roi_end - a->roi_start) * last / (a->length - 1);
        *outside = !(at >= 0 && at <= last);
        return *outside ? 0 : at;
    default:
        return x / a->scale;
    }
}

/* Keeps far places (tiny scales, hostile crops) within reach of integers; nothing beyond the edges differs from the edge. */
static double bounded(double x, int64_t in)
{
    double far = 4 * (double)in + 16;
    return x > -far ? (x < far ? x : far) : -far;
}

void alt_resize_nearest(const struct alt_resize_style *style, const struct alt_resize_axis *axis, int64_t *table)
{
    for (int64_t i = 0; i < axis->out; i++) {
        bool outside;
        double x = bounded(place_of(style->place, axis, i, &outside), axis->in), low = floor(x), ratio = x - low;
        bool up = false;
        switch (style->round) {
        case ALT_ROUND_PREFER_FLOOR: up = ratio > 0.5; break;
        case ALT_ROUND_PREFER_CEIL: up = ratio >= 0.5; break;
        case ALT_ROUND_CEIL: up = ratio > 0; break;
        case ALT_ROUND_SIMPLE: up = ratio > 0 && axis->scale < 1; break;
        default: break;
        }
        table[i] = outside ? ALT_REMAP_OUTSIDE : alt_clamp((int64_t)low + up, 0, axis->in - 1);
    }
}

/* Value of the filter at distance x from its middle. */
static double filter(const struct alt_resize_style *style, double x)
{
    double a = style->cubic_a;
    x = fabs(x);
    if (style->mode == ALT_RESIZE_LINEAR)
        return x < 1 ? 1 - x : 0;
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* Weights of one output element; base + first + t is the t-th neighbour. */
static void weigh(const struct alt_resize_style *style, const struct alt_resize_taps *t, double x, int64_t first, double shrink,
                  int64_t *index, double *weight)
{
    double base = ceil(x) - 1, sum = 0;
    for (int64_t k = 0; k < t->taps; k++) {
        int64_t at = (int64_t)base + first + k;
        weight[k] = filter(style, ((double)(first + k) - (x - base)) * shrink);
        if (style->exclude_outside && (at < 0 || at >= t->in))
            weight[k] = 0;
        index[k] = alt_clamp(at, 0, t->in - 1);
        sum += weight[k];
    }
    for (int64_t k = 0; k < t->taps && (style->exclude_outside || shrink < 1) && sum != 0; k++)
        weight[k] /= sum;
}

alt_status alt_resize_taps(struct alt_arena *arena, const struct alt_resize_style *style, const struct alt_resize_axis *axis,
                           struct alt_resize_taps *taps)
{
    double shrink = style->antialias && axis->scale < 1 ? axis->scale : 1;
    int64_t first = (int64_t)floor(-(style->mode == ALT_RESIZE_CUBIC ? 2 : 1) / shrink) + 1;
    struct alt_resize_taps t = {.in = axis->in, .out = axis->out, .taps = 2 - 2 * first};
    int64_t total;
    if (__builtin_mul_overflow(t.out, t.taps, &total))
        return ALT_E_NOMEM;
    int64_t *index = alt_arena_array(arena, (size_t)total, sizeof *index);
    double *weight = alt_arena_array(arena, (size_t)total, sizeof *weight);
    float *weight32 = alt_arena_array(arena, (size_t)total, sizeof *weight32);
    bool *outside = alt_arena_array(arena, (size_t)t.out, sizeof *outside);
    if (!index || !weight || !weight32 || !outside)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < t.out; i++) {
        double x = bounded(place_of(style->place, axis, i, &outside[i]), axis->in);
        weigh(style, &t, x, first, shrink, index + i * t.taps, weight + i * t.taps);
    }
    for (int64_t i = 0; i < total; i++)
        weight32[i] = (float)weight[i];
    t.index = index;
    t.weight = weight;
    t.weight32 = weight32;
    t.outside = outside;
    *taps = t;
    return ALT_OK;
}
