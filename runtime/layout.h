/* layout.h: how the elements of a tensor lie in memory.
 *
 * A layout is a sequence of primitives, applied left to right to the shape and to every access (ALT, arXiv 2210.12415).
 * Axes are those of the shape just before the primitive; symbolic extents stay symbolic.
 *
 *   split(k,[f1..fm])  N_k becomes f1..fm, outermost first; their product is N_k. One factor may be -1: what is left, and
 *                      it must divide. That is the form for extents that are not known yet.
 *   reorder([p..])     new axis j is old axis p[j]
 *   fuse(k,m)          axes k..k+m-1 become one, row-major
 *   pad(k,lo,hi)       lo positions before and hi behind, which hold no element
 *   pad_to(k,m)        as many positions behind as make the extent a multiple of m
 *   unfold(k,B,S)      N_k becomes T = ceil((N_k-B)/S)+1 tiles of B that start S apart: where S < B elements are stored more
 *                      than once, and the last tile may overrun (positions without an element). Needs S <= B <= N_k: a
 *                      larger step would lose elements, a larger tile is asked for by padding first.
 *
 * Positions without an element hold zero bytes. The paper's store_at keeps two tensors in one buffer; it is a relation
 * between two tensors and so no part of one tensor's sequence. NULL is the plain layout: row-major, nothing done.
 * Layouts are immutable, lie in the arena they were made in, and depend on the logical rank but not on the extents;
 * an alt_layout_map is a layout resolved for one concrete shape.
 */
#ifndef ALT_RUNTIME_LAYOUT_H
#define ALT_RUNTIME_LAYOUT_H

#include <alt/value.h>

#include "runtime/kernel.h"

struct alt_arena;
struct alt_crew;
struct alt_tensor;

/* suffix, name in text, takes an axis, arguments are a list, number of arguments that are not */
#define ALT_LAYOUT_OP_TABLE(X) \
    X(SPLIT, "split", true, true, 0) \
    X(REORDER, "reorder", false, true, 0) \
    X(FUSE, "fuse", true, false, 1) \
    X(PAD, "pad", true, false, 2) \
    X(PAD_TO, "pad_to", true, false, 1) \
    X(UNFOLD, "unfold", true, false, 2)

enum alt_layout_op {
#define ALT_LAYOUT_ROW(suffix, name, axis, list, count) ALT_LAYOUT_##suffix,
    ALT_LAYOUT_OP_TABLE(ALT_LAYOUT_ROW)
#undef ALT_LAYOUT_ROW
    ALT_LAYOUT_OP_COUNT
};

/* One primitive. `arg`: the factors; the permutation; {m}; {lo, hi}; {m}; {B, S}. */
struct alt_layout_prim {
    enum alt_layout_op op;
    int axis;  /* reorder: 0 */
    int count; /* of arg */
    int64_t arg[ALT_MAX_PHYSICAL_RANK];
};

#define ALT_LAYOUT_MAX_PRIMS 24

struct alt_layout {
    int rank;                           /* logical */
    int phys_rank;
    int count;                          /* >= 1 */
    const struct alt_layout_prim *prim; /* arena */
};

/* Extents of a tensor; < 0: not known yet. */
struct alt_extents {
    int rank;
    int64_t extent[ALT_MAX_PHYSICAL_RANK];
};

/* `base` (NULL: plain) with one more primitive, for a tensor of logical shape `shape`. ALT_E_ILLEGAL when the primitive
 * cannot be applied there, or needs a rank above ALT_MAX_PHYSICAL_RANK, more than ALT_LAYOUT_MAX_PRIMS primitives or more
 * than INT64_MAX positions; ALT_E_NOMEM. Nothing changes then. What cannot be decided while extents are unknown is
 * decided by alt_layout_bind. */
alt_status alt_layout_append(struct alt_arena *arena, const struct alt_layout *base, const struct alt_extents *shape,
                             const struct alt_layout_prim *prim, const struct alt_layout **out)
    __attribute__((warn_unused_result));
/* Axis `axis` in blocks of `block`, the block innermost: pad_to(axis,block) split(axis,[-1,block]) reorder(block last). */
alt_status alt_layout_blocked(struct alt_arena *arena, int rank, int axis, int64_t block, const struct alt_layout **out)
    __attribute__((warn_unused_result));

/* The block of a layout that is what alt_layout_blocked makes for that axis; 0 for every other one, plain included. */
int64_t alt_layout_block(const struct alt_layout *layout, int axis);

/* A matrix whose columns are axis `axis`, in panels of `block` columns: [columns / block][rows][block]. */
alt_status alt_layout_panels(struct alt_arena *arena, int axis, int64_t block, const struct alt_layout **out)
    __attribute__((warn_unused_result));
/* The block of a layout that is what alt_layout_panels makes for that axis; 0 for every other one, plain included. */
int64_t alt_layout_panel(const struct alt_layout *layout, int axis);

/* Same sequence over the same rank; NULL equals NULL only. */
bool alt_layout_equal(const struct alt_layout *a, const struct alt_layout *b);
uint64_t alt_layout_hash(const struct alt_layout *layout);
/* Stores no element twice: may be given to an output. */
bool alt_layout_injective(const struct alt_layout *layout);
/* Has no position without an element, whatever the shape, and stores none twice. */
bool alt_layout_compact(const struct alt_layout *layout);
/* Physical rank; `rank` for the plain layout. */
int alt_layout_phys_rank(const struct alt_layout *layout, int rank);

/* Writes "plain" or "4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])" (the number is the logical rank), cut off at
 * `size` and terminated when size > 0; returns the length of the whole text. */
size_t alt_layout_print(const struct alt_layout *layout, char *out, size_t size);
/* The reverse. ALT_E_MALFORMED, ALT_E_ILLEGAL, ALT_E_NOMEM. */
alt_status alt_layout_parse(struct alt_arena *arena, const char *text, const struct alt_layout **out)
    __attribute__((warn_unused_result));

/* A layout for one concrete shape. */
struct alt_layout_map {
    int rank, phys_rank, count;
    int64_t extent[ALT_MAX_RANK];                /* logical */
    int64_t phys_extent[ALT_MAX_PHYSICAL_RANK];
    struct alt_layout_step {
        enum alt_layout_op op; /* never PAD_TO */
        int axis, count, rank; /* rank: before */
        /* split: all factors known; reorder: as given; fuse: the extents; pad: {lo, extent}; unfold: {B, S, T, extent} */
        int64_t arg[ALT_MAX_PHYSICAL_RANK];
    } step[ALT_LAYOUT_MAX_PRIMS];
};

/* `dims`: `rank` extents >= 0. ALT_E_ILLEGAL when the layout does not fit the shape (then `map` is undefined). */
alt_status alt_layout_bind(const struct alt_layout *layout, int rank, const int64_t *dims, struct alt_layout_map *map)
    __attribute__((warn_unused_result));
/* Physical index of the element at a logical index within the shape (of an element stored twice: the canonical one,
 * t = min(e / S, T-1)). */
void alt_layout_forward(const struct alt_layout_map *map, const int64_t *logical, int64_t *phys);
/* Logical index of a physical one within the physical shape; false: no element lies there. */
bool alt_layout_inverse(const struct alt_layout_map *map, const int64_t *phys, int64_t *logical);
/* For each physical axis the set of logical axes (bit k: axis k) that its coordinate depends on. */
void alt_layout_depends(const struct alt_layout_map *map, unsigned *mask);

/* ---- moving data (layout_convert.c) ---- */

/* Converts in[0], any layout and strides, to out[0] of the same type and logical shape, writing zero bytes where no element
 * lies. NULL for no type. */
const struct alt_kernel *alt_convert_kernel(alt_dtype dtype);

/* Bytes of a dense tensor of t's type and shape in `layout`. ALT_E_ILLEGAL, ALT_E_SHAPE on overflow. */
alt_status alt_layout_bytes(const struct alt_layout *layout, const struct alt_tensor *t, size_t *bytes)
    __attribute__((warn_unused_result));
/* A tensor to lay out in `data`, which is alt_layout_bytes long. */
struct alt_pack {
    const struct alt_layout *layout;
    const struct alt_tensor *t;
    void *data;
};
/* `crew` (NULL: this thread) lays `n` tensors out. Short of memory it is slower and still succeeds. */
alt_status alt_layout_pack(const struct alt_pack *pack, int n, const struct alt_crew *crew)
    __attribute__((warn_unused_result));

/* ---- sliding windows ---- */

/* The unfold that fits a sliding window (stride V, dilation d, M taps): tiles of `outputs` outputs read their input from
 * one tile each. ALT_E_ILLEGAL on arguments < 1 and on overflow. */
struct alt_window {
    int64_t stride, dilation, taps, outputs;
};
alt_status alt_window_unfold(const struct alt_window *w, int64_t *tile, int64_t *step)
    __attribute__((warn_unused_result));
/* Where tap `r` of output `i` lies under that unfold: input position V*i + d*r as (tile, position in the tile). */
void alt_window_access(const struct alt_window *w, int64_t i, int64_t r, int64_t *tile, int64_t *position);

#endif
