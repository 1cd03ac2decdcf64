/* layout_convert_run.c: runs the tiles of a prepared conversion: a walk over rows of the destination. Short rows, as those of a block
 * of channels, are taken several at a time. */
#include "runtime/layout_convert.h"

#include <string.h>

enum { SHORT_ROW = 64, ROWS_AHEAD = 64 }; /* elements; rows of at most so many that are worth taking together */

/* Where the walk stands. A row of work is one chunk of the innermost axis at one position of the others. */
struct walk {
    const struct alt_convert *c;
    const unsigned char *src;
    unsigned char *dst;
    int64_t at[ALT_MAX_PHYSICAL_RANK]; /* destination coordinates; innermost: start of the chunk */
    int64_t entry[ALT_MAX_RANK];       /* index into each group's table */
    int64_t out;                       /* destination offset, elements */
};

static void move_axis(struct walk *w, int axis, int64_t by)
{
    w->at[axis] += by;
    w->entry[w->c->group_of[axis]] += by * w->c->step_of[axis];
    w->out += by * w->c->dst_stride[axis];
}

static void walk_to(struct walk *w, int64_t row)
{
    const struct alt_convert *c = w->c;
    const int last = c->dst.phys_rank - 1;

    move_axis(w, last, row % c->chunks * c->chunk);
    row /= c->chunks;
    for (int i = last - 1; i >= 0; i--) {
        move_axis(w, i, row % c->dst.phys_extent[i]);
        row /= c->dst.phys_extent[i];
    }
}

static void walk_on(struct walk *w)
{
    const struct alt_convert *c = w->c;
    const int last = c->dst.phys_rank - 1;

    if (w->at[last] + c->chunk < c->row) {
        move_axis(w, last, c->chunk);
        return;
    }
    move_axis(w, last, -w->at[last]);
    for (int i = last - 1; i >= 0; i--) {
        if (w->at[i] + 1 < c->dst.phys_extent[i]) {
            move_axis(w, i, 1);
            return;
        }
        move_axis(w, i, -w->at[i]);
    }
}

/* One element; `size` is a constant where this is inlined. memcpy: data need not be aligned. */
static inline void put(unsigned char *to, const unsigned char *from, size_t size)
{
    if (from)
        memcpy(to, from, size);
    else
        memset(to, 0, size);
}

struct row {
    unsigned char *to;
    const unsigned char *from; /* NULL: the whole row has no element */
    const int64_t *offset;     /* table of the innermost axis, at the row's start */
    const int32_t *run;
    int64_t n, step, stride;   /* elements, step in the table, destination stride */
};

static inline void row_each(const struct row *r, size_t size)
{
    for (int64_t e = 0; e < r->n; e++) {
        const int64_t offset = r->offset[e * r->step];
        const bool there = r->from && offset != ALT_CONVERT_NONE;
        put(r->to + e * r->stride * (int64_t)size, there ? r->from + offset * (int64_t)size : NULL, size);
    }
}

static void row_by_size(const struct row *r, size_t size)
{
    switch (size) {
    case 1: row_each(r, 1); break;
    case 2: row_each(r, 2); break;
    case 4: row_each(r, 4); break;
    case 8: row_each(r, 8); break;
    default: row_each(r, size); break;
    }
}

static void row_runs(const struct row *r, size_t size)
{
    for (int64_t e = 0; e < r->n;) {
        const int64_t offset = r->offset[e * r->step], left = r->n - e, run = r->run[e * r->step];
        const int64_t n = run < left ? run : left;
        put(r->to + e * (int64_t)size, offset != ALT_CONVERT_NONE ? r->from + offset * (int64_t)size : NULL,
            (size_t)n * size);
        e += n;
    }
}

static void copy_row(const struct row *r, size_t size)
{
    if (r->from && r->run)
        row_runs(r, size);
    else if (!r->from && r->stride == 1)
        memset(r->to, 0, (size_t)r->n * size);
    else
        row_by_size(r, size);
}

/* The row of `n` elements where the walk stands, but for what group `except` adds to its source. */
static struct row table_row(const struct walk *w, int64_t n, int except)
{
    const struct alt_convert *c = w->c;
    const int last = c->dst.phys_rank - 1, own = c->group_of[last];
    const int64_t size = (int64_t)c->size;
    struct row r = {w->dst + w->out * size, w->src, c->group[own].offset + w->entry[own],
                    c->run ? c->run + w->entry[own] : NULL, n, c->step_of[last], c->dst_stride[last]};
    int64_t offset = c->base;

    for (int g = 0; g < c->groups && r.from; g++) {
        if (g == own || g == except)
            continue;
        const int64_t part = c->group[g].offset[w->entry[g]];
        if (part == ALT_CONVERT_NONE)
            r.from = NULL;
        else
            offset += part;
    }
    if (r.from) /* the element at 0 of the own group's axes: within the tensor */
        r.from += offset * size;
    return r;
}

/* How many short rows, at most `most`, follow each other along the second innermost axis, which has a table other than theirs; no more
 * than the first-level cache keeps. 0: none. */
static int64_t rows_ahead(const struct walk *w, int64_t most)
{
    const struct alt_convert *c = w->c;
    const int axis = c->dst.phys_rank - 2;

    if (c->way != ALT_CONVERT_TABLE || axis < 0 || c->row > SHORT_ROW || c->group_of[axis] == c->group_of[axis + 1])
        return 0;
    const int64_t left = c->dst.phys_extent[axis] - w->at[axis];
    most = most < ROWS_AHEAD ? most : ROWS_AHEAD;
    return left < most ? left : most;
}

/* Rows that differ by table entries along[0], along[step], .., all with elements; `stride` apart in the destination. */
struct rows {
    struct row first;
    const int64_t *along;
    int64_t n, step, stride;
};

/* Element by element of a row, over all rows: what depends on the element is looked up once. */
static inline void rows_each(const struct rows *rows, size_t size)
{
    const struct row *r = &rows->first;
    const int64_t n = rows->n, step = rows->step, stride = rows->stride * (int64_t)size;

    for (int64_t e = 0; e < r->n; e++) {
        const int64_t offset = r->offset[e * r->step], *along = rows->along;
        const unsigned char *from = r->from && offset != ALT_CONVERT_NONE ? r->from + offset * (int64_t)size : NULL;
        unsigned char *to = r->to + e * r->stride * (int64_t)size;
        for (int64_t k = 0; k < n; k++, along += step, to += stride)
            put(to, from ? from + *along * (int64_t)size : NULL, size);
    }
}

static void rows_by_size(const struct rows *rows, size_t size)
{
    switch (size) {
    case 1: rows_each(rows, 1); break;
    case 2: rows_each(rows, 2); break;
    case 4: rows_each(rows, 4); break;
    case 8: rows_each(rows, 8); break;
    default: rows_each(rows, size); break;
    }
}

static bool all_there(const int64_t *along, int64_t n, int64_t step)
{
    for (int64_t k = 0; k < n; k++)
        if (along[k * step] == ALT_CONVERT_NONE)
            return false;
    return true;
}

static void table_rows(const struct walk *w, int64_t n)
{
    const struct alt_convert *c = w->c;
    const int axis = c->dst.phys_rank - 2, g = c->group_of[axis];
    const int64_t size = (int64_t)c->size, step = c->step_of[axis], stride = c->dst_stride[axis];
    const int64_t *along = c->group[g].offset + w->entry[g];
    struct row r = table_row(w, c->row, g);
    const unsigned char *const from = r.from;

    if (!r.run && all_there(along, n, step)) {
        const struct rows rows = {r, along, n, step, stride};
        rows_by_size(&rows, c->size);
        return;
    }
    for (int64_t k = 0; k < n; k++, r.to += stride * size) {
        const int64_t part = along[k * step];
        r.from = from && part != ALT_CONVERT_NONE ? from + part * size : NULL;
        copy_row(&r, c->size);
    }
}

/* Element `from` of packed data (-1: zero) becomes element `to`. The bits of one element lie in one byte. */
static void put_packed(unsigned char *dst, int64_t to, const unsigned char *src, int64_t from, unsigned bits)
{
    const int64_t per_byte = 8 / bits;
    const unsigned mask = (1u << bits) - 1, up = (unsigned)(to % per_byte) * bits;
    const unsigned value = from < 0 ? 0 : (unsigned)src[from / per_byte] >> (unsigned)(from % per_byte) * bits & mask;

    dst[to / per_byte] = (unsigned char)((dst[to / per_byte] & ~(mask << up)) | value << up);
}

static void map_row(const struct walk *w, int64_t n)
{
    const struct alt_convert *c = w->c;
    const int last = c->dst.phys_rank - 1;
    int64_t at[ALT_MAX_PHYSICAL_RANK], phys[ALT_MAX_PHYSICAL_RANK], logical[ALT_MAX_RANK];

    memcpy(at, w->at, sizeof at);
    for (int64_t e = 0; e < n; e++, at[last]++) {
        const int64_t to = w->out + e * c->dst_stride[last];
        int64_t from = 0;
        const bool there = alt_layout_inverse(&c->dst, at, logical);
        if (there) {
            alt_layout_forward(&c->src, logical, phys);
            for (int i = 0; i < c->src.phys_rank; i++)
                from += phys[i] * c->src_stride[i];
        }
        if (c->size)
            put(w->dst + to * (int64_t)c->size, there ? w->src + from * (int64_t)c->size : NULL, c->size);
        else
            put_packed(w->dst, to, w->src, there ? from : -1, c->bits);
    }
}

void alt_convert_run(const struct alt_convert *c, const void *src, void *dst, int64_t begin, int64_t end)
{
    if (c->way == ALT_CONVERT_COPY) {
        alt_copy_run(&c->copy, src, dst, begin, end);
        return;
    }
    if (begin >= end)
        return;
    struct walk w = {.c = c, .src = src, .dst = dst};
    const int last = c->dst.phys_rank - 1;
    const int64_t stop = end * c->rows_tile < c->rows ? end * c->rows_tile : c->rows;
    walk_to(&w, begin * c->rows_tile);
    for (int64_t row = begin * c->rows_tile; row < stop; row++, walk_on(&w)) {
        const int64_t left = c->row - w.at[last], n = left < c->chunk ? left : c->chunk;
        const int64_t ahead = rows_ahead(&w, stop - row);
        if (ahead) {
            table_rows(&w, ahead);
            move_axis(&w, last - 1, ahead - 1);
            row += ahead - 1;
        } else if (c->way == ALT_CONVERT_TABLE) {
            const struct row r = table_row(&w, n, -1);
            copy_row(&r, c->size);
        } else {
            map_row(&w, n);
        }
    }
}
