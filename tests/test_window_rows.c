/* test_window_rows.c: every element of every tile next to the definition of a window, on random windows of one to three axes. */
#include "runtime/ops/window_rows.h"

#include "runtime/mem.h"
#include "runtime/type.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"

#include <stdlib.h>

enum { CHANNELS = 3, FILL = 7, MOST = 40, PANEL = 8 };

static uint32_t seed = 1;

static int64_t draw(int64_t low, int64_t high)
{
    seed = seed * 1664525u + 1013904223u;
    return low + (int64_t)(seed >> 8) % (high - low + 1);
}

/* A window that fits; long axes, strides and dilations now and then. */
static struct alt_op_window draw_window(void)
{
    struct alt_op_window w = {.rank = (int)draw(1, 3)};
    for (int a = 0; a < w.rank; a++) {
        const bool last = a == w.rank - 1;
        w.kernel[a] = draw(1, 3);
        w.stride[a] = draw(1, draw(0, 3) ? 2 : 6);
        w.dilation[a] = draw(1, last && draw(0, 5) == 0 ? 80 : 2);
        w.begin[a] = draw(0, 2);
        w.in[a] = draw(0, 3) == 0 ? draw(1, last ? 90 : 3) : draw(1, 12);
        const int64_t span = (w.kernel[a] - 1) * w.dilation[a] + 1;
        w.end[a] = draw(0, 2) + (w.in[a] + w.begin[a] < span ? span : 0);
        w.out[a] = (w.in[a] + w.begin[a] + w.end[a] - span) / w.stride[a] + 1;
    }
    return w;
}

/* Element under tap `tap` of output position `line`, `col`. */
static uint8_t expected(const struct alt_op_window *w, const uint8_t *x, int64_t tap, int64_t line, int64_t col)
{
    int64_t offset = 0, step = 1;
    for (int a = w->rank - 1; a >= 0; a--) {
        const int64_t out = a == w->rank - 1 ? col : line % w->out[a];
        const int64_t at = out * w->stride[a] - w->begin[a] + tap % w->kernel[a] * w->dilation[a];
        if (at < 0 || at >= w->in[a])
            return FILL;
        line = a == w->rank - 1 ? line : line / w->out[a];
        tap /= w->kernel[a];
        offset += at * step;
        step *= w->in[a];
    }
    return x[offset];
}

static void check_tile(const struct alt_op_window *w, const struct alt_window_rows *r, int64_t tile, const uint8_t *x, uint8_t *copy)
{
    const struct alt_window_tile t = alt_window_rows_tile(r, tile);
    const uint8_t *rows = alt_window_rows_fill(r, &t, x, FILL, copy);
    assert_int_equal(t.count, (t.rows - 1) * r->pitch + t.cols);
    assert_true(t.count <= r->width);
    for (int64_t c = 0; c < CHANNELS; c++)
        for (int64_t tap = 0; tap < alt_op_window_taps(w); tap++)
            for (int64_t row = 0; row < t.rows; row++)
                for (int64_t col = 0; col < t.cols; col++) {
                    const int64_t position = t.first + row * r->w.out[r->w.rank - 1] + col, line = w->out[w->rank - 1];
                    assert_int_equal(rows[c * r->channel + r->tap[tap] + row * r->pitch + col],
                                     expected(w, x + c * r->plane, tap, position / line, position % line));
                }
}

static void windows_are_rows(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        struct alt_mem mem;
        struct alt_arena arena;
        alt_mem_init(&mem, NULL, 0);
        alt_arena_init(&arena, &mem);
        const struct alt_op_window w = draw_window();
        struct alt_window_rows r;
        assert_int_equal(alt_window_rows_plan(&r, &w, CHANNELS, MOST, PANEL, &arena), ALT_OK);
        uint8_t *x = malloc((size_t)(CHANNELS * r.plane)), *copy = malloc((size_t)alt_window_rows_bytes(&r) + 1);
        for (int64_t j = 0; j < CHANNELS * r.plane; j++)
            x[j] = (uint8_t)draw(8, 255);
        int64_t positions = 0;
        for (int64_t tile = 0; tile < r.tiles; tile++) {
            const struct alt_window_tile t = alt_window_rows_tile(&r, tile);
            positions += t.rows * t.cols;
            check_tile(&w, &r, tile, x, copy);
        }
        assert_int_equal(positions, alt_dims_count(w.rank, w.out));
        free(copy);
        free(x);
        alt_arena_free(&arena);
    }
}

static alt_status plan(const alt_allocator *hooks, void *context)
{
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_window_rows r;
    alt_mem_init(&mem, hooks, 0);
    alt_arena_init(&arena, &mem);
    const alt_status status = alt_window_rows_plan(&r, context, CHANNELS, MOST, PANEL, &arena);
    alt_arena_free(&arena);
    return status;
}

static void no_memory(void **state)
{
    (void)state;
    struct alt_op_window w = draw_window();
    const char *why = NULL;
    assert_true(fail_alloc_sweep(plan, &w, &why) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_are_rows), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
