/* window_rows.h: windows as rows of bytes that lie side by side: what a product of 8-bit integers reads.
 *
 * A tile is up to `rows` lines of up to `cols` output positions along the last axis. For every input channel and kernel
 * position (tap), the elements under the tile's positions lie side by side, line after line `pitch` apart: in the
 * input itself where the windows are single positions, else in a copy with the padding around it. Taps along the last axis
 * share a line of the copy, which keeps `stride` phases apart; between two lines lie positions that belong to none.
 */
#ifndef ALT_RUNTIME_OPS_WINDOW_ROWS_H
#define ALT_RUNTIME_OPS_WINDOW_ROWS_H

#include "runtime/ops/window.h"

struct alt_arena;

struct alt_window_rows {
    struct alt_op_window w;
    int64_t channels, plane; /* of the input: channels, and elements of one */
    int64_t lines;           /* output positions of all axes but the last */
    int64_t rows, cols, pitch, width; /* width: rows * pitch */
    int64_t across, tiles;   /* tiles along a line; in all */
    bool direct;             /* no copy is made */
    bool apart;              /* taps along the last axis have lines of their own */
    int64_t copies, phases;  /* lines of a channel are copied `copies` times, `phases` planes each */
    int64_t channel;         /* from one channel to the next, in bytes */
    const int64_t *tap;      /* [taps] offset in a channel */
};

struct alt_window_tile {
    int64_t line, rows, col, cols; /* of the output */
    int64_t first, count;          /* output position of the first; positions from the first to the last, gaps included */
};

/* For tiles of at most `most` positions, or one line, read in panels of `panel`. ALT_E_NOMEM. */
alt_status alt_window_rows_plan(struct alt_window_rows *r, const struct alt_op_window *w, int64_t channels, int64_t most,
                                int64_t panel, struct alt_arena *arena);
/* Bytes of a tile's copy. */
int64_t alt_window_rows_bytes(const struct alt_window_rows *r);
struct alt_window_tile alt_window_rows_tile(const struct alt_window_rows *r, int64_t tile);
/* Where tap 0 of channel 0 lies for this tile: in x, or in `copy`, which is filled. x: int8 or uint8, the first channel; `fill`: the
 * padding. */
const uint8_t *alt_window_rows_fill(const struct alt_window_rows *r, const struct alt_window_tile *t, const uint8_t *x,
                                    uint8_t fill, uint8_t *copy);

#endif
