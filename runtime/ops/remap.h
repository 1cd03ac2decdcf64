/* remap.h: builds a tensor whose every axis reads the source through a table: out[i][j] = in[row[i]][column[j]], or a fill
 * value where a table says "outside". Padding of all modes, cropping and nearest-neighbour resizing are this.
 *
 * Trailing axes that are read straight become one block; along the innermost axis left, blocks in arithmetic progression
 * become runs, so that the middle of a padded row is one memcpy. Where every 4-byte element repeats equally often (upsampling by a whole
 * number), a row is one loop; a row that reads what the one before read is a copy of that one.
 */
#ifndef ALT_RUNTIME_OPS_REMAP_H
#define ALT_RUNTIME_OPS_REMAP_H

#include "runtime/step.h"

#define ALT_REMAP_OUTSIDE INT64_MIN

struct alt_remap_run {
    int64_t at, n;       /* in the output: first block and how many */
    int64_t src, step;   /* bytes of the source; src ALT_REMAP_OUTSIDE: fill */
};

struct alt_remap {
    size_t size;         /* bytes of an element, for fills */
    size_t block;        /* bytes that move together */
    int rank;            /* axes outside the runs */
    int64_t extent[ALT_MAX_RANK];
    const int64_t *offset[ALT_MAX_RANK]; /* [extent] bytes of the source, or ALT_REMAP_OUTSIDE */
    const struct alt_remap_run *run;     /* of the innermost axis */
    int64_t n_runs;
    int64_t repeat;                      /* output elements of every source element side by side; 0: runs */
    int64_t row_bytes, rows, rows_tile, tiles;
};

/* `table[d]` has out->dim[d] entries, indices of in's axis d or ALT_REMAP_OUTSIDE. in may have any strides, out is dense.
 * Everything lies in the arena. */
alt_status alt_remap_create(struct alt_arena *arena, const struct alt_operand *in, const struct alt_operand *out,
                            int64_t *const *table, struct alt_remap **remap);
/* `fill`: an element; NULL: zero bytes. */
void alt_remap_run(const struct alt_remap *remap, const void *src, void *dst, const void *fill, int64_t begin, int64_t end);

#endif
