/* layout_convert.h: the insides of a conversion between layouts; users call the kernel or alt_layout_pack of layout.h. */
#ifndef ALT_RUNTIME_LAYOUT_CONVERT_H
#define ALT_RUNTIME_LAYOUT_CONVERT_H

#include "runtime/layout.h"
#include "runtime/ops/copy.h"

struct alt_arena;

/* What to convert. Strides belong to the physical axes, in elements; NULL: dense. */
struct alt_convert_spec {
    alt_dtype dtype;
    int rank; /* logical */
    const int64_t *dims;
    const struct alt_layout *src, *dst;
    const int64_t *src_stride, *dst_stride;
};

/* How the source is found from a position in the destination. */
enum alt_convert_way {
    ALT_CONVERT_COPY,  /* strides say it all */
    ALT_CONVERT_TABLE, /* the source offset is a sum of table entries, one table for each group of axes that depend on each other */
    ALT_CONVERT_MAP    /* through the index maps, one element at a time */
};

/* A conversion made ready; immutable. */
struct alt_convert {
    enum alt_convert_way way;
    size_t size;   /* bytes of an element; 0: packed */
    unsigned bits;
    struct alt_layout_map src, dst;
    int64_t src_stride[ALT_MAX_PHYSICAL_RANK], dst_stride[ALT_MAX_PHYSICAL_RANK];
    int64_t base; /* table: source offset of logical element 0 */
    int groups;
    struct alt_convert_group {
        int64_t size;
        const int64_t *offset; /* [size] relative to base, or ALT_CONVERT_NONE */
    } group[ALT_MAX_RANK];
    int group_of[ALT_MAX_PHYSICAL_RANK];     /* of each destination axis */
    int64_t step_of[ALT_MAX_PHYSICAL_RANK];  /* of that axis in its group's table */
    const int32_t *run;        /* parallel to the innermost axis' table: how many entries from here on, along that axis, lie side
                                  by side in the source (or have no element); NULL: runs are too short to be worth it */
    int64_t row, chunk, chunks; /* innermost axis: extent, how much a row of work takes of it, how many such rows */
    int64_t rows, rows_tile;    /* rows of work; how many a tile takes */
    int64_t tiles;              /* of the parallel loop; 0: nothing to do */
    struct alt_copy copy;
};

#define ALT_CONVERT_NONE INT64_MIN

/* Tables are made in `arena`; NULL, or no memory there, falls back to the index maps. ALT_E_ILLEGAL when a layout does not
 * fit the shape, ALT_E_SHAPE when a packed type has strides. */
alt_status alt_convert_prepare(struct alt_convert *c, struct alt_arena *arena, const struct alt_convert_spec *spec)
    __attribute__((warn_unused_result));
/* Tiles [begin, end). `src` and `dst` (element at physical index 0) must not overlap. Writes every position of the
 * destination: zero bytes where no element lies. */
void alt_convert_run(const struct alt_convert *c, const void *src, void *dst, int64_t begin, int64_t end);

#endif
