/* copy.c: the strided copy engine; see copy.h. Here are the decisions: which way, which tiles, and the walk over them; the inner loops are in
 * copy_swap.c and copy_run.c.
 *
 * Blocked transposition: source lines run along m, destination lines along n, and both sides of a tile of block_m x block_n stay in the
 * first-level cache. A run of up to RUN_MOST bytes that both sides share is one element of that size: heads that change places with
 * positions are transposed too, so that both sides are passed over in long stretches.
 */
#include "runtime/ops/copy.h"

#include "runtime/cpu.h"
#include "runtime/mem.h"
#include "runtime/ops/copy_inner.h"
#include "runtime/type.h"

#include <string.h>

enum { TILE_BYTES = 16384, SWAP_BLOCK = 64, RUN_MOST = 4096, FAR_BYTES = 4 << 20 };

bool alt_is_dense(int rank, const int64_t *extent, const int64_t *stride)
{
    int64_t s = 1;
    bool dense = true;
    for (int i = rank - 1; i >= 0; i--) {
        if (extent[i] == 0)
            return true;
        dense = dense && (extent[i] == 1 || stride[i] == s);
        s *= extent[i];
    }
    return dense;
}

int64_t alt_strided_offset(int rank, const int64_t *extent, const int64_t *stride, int64_t index)
{
    int64_t at = 0;
    for (int i = rank - 1; i >= 0; i--) {
        at += index % extent[i] * stride[i];
        index /= extent[i];
    }
    return at;
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Drops axes of extent 1 and joins neighbours; strides become bytes. Returns the new rank. */
static int collapse(struct alt_copy *c, const struct alt_copy_box *box, int64_t unit)
{
    int rank = 0;
    for (int i = 0; i < box->rank; i++) {
        if (box->extent[i] == 1)
            continue;
        int64_t src = box->src[i] * unit, dst = box->dst[i] * unit;
        int k = rank - 1;
        if (rank > 0 && c->src[k] == src * box->extent[i] && c->dst[k] == dst * box->extent[i]) {
            c->extent[k] *= box->extent[i];
            c->src[k] = src;
            c->dst[k] = dst;
            continue;
        }
        c->extent[rank] = box->extent[i];
        c->src[rank] = src;
        c->dst[rank++] = dst;
    }
    return rank;
}

/* A short dense run is copied as one element. */
static int widen(struct alt_copy *c, int rank)
{
    int k = rank - 1;
    int64_t size = (int64_t)c->size;
    if (rank < 2 || c->src[k] != size || c->dst[k] != size || size * c->extent[k] > RUN_MOST)
        return rank;
    c->size *= (size_t)c->extent[k];
    return rank - 1;
}

/* Takes axis k out of the outer axes. */
static void take_axis(struct alt_copy *c, int k, int64_t *extent, int64_t *src, int64_t *dst)
{
    *extent = c->extent[k];
    *src = c->src[k];
    *dst = c->dst[k];
    c->rank--;
    for (int i = k; i < c->rank; i++) {
        c->extent[i] = c->extent[i + 1];
        c->src[i] = c->src[i + 1];
        c->dst[i] = c->dst[i + 1];
    }
}

static void choose_way(struct alt_copy *c)
{
    int64_t size = (int64_t)c->size;
    c->n = c->m = 1;
    c->src_n = c->dst_n = size;
    c->src_m = c->dst_m = 0;
    c->way = ALT_COPY_RUN;
    if (c->rank == 0)
        return;
    take_axis(c, c->rank - 1, &c->n, &c->src_n, &c->dst_n);
    if (c->dst_n == size && c->src_n == size)
        return;
    c->way = c->dst_n == size && c->src_n == 0 ? ALT_COPY_FILL : ALT_COPY_EACH;
    if (c->dst_n != size || c->src_n == 0)
        return;
    for (int k = c->rank - 1; k >= 0; k--)
        if (c->src[k] == size) {
            take_axis(c, k, &c->m, &c->src_m, &c->dst_m);
            c->way = ALT_COPY_SWAP;
            return;
        }
}

/* Whether elements are moved by one instruction; others are runs of bytes. */
static bool is_element(size_t size) { return size == 1 || size == 2 || size == 4 || size == 8 || size == 16; }

/* A tile of a transposition: lines of SWAP_BLOCK elements, longer ones where there are fewer of them. What comes from memory is read in longer
 * stretches, or prefetched where tiles have to stay small. */
static void cut_swap(struct alt_copy *c, int64_t per_tile, bool far)
{
    const int64_t side = SWAP_BLOCK * SWAP_BLOCK <= per_tile ? SWAP_BLOCK : SWAP_BLOCK / 2;
    c->ahead = far && alt_copy_crowded(c->dst_m);
    if (far && !c->ahead)
        per_tile *= 4;
    c->block_n = min64(c->n, side);
    c->block_m = min64(c->m, per_tile / c->block_n / side * side);
    if (c->block_m < side)
        c->block_n = min64(c->n, per_tile / c->block_m / side * side);
}

static int64_t even_block(int64_t n, int64_t most) { return ceil_div(n, ceil_div(n, most)); }

/* Of runs: what lies side by side on either side is up to RUN_MOST bytes long. */
static void cut_swap_of_runs(struct alt_copy *c)
{
    const int64_t most = RUN_MOST / (int64_t)c->size, side = most > 2 ? most : 2;
    c->block_n = even_block(c->n, side);
    c->block_m = even_block(c->m, side);
}

static void cut_tiles(struct alt_copy *c, int64_t bytes)
{
    int64_t per_tile = TILE_BYTES / (int64_t)c->size;
    c->block_n = min64(c->n, 4 * per_tile);
    c->block_m = 1;
    if (c->way == ALT_COPY_SWAP && is_element(c->size))
        cut_swap(c, per_tile, bytes > FAR_BYTES);
    else if (c->way == ALT_COPY_SWAP)
        cut_swap_of_runs(c);
    c->rows = 1;
    for (int i = 0; i < c->rank; i++)
        c->rows *= c->extent[i];
    c->rows_tile = per_tile / (c->block_n * c->block_m);
    if (c->rows_tile < 1)
        c->rows_tile = 1;
    c->tiles = ceil_div(c->n, c->block_n) * ceil_div(c->m, c->block_m) * ceil_div(c->rows, c->rows_tile);
}

void alt_copy_prepare(struct alt_copy *c, alt_dtype dtype, const struct alt_copy_box *box)
{
    memset(c, 0, sizeof *c);
    c->size = alt_dtype_size(dtype);
    c->bits = alt_dtype_bits(dtype);
    int64_t unit = c->size ? (int64_t)c->size : 1;
    c->src_at = box->src_at * unit;
    c->dst_at = box->dst_at * unit;
    c->count = alt_dims_count(box->rank, box->extent);
    if (c->count <= 0)
        return;
    int rank = collapse(c, box, unit);
    c->rank = c->size ? widen(c, rank) : rank;
    if (c->size == 0) {
        c->way = ALT_COPY_PACKED;
        c->tiles = 1;
        c->rows = c->count;
        return;
    }
    choose_way(c);
    cut_tiles(c, c->count * unit);
}

/* n elements of `size` bytes; inlined with a constant size, so that each element is one move. */
static inline __attribute__((always_inline)) void each_sized(size_t size, char *dst, int64_t dst_n, const char *src,
                                                             int64_t src_n, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(dst + i * dst_n, src + i * src_n, size);
}

static inline __attribute__((always_inline)) void fill_sized(size_t size, char *dst, const char *src, int64_t n)
{
    char v[16];
    memcpy(v, src, size);
    for (int64_t i = 0; i < n; i++)
        memcpy(dst + i * (int64_t)size, v, size);
}

/* The inner loops for this machine. */
struct inner {
    void (*swap)(size_t size, const struct alt_copy_block *b);
    void (*runs)(size_t length, const struct alt_copy_line *l);
};

static const struct inner inner_base = {alt_copy_swap_base, alt_copy_runs_base};
#if defined(__x86_64__)
static const struct inner inner_avx2 = {alt_copy_swap_avx2, alt_copy_runs_avx2};
static const struct inner *inner(void) { return alt_cpu_isa() >= ALT_ISA_AVX2 ? &inner_avx2 : &inner_base; }
#else
static const struct inner *inner(void) { return &inner_base; }
#endif

static void copy_each(const struct alt_copy *c, char *dst, const char *src, int64_t n)
{
    switch (c->size) {
    case 1: each_sized(1, dst, c->dst_n, src, c->src_n, n); break;
    case 2: each_sized(2, dst, c->dst_n, src, c->src_n, n); break;
    case 4: each_sized(4, dst, c->dst_n, src, c->src_n, n); break;
    case 8: each_sized(8, dst, c->dst_n, src, c->src_n, n); break;
    case 16: each_sized(16, dst, c->dst_n, src, c->src_n, n); break;
    default: inner()->runs(c->size, &(struct alt_copy_line){dst, src, c->dst_n, c->src_n, n}); break;
    }
}

static void copy_fill(const struct alt_copy *c, char *dst, const char *src, int64_t n)
{
    switch (c->size) {
    case 1: memset(dst, *(const unsigned char *)src, (size_t)n); break;
    case 2: fill_sized(2, dst, src, n); break;
    case 4: fill_sized(4, dst, src, n); break;
    case 8: fill_sized(8, dst, src, n); break;
    case 16: fill_sized(16, dst, src, n); break;
    default: inner()->runs(c->size, &(struct alt_copy_line){dst, src, c->dst_n, 0, n}); break;
    }
}

/* The shorter axis is the inner one: one side is passed over in order, the other in as many streams as that axis is long. */
static void swap_runs(size_t length, const struct alt_copy_block *b)
{
    void (*const runs)(size_t, const struct alt_copy_line *) = inner()->runs;
    const int64_t size = (int64_t)length;
    if (b->m <= b->n)
        for (int64_t j = 0; j < b->n; j++)
            runs(length, &(struct alt_copy_line){b->dst + j * size, b->src + j * b->src_n, b->dst_m, size, b->m});
    else
        for (int64_t i = 0; i < b->m; i++)
            runs(length, &(struct alt_copy_line){b->dst + i * b->dst_m, b->src + i * size, size, b->src_n, b->n});
}

static void copy_swap(const struct alt_copy *c, const struct alt_copy_block *b)
{
    if (is_element(c->size))
        inner()->swap(c->size, b);
    else
        swap_runs(c->size, b);
}

/* Sub-byte elements, first in the low bits. One tile: neighbours share bytes. */
static void copy_packed(const struct alt_copy *c, const unsigned char *src, unsigned char *dst)
{
    int64_t per_byte = 8 / (int64_t)c->bits, mask = (1 << c->bits) - 1;
    for (int64_t i = 0; i < c->rows; i++) {
        int64_t s = c->src_at + alt_strided_offset(c->rank, c->extent, c->src, i);
        int64_t d = c->dst_at + alt_strided_offset(c->rank, c->extent, c->dst, i);
        int64_t from = s % per_byte * (int64_t)c->bits, to = d % per_byte * (int64_t)c->bits;
        int64_t v = (src[s / per_byte] >> from) & mask;
        dst[d / per_byte] = (unsigned char)((dst[d / per_byte] & ~(mask << to)) | v << to);
    }
}

/* Where a walk over the outer axes is. */
struct walk {
    int64_t index[ALT_COPY_RANK];
    int64_t src, dst;
};

static void walk_start(const struct alt_copy *c, struct walk *w, int64_t row)
{
    w->src = c->src_at;
    w->dst = c->dst_at;
    for (int i = c->rank - 1; i >= 0; i--) {
        w->index[i] = row % c->extent[i];
        row /= c->extent[i];
        w->src += w->index[i] * c->src[i];
        w->dst += w->index[i] * c->dst[i];
    }
}

static void walk_next(const struct alt_copy *c, struct walk *w)
{
    for (int i = c->rank - 1; i >= 0; i--) {
        w->src += c->src[i];
        w->dst += c->dst[i];
        if (++w->index[i] < c->extent[i])
            return;
        w->index[i] = 0;
        w->src -= c->extent[i] * c->src[i];
        w->dst -= c->extent[i] * c->dst[i];
    }
}

static void copy_tile(const struct alt_copy *c, const char *src, char *dst, int64_t tile)
{
    int64_t tiles_n = ceil_div(c->n, c->block_n), tiles_m = ceil_div(c->m, c->block_m);
    int64_t n0 = tile % tiles_n * c->block_n, m0 = tile / tiles_n % tiles_m * c->block_m;
    int64_t n = min64(c->n - n0, c->block_n), m = min64(c->m - m0, c->block_m);
    int64_t row = tile / tiles_n / tiles_m * c->rows_tile, last = min64(row + c->rows_tile, c->rows);
    src += n0 * c->src_n + m0 * c->src_m;
    dst += n0 * c->dst_n + m0 * c->dst_m;
    const bool ahead = c->ahead && n0 + 2 * c->block_n <= c->n;
    struct walk w;
    walk_start(c, &w, row);
    for (; row < last; row++, walk_next(c, &w)) {
        const char *from = src + w.src;
        char *to = dst + w.dst;
        switch (c->way) {
        case ALT_COPY_RUN: memcpy(to, from, (size_t)n * c->size); break;
        case ALT_COPY_FILL: copy_fill(c, to, from, n); break;
        case ALT_COPY_SWAP:
            copy_swap(c, &(struct alt_copy_block){to, from, c->dst_m, c->src_n, m, n, ahead ? from + n * c->src_n : NULL});
            break;
        default: copy_each(c, to, from, n); break;
        }
    }
}

void alt_copy_run(const struct alt_copy *c, const void *src, void *dst, int64_t begin, int64_t end)
{
    if (c->way == ALT_COPY_PACKED) {
        if (begin < end)
            copy_packed(c, src, dst);
        return;
    }
    for (int64_t t = begin; t < end; t++)
        copy_tile(c, src, dst, t);
}

struct alt_copy_list *alt_copy_list_create(struct alt_arena *arena, int count)
{
    struct alt_copy_list *list =
        alt_arena_alloc(arena, sizeof *list + (size_t)(count > 0 ? count : 0) * sizeof list->copy[0]);
    if (list)
        list->count = count;
    return list;
}

void alt_copy_list_run(const struct alt_copy_list *list, const struct alt_koperand *src, bool one_src,
                       const struct alt_koperand *dst, bool one_dst, int64_t begin, int64_t end)
{
    int64_t first = 0;
    for (int i = 0; i < list->count && first < end; i++) {
        const struct alt_copy *c = &list->copy[i];
        int64_t from = begin > first ? begin - first : 0, to = min64(end - first, c->tiles);
        if (from < to)
            alt_copy_run(c, src[one_src ? 0 : i].data, dst[one_dst ? 0 : i].data, from, to);
        first += c->tiles;
    }
}

void alt_copy_list_bind(struct alt_kernel_bind *b, const struct alt_copy_list *list)
{
    b->params = list;
    b->range = 0;
    for (int i = 0; i < list->count; i++) {
        b->range += list->copy[i].tiles;
        b->flops += (double)list->copy[i].count;
    }
}

int alt_copy_bind_one(struct alt_kernel_bind *b, const struct alt_copy_box *box)
{
    struct alt_copy_list *list = alt_copy_list_create(b->arena, 1);
    if (!list)
        return ALT_E_NOMEM;
    alt_copy_prepare(&list->copy[0], b->in[0].dtype, box);
    alt_copy_list_bind(b, list);
    return ALT_OK;
}

void alt_copy_one(const struct alt_kargs *args)
{
    const struct alt_copy_list *list = args->params;
    alt_copy_run(&list->copy[0], args->operand[0].data, args->operand[args->operand_count - 1].data, args->begin, args->end);
}

static int copy_bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0];
    struct alt_copy_box box = {.rank = in->phys_rank};
    memcpy(box.extent, in->extent, sizeof box.extent);
    memcpy(box.src, in->stride, sizeof box.src);
    alt_dense_strides(box.rank, box.extent, box.dst);
    return alt_copy_bind_one(b, &box);
}

const struct alt_kernel *alt_copy_kernel(alt_dtype dtype)
{
    static const struct alt_kernel kernel = {
        .name = "copy", .fn = alt_copy_one, .bind = copy_bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    return alt_dtype_bits(dtype) ? &kernel : NULL;
}
