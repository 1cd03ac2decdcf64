/* region.h: the part of an input that one tile of a convolution reads, with its padding, and how a tile is cut.
 *
 * A tile covers one position of the outer output axes, `rows` positions of the last but one and `cols` of the last; where it
 * takes less than all of the last axis it has one row, so that its pixels always lie side by side in the output. The region
 * under it is copied to scratch with zeros for the padding; where no window reaches beyond the input it is read in place.
 */
#ifndef ALT_RUNTIME_OPS_REGION_H
#define ALT_RUNTIME_OPS_REGION_H

#include "runtime/ops/window.h"

struct alt_region {
    const struct alt_op_window *w;
    bool copied;                         /* false: read in place */
    int64_t size;                        /* bytes of an element */
    int64_t block;                       /* elements side by side at every position: channels of a block, else 1 */
    int64_t x_axis[ALT_WINDOW_RANK];     /* strides of the input */
    int64_t rows, cols;                  /* output positions a tile takes */
    int64_t outer, row_tiles, col_tiles; /* tiles an image */
    int64_t extent[ALT_WINDOW_RANK];     /* positions of a whole region */
    int64_t axis[ALT_WINDOW_RANK];       /* strides of what the kernel reads: the region or the input */
    int64_t elements;                    /* of the region of one channel block; 0 in place */
};

/* Where a tile lies. */
struct alt_region_tile {
    int64_t first[ALT_WINDOW_RANK]; /* input position of the region by axis; may be negative */
    int64_t count[ALT_WINDOW_RANK]; /* positions this tile needs */
    int64_t rows, cols;             /* output positions */
    int64_t pixel;                  /* first output position in the channel */
};

/* Cuts tiles of about `pixels` output positions whose regions, `channels` blocks of them, stay below `most` elements where a
 * single row does. Given are w (fixed), copied, size, block and x_axis. False when the regions would be too large for
 * any memory (the kernel is dilated far beyond the input). */
bool alt_region_cut(struct alt_region *r, int64_t pixels, int64_t channels, int64_t most);
int64_t alt_region_tiles(const struct alt_region *r);
void alt_region_tile_at(const struct alt_region *r, int64_t tile, struct alt_region_tile *t);
/* Copies the tile's region of one channel (block) that starts at x. */
void alt_region_copy(const struct alt_region *r, const struct alt_region_tile *t, const char *x, char *out);
/* Offset in the input where an in-place tile starts. */
int64_t alt_region_offset(const struct alt_region *r, const struct alt_region_tile *t);
/* Offsets of the rows * cols output positions of a whole tile from its start, and how many from each on lie equally far apart. */
void alt_region_pixels(const struct alt_region *r, int64_t *offset, int32_t *run);
/* Offset of each kernel position from a window's start. */
void alt_region_taps(const struct alt_region *r, int64_t *offset);

#endif
