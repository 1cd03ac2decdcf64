/* linemap.c: running a function over lines; see linemap.h. */
#include "runtime/ops/linemap.h"

enum { TILE_WORK = 2048 };

int alt_linemap_bind(struct alt_kernel_bind *bind, struct alt_linemap *map, const struct alt_line_box *box, unsigned mask,
                     double cost)
{
    const alt_dtype dtype = bind->in[0].dtype;
    int64_t elements, bytes;
    if (!alt_lines_prepare(&map->lines, box, mask))
        return alt_bind_fail(bind, ALT_E_SHAPE, "too many elements");
    map->wide = alt_wide_of(dtype);
    map->in_size = alt_dtype_size(dtype);
    map->size = alt_dtype_size(bind->out[0].dtype);
    map->wide_size = alt_wide_size(map->wide);
    map->load = alt_wide_load(dtype);
    map->store = alt_wide_store(map->wide, bind->out[0].dtype);
    map->in = 0;
    map->out = bind->n_in;
    map->direct = map->size == map->wide_size && bind->out[0].dtype == dtype && alt_lines_dense(&map->lines, ALT_LINE_OUT);
    map->apart = map->apart && map->in_size == map->wide_size && alt_lines_dense(&map->lines, ALT_LINE_IN);
    if (__builtin_mul_overflow(map->lines.length, map->spare_lines + !map->direct, &elements) ||
        __builtin_mul_overflow(elements, (int64_t)map->wide_size, &bytes))
        return alt_bind_fail(bind, ALT_E_SHAPE, "too many elements");
    const int64_t length = map->lines.length > 0 ? map->lines.length : 1;
    map->lines_a_tile = length < TILE_WORK ? TILE_WORK / length : 1;
    bind->params = map;
    bind->scratch = (size_t)bytes;
    bind->range = (map->lines.count + map->lines_a_tile - 1) / map->lines_a_tile;
    bind->flops = cost * (double)map->lines.count * (double)map->lines.length;
    return ALT_OK;
}

static void run_line(const struct alt_linemap *map, struct alt_line *line)
{
    const struct alt_axes *kept = &map->lines.kept;
    const char *in = line->args->operand[map->in].data;
    char *out = line->args->operand[map->out].data;
    in += alt_axes_offset(kept, ALT_LINE_IN, line->index) * (int64_t)map->in_size;
    out += alt_axes_offset(kept, ALT_LINE_OUT, line->index) * (int64_t)map->size;
    if (line->n == 0) { /* statistics of nothing are outputs all the same */
        map->fn(map, line);
        return;
    }
    if (map->direct)
        line->x = out;
    line->from = map->apart ? in : line->x;
    if (!map->apart)
        alt_lines_gather(&map->lines, ALT_LINE_IN, map->load, map->in_size, in, 0, line->n, line->x, map->wide_size);
    map->fn(map, line);
    if (!map->direct)
        alt_lines_scatter(&map->lines, map->store, map->size, out, line->n, line->x, map->wide_size);
}

void alt_linemap_run(const struct alt_kargs *args)
{
    const struct alt_linemap *map = args->params;
    const size_t bytes = (size_t)map->lines.length * map->wide_size;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t begin = t * map->lines_a_tile, end = begin + map->lines_a_tile;
        for (int64_t i = begin; i < end && i < map->lines.count; i++) {
            struct alt_line line = {.x = args->scratch, .n = map->lines.length, .index = i, .first = i == begin, .args = args};
            line.spare = args->scratch;
            if (!map->direct && bytes)
                line.spare += bytes;
            run_line(map, &line);
        }
    }
}
