/* copy.h: copies a box of elements between two strided tensors; what every operator that only moves data rests on.
 *
 * alt_copy_prepare() looks at the strides once: axes of extent 1 go, neighbouring axes that are one axis in both tensors
 * are joined, and short dense runs become one wider element. What is left is copied in one of four ways: runs (long ones that both sides
 * share: memcpy), fills (source stride 0), blocked transposition (another axis of the source is the dense one), or
 * element by element. The box is cut into tiles that may be copied in any order, by any thread.
 */
#ifndef ALT_RUNTIME_OPS_COPY_H
#define ALT_RUNTIME_OPS_COPY_H

#include "runtime/step.h"

#define ALT_COPY_RANK ALT_MAX_PHYSICAL_RANK

/* What to copy: extents, strides of both sides and where the first element lies, in elements. */
struct alt_copy_box {
    int rank;
    int64_t extent[ALT_COPY_RANK], src[ALT_COPY_RANK], dst[ALT_COPY_RANK];
    int64_t src_at, dst_at;
};

enum alt_copy_way { ALT_COPY_RUN, ALT_COPY_FILL, ALT_COPY_SWAP, ALT_COPY_EACH, ALT_COPY_PACKED };

/* A box made ready; strides in bytes (packed types: in elements). */
struct alt_copy {
    enum alt_copy_way way;
    unsigned bits;            /* packed: of an element */
    size_t size;              /* bytes of an element */
    int rank;                 /* axes outside the inner one or two */
    int64_t extent[ALT_COPY_RANK], src[ALT_COPY_RANK], dst[ALT_COPY_RANK];
    int64_t src_at, dst_at;
    int64_t n, src_n, dst_n;  /* innermost axis of the destination */
    int64_t m, src_m, dst_m;  /* swap: the axis that is dense in the source; else extent 1 */
    int64_t block_n, block_m; /* tile extents along n and m */
    int64_t rows, rows_tile;  /* product of extent[], and how many a tile takes */
    int64_t tiles;            /* 0: nothing to copy */
    bool ahead;               /* swap: the source of the next tile is prefetched */
    int64_t count;            /* elements in all, as given */
};

void alt_copy_prepare(struct alt_copy *c, alt_dtype dtype, const struct alt_copy_box *box);
/* Tiles [begin, end) from `src` to `dst`, which must not overlap. */
void alt_copy_run(const struct alt_copy *c, const void *src, void *dst, int64_t begin, int64_t end);

/* True when `stride` is that of a dense row-major tensor (axes of extent 1 may have any). */
bool alt_is_dense(int rank, const int64_t *extent, const int64_t *stride);
/* Offset of the element of that row-major number. */
int64_t alt_strided_offset(int rank, const int64_t *extent, const int64_t *stride, int64_t index);

/* Copies in[0], any strides, to out[0], dense, in row-major order of in[0] (so out may have another shape of the same
 * size). NULL for types that cannot be copied. */
const struct alt_kernel *alt_copy_kernel(alt_dtype dtype);

/* For kernels that do several copies: params is one of these. */
struct alt_copy_list {
    int count;
    struct alt_copy copy[];
};
struct alt_copy_list *alt_copy_list_create(struct alt_arena *arena, int count);
/* Finds copy and tile numbers of the list's tile range and runs them; `src` and `dst` per copy. */
void alt_copy_list_run(const struct alt_copy_list *list, const struct alt_koperand *src, bool one_src,
                       const struct alt_koperand *dst, bool one_dst, int64_t begin, int64_t end);
/* Sets params, range and cost of a binding from a list. */
void alt_copy_list_bind(struct alt_kernel_bind *b, const struct alt_copy_list *list);

/* For operators that are one copy from in[0] to their only output: what bind returns, and the kernel's function. */
int alt_copy_bind_one(struct alt_kernel_bind *b, const struct alt_copy_box *box);
void alt_copy_one(const struct alt_kargs *args);

#endif
