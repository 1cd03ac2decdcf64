/* bench.c: a region as a small program of its own, run through the very machinery that runs models: the same builder, binder
 * and executor, so that what is timed here is what will run there. */
#include "tuner/trial/bench.h"

#include "jit/code.h"
#include "jit/variant.h"
#include "runtime/choice.h"
#include "runtime/pool.h"
#include "runtime/region.h"
#include "runtime/value.h"
#include "tuner/express.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* The graph's own shapes are known: nothing need be asked. */
static bool no_shape(void *context, const struct alt_gvalue *value, struct alt_shape *out)
{
    (void)context;
    (void)value;
    (void)out;
    return false;
}

static alt_status place(void *user, int index, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                        void **data)
{
    struct bench_side *side = user;
    (void)index;
    (void)diag;
    if (!side->output)
        ALT_CHECK(alt_value_tensor_in(side->context->mem, dtype, rank, dims, 0, &side->output));
    *data = side->output->data;
    return ALT_OK;
}

static alt_status take_nothing(void *user, int index, const struct alt_tensor *value, struct alt_diag *diag)
{
    (void)user, (void)index, (void)value, (void)diag;
    return ALT_E_UNSUPPORTED;
}

static alt_status open_side(struct bench *b, const struct alt_choices *choices, struct alt_mem *mem,
                            struct bench_side *out)
{
    const struct alt_program_spec spec = {b->graph, ALT_LAYOUT_BLOCKED, choices, mem, &out->weights, {b->pool, b->threads}};
    alt_status status;
    *out = (struct bench_side){.output = NULL};
    ALT_TRY(alt_weights_init(&out->weights, mem, NULL));
    ALT_TRY(alt_plan_create(&spec, NULL, &out->plan));
    ALT_TRY(alt_context_create(out->plan->program, mem, &out->context));
    out->exec = (struct alt_exec){.program = out->plan->program,
                                  .bindings = &out->plan->bindings,
                                  .context = out->context,
                                  .pool = b->pool,
                                  .threads = b->threads,
                                  .inputs = b->input};
done:
    if (status != ALT_OK)
        bench_side_close(out);
    return status;
}

void bench_side_close(struct bench_side *side)
{
    alt_context_free(side->context);
    alt_plan_free(side->plan);
    alt_weights_free(&side->weights);
    alt_value_release(side->output);
    *side = (struct bench_side){.output = NULL};
}

alt_status bench_side_run(struct bench_side *side)
{
    const struct alt_exec_outputs callbacks = {place, take_nothing, side};
    alt_context_finish(side->context);
    side->exec.outputs = &callbacks;
    alt_status status = alt_exec_begin(&side->exec);
    side->exec.outputs = NULL;
    return status;
}

alt_status bench_side_again(struct bench_side *side, int times)
{
    const struct alt_program *p = side->exec.program;
    for (int i = 0; i < times; i++)
        for (int s = 0; s < p->n_steps; s++)
            if (!p->step[s].convert)
                ALT_CHECK(alt_exec_again(&side->exec, s));
    return ALT_OK;
}

static float draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (float)((z ^ (z >> 31)) >> 40) / 8388608.0f - 1.0f;
}

static alt_status make_inputs(struct bench *b, uint64_t seed)
{
    int n = b->graph->n_inputs;
    b->input = alt_arena_array(&b->arena, (size_t)n + 1, sizeof *b->input);
    b->value = alt_arena_array(&b->arena, (size_t)n + 1, sizeof *b->value);
    if (!b->input || !b->value)
        return ALT_E_NOMEM;
    for (int i = 0; i < n; i++) {
        const struct alt_shape *s = &b->graph->inputs[i]->type.shape;
        ALT_CHECK(alt_value_tensor_in(b->mem, ALT_FLOAT32, s->rank, s->dim, 0, &b->value[i]));
        float *data = b->value[i]->data;
        for (size_t k = 0; k < b->value[i]->count; k++)
            data[k] = draw(&seed);
        b->input[i] =
            (struct alt_tensor){.dtype = ALT_FLOAT32, .rank = s->rank, .data = data, .bytes = b->value[i]->bytes};
        memcpy(b->input[i].dim, s->dim, sizeof s->dim);
    }
    return ALT_OK;
}

static alt_status open_all(struct bench *b, const char *text, uint64_t seed)
{
    ALT_CHECK(alt_desc_parse(text, &b->desc));
    ALT_CHECK(alt_express_graph(&b->desc, seed, &b->arena, &b->dims, &b->graph));
    ALT_CHECK(make_inputs(b, seed + 1));
    ALT_CHECK(alt_pool_acquire(&b->pool));
    ALT_CHECK(open_side(b, NULL, b->mem, &b->base));
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    ALT_CHECK(bench_side_run(&b->base));
    clock_gettime(CLOCK_MONOTONIC, &end);
    b->first_ms = (int)((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000) + 1;
    const alt_value *out = b->base.output;
    ALT_CHECK(alt_value_tensor_in(b->mem, ALT_FLOAT32, out->rank, out->dims, 0, &b->answer));
    memcpy(b->answer->data, out->data, out->bytes);
    return ALT_OK;
}

alt_status bench_open(struct bench *b, const char *text, uint64_t seed, int threads, struct alt_mem *mem)
{
    *b = (struct bench){.mem = mem, .threads = threads > 0 ? threads : 1};
    alt_arena_init(&b->arena, mem);
    alt_dimtab_init(&b->dims, &b->arena);
    alt_status status = open_all(b, text, seed);
    if (status != ALT_OK)
        bench_close(b);
    return status;
}

void bench_close(struct bench *b)
{
    alt_value_release(b->answer);
    bench_side_close(&b->base);
    for (int i = 0; b->value && i < b->graph->n_inputs; i++)
        alt_value_release(b->value[i]);
    alt_pool_release(b->pool);
    alt_arena_free(&b->arena);
    *b = (struct bench){.mem = b->mem};
}

alt_status bench_side_open(struct bench *b, const struct alt_code *code, struct alt_mem *mem, struct bench_side *out)
{
    struct alt_regions regions;
    struct alt_expressed e;
    const struct alt_layout **layout = alt_arena_array(&b->arena, ALT_DESC_MAX_OPERANDS, sizeof *layout);
    *out = (struct bench_side){.output = NULL};
    if (!layout)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_regions_find(b->graph, &b->arena, &regions));
    if (regions.n_base != 1 || !alt_express_region(&regions.base[0], no_shape, NULL, &e))
        return ALT_E_UNSUPPORTED;
    ALT_CHECK(alt_variant_layouts(&b->desc, &alt_code_spec(code)->variant, &b->arena, layout));
    const struct alt_gvalue *value = e.out;
    const struct alt_choice choice = {.node = regions.base[0].node,
                                      .n_nodes = regions.base[0].n_nodes,
                                      .in = e.in,
                                      .n_in = e.n_in,
                                      .out = &value,
                                      .n_out = 1,
                                      .in_layout = layout,
                                      .out_layout = &layout[e.n_in],
                                      .kernel = alt_code_kernel(code)};
    const struct alt_choices choices = {&choice, 1};
    return open_side(b, &choices, mem, out);
}

double bench_difference(const struct bench *b, const struct bench_side *side, bool *exact)
{
    const float *x = side->output->data, *y = b->answer->data;
    const size_t n = b->answer->count;
    double scale = 0, worst = 0;
    *exact = memcmp(x, y, b->answer->bytes) == 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(y[i]) && fabs((double)y[i]) > scale)
            scale = fabs((double)y[i]);
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i]) != isfinite(y[i]))
            return HUGE_VAL;
        double d = isfinite(x[i]) ? fabs((double)x[i] - (double)y[i]) : 0;
        worst = d > worst ? d : worst;
    }
    return scale > 0 ? worst / scale : worst;
}
