/* layout_convert.c: prepares a conversion between layouts: decides the way, builds offset tables, cuts the work into tiles.
 *
 * The walk is over the destination, in memory order. Where the source of a position lies is source map after inverse
 * destination map. Logical axes fall into groups: two are in one group when some physical axis, of either side, depends
 * on both (a fuse that was not split up again). No physical source coordinate depends on two groups, and offsets are
 * linear in coordinates, so the source offset is a sum over groups, and a position holds an element when every group
 * says so. Each group gets a table over its destination axes, filled through the index maps with the other groups held at
 * logical element 0: correct for whatever the maps do. Blocked layouts have one group an axis, tables of a few hundred
 * entries. When a table would be too large the maps are used directly. The running part is layout_convert_run.c. */
#include "runtime/layout_convert.h"

#include "runtime/error.h"
#include "runtime/mem.h"
#include "runtime/pool.h"
#include "runtime/step.h"
#include "runtime/type.h"

#include <string.h>

enum {
    TILE_BYTES = 1 << 15,    /* about what a tile writes */
    CHUNK = 1 << 14,         /* longest row of work, in elements */
    TABLE_SMALL = 1 << 16,   /* entries that are always worth having */
    TABLE_LARGEST = 1 << 22, /* entries, all tables together */
    RUN_WORTH = 4,           /* entries; shorter runs are copied element by element */
    PACK_TILES = 8           /* a thread's turn at constants: some 100 us, well above what waking one costs */
};

/* Product of extents >= 0, which fits: bind checked. */
static int64_t volume(int rank, const int64_t *extent)
{
    int64_t product = 1;

    for (int i = 0; i < rank; i++)
        product *= extent[i] > 0 ? extent[i] : 1;
    for (int i = 0; i < rank; i++)
        if (extent[i] == 0)
            return 0;
    return product;
}

static void set_strides(const struct alt_layout_map *map, const int64_t *given, int64_t *stride)
{
    if (given)
        memcpy(stride, given, (size_t)map->phys_rank * sizeof *stride);
    else
        alt_dense_strides(map->phys_rank, map->phys_extent, stride);
}

static void cut_into_tiles(struct alt_convert *c)
{
    const int last = c->dst.phys_rank - 1;
    const int64_t bytes = c->size ? (int64_t)c->size : 1;

    c->row = c->dst.phys_extent[last];
    c->chunk = c->row < CHUNK ? c->row : CHUNK;
    c->chunks = c->chunk > 0 ? (c->row + c->chunk - 1) / c->chunk : 0;
    c->rows = volume(last, c->dst.phys_extent) * c->chunks;
    c->rows_tile = c->chunk > 0 && TILE_BYTES / (c->chunk * bytes) > 1 ? TILE_BYTES / (c->chunk * bytes) : 1;
    if (!c->size) /* elements share bytes: one tile */
        c->rows_tile = c->rows > 0 ? c->rows : 1;
    c->tiles = (c->rows + c->rows_tile - 1) / c->rows_tile;
}

/* Unites the logical axes of `mask` into one group; `leader` names a member of each axis' group. */
static void unite(int *leader, int rank, unsigned mask)
{
    int first = -1;

    for (int k = 0; k < rank; k++) {
        if (!(mask & 1u << k))
            continue;
        if (first < 0)
            first = leader[k];
        const int old = leader[k];
        for (int j = 0; j < rank; j++)
            if (leader[j] == old)
                leader[j] = first;
    }
}

/* Numbers the groups, and gives each destination axis its group and its step in the group's row-major table. */
static void find_groups(struct alt_convert *c)
{
    unsigned src[ALT_MAX_PHYSICAL_RANK], dst[ALT_MAX_PHYSICAL_RANK];
    int leader[ALT_MAX_RANK], number[ALT_MAX_RANK];

    alt_layout_depends(&c->src, src);
    alt_layout_depends(&c->dst, dst);
    for (int k = 0; k < c->dst.rank; k++)
        leader[k] = k;
    for (int i = 0; i < c->src.phys_rank; i++)
        unite(leader, c->dst.rank, src[i]);
    for (int i = 0; i < c->dst.phys_rank; i++)
        unite(leader, c->dst.rank, dst[i]);
    c->groups = 0;
    for (int k = 0; k < c->dst.rank; k++)
        if (leader[k] == k) {
            c->group[c->groups].size = 1;
            number[k] = c->groups++;
        }
    for (int i = c->dst.phys_rank - 1; i >= 0; i--) {
        const int g = number[leader[__builtin_ctz(dst[i])]];
        c->group_of[i] = g;
        c->step_of[i] = c->group[g].size;
        c->group[g].size *= c->dst.phys_extent[i];
    }
}

static int64_t source_offset(const struct alt_convert *c, const int64_t *logical)
{
    int64_t phys[ALT_MAX_PHYSICAL_RANK], offset = 0;

    alt_layout_forward(&c->src, logical, phys);
    for (int i = 0; i < c->src.phys_rank; i++)
        offset += phys[i] * c->src_stride[i];
    return offset;
}

static bool fill_table(struct alt_convert *c, struct alt_arena *arena, int g)
{
    const int64_t size = c->group[g].size;
    int64_t *offset = alt_arena_array(arena, (size_t)size, sizeof *offset);
    int64_t at[ALT_MAX_PHYSICAL_RANK], logical[ALT_MAX_RANK] = {0};

    if (!offset)
        return false;
    alt_layout_forward(&c->dst, logical, at);
    for (int64_t x = 0; x < size; x++) {
        for (int i = 0; i < c->dst.phys_rank; i++)
            if (c->group_of[i] == g)
                at[i] = x / c->step_of[i] % c->dst.phys_extent[i];
        offset[x] = alt_layout_inverse(&c->dst, at, logical) ? source_offset(c, logical) - c->base : ALT_CONVERT_NONE;
    }
    c->group[g].offset = offset;
    return true;
}

/* Run lengths along the innermost axis, unless most runs are short. */
static bool find_runs(struct alt_convert *c, struct alt_arena *arena)
{
    const int last = c->dst.phys_rank - 1;
    const struct alt_convert_group *g = &c->group[c->group_of[last]];
    const int64_t step = c->step_of[last];
    int64_t runs = 0;

    if (c->dst_stride[last] != 1 && c->row > 1)
        return true;
    int32_t *run = alt_arena_array(arena, (size_t)g->size, sizeof *run);
    if (!run)
        return false;
    for (int64_t x = g->size - 1; x >= 0; x--) {
        const bool end = x / step % c->row == c->row - 1;
        const int64_t here = g->offset[x], next = end ? 0 : g->offset[x + step];
        const bool joined = !end && (here == ALT_CONVERT_NONE ? next == here : next == here + 1) &&
                            run[x + step] < INT32_MAX;
        run[x] = joined ? run[x + step] + 1 : 1;
        runs += !joined;
    }
    if (g->size / runs >= RUN_WORTH)
        c->run = run;
    return true;
}

/* Whether the source offset of a group is a sum of multiples of its destination coordinates, with an element at every position:
 * then `stride` gets the multiples. */
static bool linear(const struct alt_convert *c, int g, int64_t *stride)
{
    const int64_t *offset = c->group[g].offset;

    for (int64_t x = 0; x < c->group[g].size; x++)
        if (offset[x] == ALT_CONVERT_NONE)
            return false;
    for (int i = 0; i < c->dst.phys_rank; i++)
        if (c->group_of[i] == g)
            stride[i] = c->dst.phys_extent[i] > 1 ? offset[c->step_of[i]] - offset[0] : 0;
    for (int64_t x = 0; x < c->group[g].size; x++) {
        int64_t sum = offset[0];
        for (int i = 0; i < c->dst.phys_rank; i++)
            if (c->group_of[i] == g)
                sum += x / c->step_of[i] % c->dst.phys_extent[i] * stride[i];
        if (offset[x] != sum)
            return false;
    }
    return true;
}

/* False: not worth it, or no memory. */
static bool build_tables(struct alt_convert *c, struct alt_arena *arena)
{
    const int64_t zero[ALT_MAX_RANK] = {0}, elements = volume(c->dst.phys_rank, c->dst.phys_extent);
    int64_t entries = 0;

    if (!arena || !c->size || volume(c->dst.rank, c->dst.extent) == 0)
        return false;
    find_groups(c);
    for (int g = 0; g < c->groups; g++)
        entries += c->group[g].size;
    if (entries > TABLE_SMALL && (entries > TABLE_LARGEST || entries > elements / 8))
        return false;
    c->base = source_offset(c, zero);
    for (int g = 0; g < c->groups; g++)
        if (!fill_table(c, arena, g))
            return false;
    return find_runs(c, arena);
}

static bool same_dense(const struct alt_layout_map *map, const int64_t *stride)
{
    return alt_is_dense(map->phys_rank, map->phys_extent, stride);
}

static void swap(int64_t *a, int64_t *b)
{
    const int64_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Becomes a copy of this box, its axes in the order of the destination. */
static void prepare_copy(struct alt_convert *c, alt_dtype dtype, struct alt_copy_box *box)
{
    for (int i = 1; i < box->rank; i++)
        for (int k = i; k > 0 && box->dst[k] > box->dst[k - 1]; k--) {
            swap(&box->extent[k], &box->extent[k - 1]);
            swap(&box->src[k], &box->src[k - 1]);
            swap(&box->dst[k], &box->dst[k - 1]);
        }
    alt_copy_prepare(&c->copy, dtype, box);
    c->way = ALT_CONVERT_COPY;
    c->tiles = c->copy.tiles;
}

/* The box of strides that says as much as the tables of `c`; `at`: where its first element lies in the source. False: there is none. */
static bool find_strides(const struct alt_convert *c, int64_t *stride, int64_t *at)
{
    *at = c->base;
    for (int g = 0; g < c->groups; g++) {
        if (!linear(c, g, stride))
            return false;
        *at += c->group[g].offset[0];
    }
    return true;
}

/* As many positions as elements: with an element at every position, one for each. */
static bool holds_each_once(const struct alt_layout_map *map)
{
    return volume(map->phys_rank, map->phys_extent) == volume(map->rank, map->extent);
}

/* Where strides say it all, as between plain layouts and blocks that the channels fill, a copy is faster than tables. Into blocks
 * the source is regular over the axes of the destination; out of them the destination is so over those of the source. */
static void prefer_copy(struct alt_convert *c, struct alt_arena *arena, alt_dtype dtype)
{
    struct alt_copy_box box = {.rank = c->dst.phys_rank};
    struct alt_convert back = {.size = c->size, .src = c->dst, .dst = c->src};

    memcpy(box.extent, c->dst.phys_extent, sizeof box.extent);
    memcpy(box.dst, c->dst_stride, sizeof box.dst);
    if (find_strides(c, box.src, &box.src_at)) {
        prepare_copy(c, dtype, &box);
        return;
    }
    memcpy(back.src_stride, c->dst_stride, sizeof back.src_stride);
    memcpy(back.dst_stride, c->src_stride, sizeof back.dst_stride);
    cut_into_tiles(&back);
    box = (struct alt_copy_box){.rank = c->src.phys_rank};
    memcpy(box.extent, c->src.phys_extent, sizeof box.extent);
    memcpy(box.src, c->src_stride, sizeof box.src);
    if (holds_each_once(&c->src) && holds_each_once(&c->dst) && build_tables(&back, arena) &&
        find_strides(&back, box.dst, &box.dst_at))
        prepare_copy(c, dtype, &box);
}

alt_status alt_convert_prepare(struct alt_convert *c, struct alt_arena *arena, const struct alt_convert_spec *spec)
{
    memset(c, 0, sizeof *c);
    c->size = alt_dtype_size(spec->dtype);
    c->bits = alt_dtype_bits(spec->dtype);
    ALT_CHECK(alt_layout_bind(spec->src, spec->rank, spec->dims, &c->src));
    ALT_CHECK(alt_layout_bind(spec->dst, spec->rank, spec->dims, &c->dst));
    set_strides(&c->src, spec->src_stride, c->src_stride);
    set_strides(&c->dst, spec->dst_stride, c->dst_stride);
    if (!c->size && !(same_dense(&c->src, c->src_stride) && same_dense(&c->dst, c->dst_stride)))
        return ALT_E_SHAPE;
    if (alt_layout_equal(spec->src, spec->dst) && alt_layout_compact(spec->dst)) {
        struct alt_copy_box box = {.rank = c->dst.phys_rank};
        memcpy(box.extent, c->dst.phys_extent, sizeof box.extent);
        memcpy(box.src, c->src_stride, sizeof box.src);
        memcpy(box.dst, c->dst_stride, sizeof box.dst);
        prepare_copy(c, spec->dtype, &box);
        return ALT_OK;
    }
    cut_into_tiles(c);
    c->way = c->tiles > 0 && build_tables(c, arena) ? ALT_CONVERT_TABLE : ALT_CONVERT_MAP;
    if (c->way == ALT_CONVERT_TABLE)
        prefer_copy(c, arena, spec->dtype);
    return ALT_OK;
}

static void convert_fn(const struct alt_kargs *a)
{
    alt_convert_run(a->params, a->operand[0].data, a->operand[1].data, a->begin, a->end);
}

static int convert_bind(struct alt_kernel_bind *bind)
{
    const struct alt_operand *in = &bind->in[0], *out = &bind->out[0];
    const struct alt_convert_spec spec = {in->dtype, in->rank, in->dim, in->layout, out->layout, in->stride, out->stride};
    struct alt_convert *c = alt_arena_alloc(bind->arena, sizeof *c);

    if (!c)
        return ALT_E_NOMEM;
    const alt_status status = alt_convert_prepare(c, bind->arena, &spec);
    if (status != ALT_OK)
        return (int)alt_bind_fail(bind, status, "its layout does not fit this shape");
    bind->params = c;
    bind->range = c->tiles;
    bind->flops = (double)volume(c->dst.phys_rank, c->dst.phys_extent);
    return ALT_OK;
}

const struct alt_kernel *alt_convert_kernel(alt_dtype dtype)
{
    static const struct alt_kernel kernel = {.name = "convert", .fn = convert_fn, .bind = convert_bind, .flags = ALT_KERNEL_STRIDED,
                                             .numerics = ALT_KERNEL_EXACT};

    return alt_dtype_bits(dtype) ? &kernel : NULL;
}

alt_status alt_layout_bytes(const struct alt_layout *layout, const struct alt_tensor *t, size_t *bytes)
{
    struct alt_layout_map map;

    ALT_CHECK(alt_layout_bind(layout, t->rank, t->dim, &map));
    const size_t size = alt_dtype_bytes(t->dtype, volume(map.phys_rank, map.phys_extent));
    if (size == SIZE_MAX)
        return ALT_E_SHAPE;
    *bytes = size;
    return ALT_OK;
}

/* The tiles of all conversions, one behind the other. */
struct packing {
    const struct alt_pack *pack;
    const struct alt_convert *convert;
    int n;
};

static void pack_tiles(void *arg, int participant, int64_t begin, int64_t end)
{
    const struct packing *p = arg;
    int64_t first = 0;

    (void)participant;
    for (int i = 0; i < p->n && first < end; i++) {
        const int64_t tiles = p->convert[i].tiles, from = begin > first ? begin - first : 0;
        alt_convert_run(&p->convert[i], p->pack[i].t->data, p->pack[i].data, from, end - first < tiles ? end - first : tiles);
        first += tiles;
    }
}

static alt_status pack_all(const struct alt_pack *pack, int n, struct alt_convert *c, const struct alt_crew *crew,
                           struct alt_arena *arena)
{
    const struct packing all = {pack, c, n};
    int64_t tiles = 0;

    for (int i = 0; i < n; i++) {
        const struct alt_tensor *t = pack[i].t;
        const struct alt_convert_spec spec = {t->dtype, t->rank, t->dim, NULL, pack[i].layout, NULL, NULL};
        ALT_CHECK(alt_convert_prepare(&c[i], arena, &spec));
        tiles += c[i].tiles;
    }
    alt_pool_run(crew->pool, crew->threads, tiles, PACK_TILES, pack_tiles, (void *)(uintptr_t)&all);
    return ALT_OK;
}

alt_status alt_layout_pack(const struct alt_pack *pack, int n, const struct alt_crew *crew)
{
    const struct alt_crew alone = {NULL, 1};
    struct alt_convert one, *c = &one;
    struct alt_mem mem;
    struct alt_arena arena;
    alt_status status = ALT_OK;

    crew = crew ? crew : &alone;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    if (n > 1)
        c = alt_arena_array(&arena, (size_t)n, sizeof *c);
    if (c)
        status = pack_all(pack, n, c, crew, &arena);
    for (int i = 0; !c && i < n && status == ALT_OK; i++)
        status = pack_all(&pack[i], 1, &one, crew, &arena);
    alt_arena_free(&arena);
    return status;
}
