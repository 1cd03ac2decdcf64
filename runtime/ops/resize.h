/* resize.h: Resize and Upsample in parts: where an output element lies in the input (resize_table.c), and the operator
 * (resize.c: arguments and shapes; resize_run.c: kernels).
 */
#ifndef ALT_RUNTIME_OPS_RESIZE_H
#define ALT_RUNTIME_OPS_RESIZE_H

#include "runtime/step.h"

enum alt_resize_mode { ALT_RESIZE_NEAREST, ALT_RESIZE_LINEAR, ALT_RESIZE_CUBIC, ALT_RESIZE_MODES };

enum alt_resize_place {
    ALT_PLACE_HALF_PIXEL,
    ALT_PLACE_HALF_PIXEL_SYMMETRIC,
    ALT_PLACE_PYTORCH_HALF_PIXEL,
    ALT_PLACE_TF_HALF_PIXEL_FOR_NN,
    ALT_PLACE_ALIGN_CORNERS,
    ALT_PLACE_ASYMMETRIC,
    ALT_PLACE_TF_CROP_AND_RESIZE,
    ALT_PLACES
};

enum alt_resize_round {
    ALT_ROUND_PREFER_FLOOR,
    ALT_ROUND_PREFER_CEIL,
    ALT_ROUND_FLOOR,
    ALT_ROUND_CEIL,
    ALT_ROUND_SIMPLE, /* before opset 11: floor, but ceil where the axis shrinks */
    ALT_ROUNDS
};

/* The attributes. */
struct alt_resize_style {
    enum alt_resize_mode mode;
    enum alt_resize_place place;
    enum alt_resize_round round;
    double cubic_a;
    float extrapolation;
    bool exclude_outside, antialias;
};

/* One axis: extents, scale, output length before it is rounded, crop box. */
struct alt_resize_axis {
    int64_t in, out;
    double scale, length, roi_start, roi_end;
};

/* Input elements and weights of every output element of an axis: `taps` a piece. */
struct alt_resize_taps {
    int64_t in, out, taps;
    const int64_t *index;  /* [out][taps], within [0, in) */
    const double *weight;  /* [out][taps] */
    const float *weight32; /* the same */
    const bool *outside;   /* [out]: takes the extrapolation value */
};

/* False when an attribute names something that does not exist. */
bool alt_resize_read_style(const struct alt_node *n, struct alt_resize_style *style);
/* Nearest: table[i] is the input index of output i, or ALT_REMAP_OUTSIDE. */
void alt_resize_nearest(const struct alt_resize_style *style, const struct alt_resize_axis *axis, int64_t *table);
/* Linear and cubic, in the arena. ALT_E_NOMEM. */
alt_status alt_resize_taps(struct alt_arena *arena, const struct alt_resize_style *style, const struct alt_resize_axis *axis,
                           struct alt_resize_taps *taps);

/* Binds the kernel once the axes are known; axis[d].in == axis[d].out with scale 1 is left alone. */
alt_status alt_resize_bind(struct alt_kernel_bind *b, const struct alt_resize_style *style,
                           const struct alt_resize_axis *axis);
/* The kernel's function. */
void alt_resize_run(const struct alt_kargs *args);
/* True for element types that can be resized in this mode. */
bool alt_resize_can(enum alt_resize_mode mode, alt_dtype dtype);

#endif
