/* gather_panel.h: where the windows of a panel of pixels lie in the input, for products over gathered windows (convolution
 * and its transpose).
 *
 * Along axis a, tap e of the pixel with coordinate j reads position base[e] + j * step; outside [0, in) lies padding, zero. Taps and
 * pixels are numbered row-major over the axes. */
#ifndef ALT_RUNTIME_OPS_GATHER_PANEL_H
#define ALT_RUNTIME_OPS_GATHER_PANEL_H

#include "runtime/ops/window.h"

enum { ALT_PANEL_MOST = 64 }; /* pixels of a panel, at most */

struct alt_panel_axis {
    int64_t taps, step, in, stride; /* stride: of the input, in elements */
    int64_t outputs;                /* pixels along the axis */
    const int64_t *base;            /* [taps] */
};

struct alt_panel {
    int rank, width; /* width: pixels of a panel */
    struct alt_panel_axis axis[ALT_WINDOW_RANK];
};

/* Taps of all axes. */
int64_t alt_panel_taps(const struct alt_panel *p);
/* Elements that `work` of alt_panel_index needs: the sum of the axes' taps, times width. */
int64_t alt_panel_work(const struct alt_panel *p);
/* Coordinates by axis of pixels [first, first + count); those past the last repeat it. */
void alt_panel_coords(const struct alt_panel *p, int64_t first, int64_t count, int64_t (*coord)[ALT_PANEL_MOST]);
/* Where the lowest address of a channel lies from its first element: below it when an axis is read backwards. */
int64_t alt_panel_low(const struct alt_panel *p);
/* Fills index[taps][width] with offsets from the channel's lowest address, negative in the padding, and run[taps]: the row
 * lies side by side. */
void alt_panel_index(const struct alt_panel *p, int64_t first, int64_t count, int64_t *work, int64_t *index, bool *run);
/* Rows [first, first + rows) of the matrix [channels * taps][width], from float16 or bfloat16 to float32. x: the lowest address
 * of channel 0; `channel`: stride. */
void alt_panel_gather_half(const struct alt_panel *p, alt_dtype dtype, const void *x, int64_t channel, const int64_t *index,
                           int64_t first, int64_t rows, float *out);
/* One float16 or bfloat16 element as float32, and back. */
float alt_half_get(alt_dtype dtype, const void *base, int64_t at);
void alt_half_put(alt_dtype dtype, void *base, int64_t at, float x);

#endif
