/* remap.c: tensors read through a table an axis; see remap.h. */
#include "runtime/ops/remap.h"

#include "runtime/ops/copy.h"
#include "runtime/ops/loop.h"

#include <string.h>

enum { TILE_BYTES = 16384 };

static bool is_identity(const int64_t *table, int64_t n, int64_t extent)
{
    for (int64_t i = 0; i < n; i++)
        if (table[i] != i)
            return false;
    return n == extent;
}

/* Number of trailing axes that are read straight and lie densely in the source; their bytes in *block. */
static int trailing_axes(const struct alt_operand *in, const struct alt_operand *out, int64_t *const *table, size_t *block)
{
    int n = 0;
    int64_t dense = 1;
    for (int d = out->rank - 1; d > 0; d--, n++) {
        if (in->stride[d] != dense || !is_identity(table[d], out->dim[d], in->dim[d]))
            break;
        dense *= out->dim[d];
    }
    *block = (size_t)dense * alt_dtype_size(in->dtype);
    return n;
}

/* Length of the run that starts at block i, and its step. */
static int64_t run_length(const int64_t *offset, int64_t n, int64_t i, int64_t block, int64_t *step)
{
    int64_t k = i + 1;
    *step = block;
    if (offset[i] == ALT_REMAP_OUTSIDE) {
        while (k < n && offset[k] == ALT_REMAP_OUTSIDE)
            k++;
        return k - i;
    }
    if (k == n || offset[k] == ALT_REMAP_OUTSIDE)
        return 1;
    *step = offset[k] - offset[i];
    while (k < n && offset[k] != ALT_REMAP_OUTSIDE && offset[k] - offset[k - 1] == *step)
        k++;
    return k - i;
}

static alt_status find_runs(struct alt_arena *arena, struct alt_remap *r, const int64_t *offset, int64_t n)
{
    struct alt_remap_run *run = alt_arena_array(arena, (size_t)n, sizeof *run);
    if (!run)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < n; i += run[r->n_runs++].n) {
        struct alt_remap_run *now = &run[r->n_runs];
        now->at = i;
        now->src = offset[i];
        now->n = run_length(offset, n, i, (int64_t)r->block, &now->step);
    }
    r->run = run;
    r->repeat = r->size == 4 && r->block == 4 && run[0].n > 1 ? run[0].n : 0;
    for (int64_t i = 0; i < r->n_runs; i++)
        if (run[i].n != r->repeat || run[i].step != 0 || run[i].src != i * 4)
            r->repeat = 0;
    return ALT_OK;
}

/* Indices of an axis to byte offsets. */
static int64_t *offsets(struct alt_arena *arena, const int64_t *table, int64_t n, int64_t stride)
{
    int64_t *offset = alt_arena_array(arena, (size_t)n + 1, sizeof *offset);
    for (int64_t i = 0; offset && i < n; i++)
        offset[i] = table[i] == ALT_REMAP_OUTSIDE ? ALT_REMAP_OUTSIDE : table[i] * stride;
    return offset;
}

alt_status alt_remap_create(struct alt_arena *arena, const struct alt_operand *in, const struct alt_operand *out,
                            int64_t *const *table, struct alt_remap **remap)
{
    static const int64_t origin = 0;
    struct alt_remap *r = alt_arena_alloc(arena, sizeof *r);
    if (!r)
        return ALT_E_NOMEM;
    r->size = r->block = alt_dtype_size(in->dtype);
    if (alt_dims_count(out->rank, out->dim) == 0) {
        *remap = r;
        return ALT_OK;
    }
    int last = out->rank - 1;
    if (out->rank > 0)
        last -= trailing_axes(in, out, table, &r->block);
    r->rank = last > 0 ? last : 0;
    r->rows = 1;
    int64_t size = (int64_t)r->size, n = last >= 0 ? out->dim[last] : 1;
    for (int d = 0; d < r->rank; d++) {
        r->extent[d] = out->dim[d];
        r->rows *= out->dim[d];
        r->offset[d] = offsets(arena, table[d], out->dim[d], in->stride[d] * size);
        if (!r->offset[d])
            return ALT_E_NOMEM;
    }
    const int64_t *inner = last >= 0 ? offsets(arena, table[last], n, in->stride[last] * size) : &origin;
    if (!inner)
        return ALT_E_NOMEM;
    if (find_runs(arena, r, inner, n) != ALT_OK)
        return ALT_E_NOMEM;
    r->row_bytes = n * (int64_t)r->block;
    r->rows_tile = r->row_bytes < TILE_BYTES ? TILE_BYTES / r->row_bytes : 1;
    r->tiles = (r->rows + r->rows_tile - 1) / r->rows_tile;
    *remap = r;
    return ALT_OK;
}

static void fill_bytes(char *dst, const char *fill, size_t size, int64_t bytes)
{
    static const char zero[16];
    if (!fill || memcmp(fill, zero, size) == 0) {
        memset(dst, 0, (size_t)bytes);
        return;
    }
    for (int64_t i = 0; i < bytes; i += (int64_t)size)
        memcpy(dst + i, fill, size);
}

/* Blocks of one to eight bytes are moved without a call. */
static void copy_blocks(size_t block, char *dst, const char *src, int64_t step, int64_t n)
{
    switch (block) {
    case 1:
        for (int64_t i = 0; i < n; i++)
            dst[i] = src[i * step];
        break;
    case 2:
        for (int64_t i = 0; i < n; i++)
            memcpy(dst + i * 2, src + i * step, 2);
        break;
    case 4:
        for (int64_t i = 0; i < n; i++)
            memcpy(dst + i * 4, src + i * step, 4);
        break;
    case 8:
        for (int64_t i = 0; i < n; i++)
            memcpy(dst + i * 8, src + i * step, 8);
        break;
    default:
        for (int64_t i = 0; i < n; i++)
            memcpy(dst + i * (int64_t)block, src + i * step, block);
        break;
    }
}

ALT_LOOP(repeat_words, (const uint32_t *restrict src, int64_t n, int64_t times, uint32_t *restrict dst), (src, n, times, dst), {
    if (times == 2)
        for (int64_t i = 0; i < n; i++) {
            dst[2 * i] = src[i];
            dst[2 * i + 1] = src[i];
        }
    else
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < times; j++)
                dst[i * times + j] = src[i];
})

static void copy_row(const struct alt_remap *r, char *dst, const char *src, const char *fill)
{
    if (r->repeat)
        repeat_words((const uint32_t *)(const void *)src, r->n_runs, r->repeat, (uint32_t *)(void *)dst);
    for (int64_t i = 0; !r->repeat && i < r->n_runs; i++) {
        const struct alt_remap_run *run = &r->run[i];
        char *to = dst + run->at * (int64_t)r->block;
        if (run->src == ALT_REMAP_OUTSIDE)
            fill_bytes(to, fill, r->size, run->n * (int64_t)r->block);
        else if (run->step == (int64_t)r->block)
            memcpy(to, src + run->src, (size_t)run->n * r->block);
        else
            copy_blocks(r->block, to, src + run->src, run->step, run->n);
    }
}

void alt_remap_run(const struct alt_remap *r, const void *src, void *dst, const void *fill, int64_t begin, int64_t end)
{
    int64_t last = end * r->rows_tile < r->rows ? end * r->rows_tile : r->rows, before = INT64_MIN;
    for (int64_t row = begin * r->rows_tile; row < last; row++) {
        int64_t at = 0, rest = row;
        bool inside = true;
        for (int d = r->rank - 1; d >= 0; d--) {
            int64_t offset = r->offset[d][rest % r->extent[d]];
            rest /= r->extent[d];
            inside = inside && offset != ALT_REMAP_OUTSIDE;
            at += inside ? offset : 0;
        }
        char *to = (char *)dst + row * r->row_bytes;
        if (!inside)
            fill_bytes(to, fill, r->size, r->row_bytes);
        else if (at == before)
            memcpy(to, to - r->row_bytes, (size_t)r->row_bytes);
        else
            copy_row(r, to, (const char *)src + at, fill);
        before = inside ? at : INT64_MIN;
    }
}
