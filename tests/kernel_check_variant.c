/* kernel_check_variant.c: runs a trial's kernel over operands placed in memory in different ways; see kernel_check.h. */
#include "tests/kernel_check_trial.h"

#include "runtime/assign.h"
#include "runtime/layout.h"
#include "tests/kernel_check_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum kind { DENSE, UNSIZED, STRIDED, REPEATED, INPLACE, BLOCKED };
enum { OPERANDS = KC_INPUTS + KC_OUTPUTS };

/* One operand of a variant. */
struct place {
    struct alt_operand op;
    int64_t *where;   /* place of each logical element within the memory; owned */
    int64_t start;    /* place of physical index 0 */
    int64_t elements; /* that the memory holds */
};

struct variant {
    enum kind kind;
    int n; /* operands */
    struct place place[OPERANDS];
    const struct alt_layout *layout[OPERANDS];
    const struct alt_kernel *kernel;
    struct alt_kernel_bind bind;
    int shared; /* inplace: the input that the output lies on, else -1 */
};

static void *need(void *p)
{
    if (!p)
        abort();
    return p;
}

static const struct kc_tensor *tensor(const struct kc_trial *t, int k)
{
    return k < t->c->n_in ? &t->in[k] : &t->expected[k - t->c->n_in];
}

/* --- placing operands --- */

static void place_dense(struct place *p, const struct kc_tensor *x)
{
    p->elements = x->count;
    p->where = need(malloc(((size_t)x->count + 1) * sizeof *p->where));
    for (int64_t i = 0; i < x->count; i++)
        p->where[i] = i;
}

/* Where every logical element lies, from strides over logical axes. */
static void place_by_strides(struct place *p, const struct kc_tensor *x)
{
    p->where = need(malloc(((size_t)x->count + 1) * sizeof *p->where));
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at[ALT_MAX_RANK];
        kc_coordinates(x->rank, x->dim, i, at);
        p->where[i] = p->start;
        for (int d = 0; d < x->rank; d++)
            p->where[i] += at[d] * p->op.stride[d];
    }
}

/* Axes in a random order, some of them reversed, with gaps between them. */
static void place_strided(struct kc_trial *t, struct place *p, const struct kc_tensor *x)
{
    int order[ALT_MAX_RANK];
    int64_t step = 1 + (int64_t)(kc_next(&t->random) % 2);
    for (int d = 0; d < x->rank; d++)
        order[d] = d;
    for (int d = x->rank - 1; d > 0; d--) {
        int other = (int)(kc_next(&t->random) % (uint64_t)(d + 1)), kept = order[d];
        order[d] = order[other];
        order[other] = kept;
    }
    for (int k = 0; k < x->rank; k++) {
        int64_t extent = x->dim[order[k]];
        bool reversed = kc_next(&t->random) % 3 == 0;
        p->op.stride[order[k]] = reversed ? -step : step;
        if (reversed && extent > 0)
            p->start += (extent - 1) * step;
        step *= extent + (int64_t)(kc_next(&t->random) % 3);
        step += step == 0;
    }
    p->elements = x->count ? step : 0;
    place_by_strides(p, x);
}

/* Dense, but for the repeated axis, whose stride is 0. */
static void place_repeated(struct place *p, const struct kc_tensor *x, int axis)
{
    int64_t step = 1;
    for (int d = x->rank - 1; d >= 0; d--) {
        p->op.stride[d] = d == axis ? 0 : step;
        step *= d == axis ? 1 : x->dim[d];
    }
    p->elements = x->count ? step : 0;
    place_by_strides(p, x);
}

static bool place_blocked(struct kc_trial *t, struct place *p, const struct kc_tensor *x,
                          const struct alt_layout *layout)
{
    struct alt_layout_map map;
    alt_status status = alt_layout_bind(layout, x->rank, x->dim, &map);
    if (status != ALT_OK)
        return kc_fault_status(t, "binding a layout", status);
    p->op.layout = layout;
    p->op.phys_rank = map.phys_rank;
    memcpy(p->op.extent, map.phys_extent, sizeof p->op.extent);
    alt_dense_strides(map.phys_rank, map.phys_extent, p->op.stride);
    p->elements = 1;
    for (int d = 0; d < map.phys_rank; d++)
        p->elements *= map.phys_extent[d];
    p->where = need(malloc(((size_t)x->count + 1) * sizeof *p->where));
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at[ALT_MAX_RANK], phys[ALT_MAX_PHYSICAL_RANK];
        kc_coordinates(x->rank, x->dim, i, at);
        alt_layout_forward(&map, at, phys);
        p->where[i] = kc_index(map.phys_rank, map.phys_extent, phys);
    }
    return true;
}

static bool place_operand(struct kc_trial *t, struct variant *v, int k)
{
    const struct kc_tensor *x = tensor(t, k);
    struct place *p = &v->place[k];
    bool input = k < t->c->n_in, known = input && t->c->in[k].known;
    if (x->rank < 0)
        return true;
    alt_status status = alt_operand_dense(&p->op, x->dtype, x->rank, x->dim);
    if (status != ALT_OK)
        return kc_fault_status(t, "describing an operand", status);
    p->op.known = known ? t->content[k].data : NULL;
    if (v->layout[k])
        return place_blocked(t, p, x, v->layout[k]);
    if (v->kind == STRIDED && input && !known)
        place_strided(t, p, x);
    else if (v->kind == REPEATED && input && t->repeated_axis[k] >= 0)
        place_repeated(p, x, t->repeated_axis[k]);
    else
        place_dense(p, x);
    return true;
}

/* --- choosing and binding --- */

static bool select_kernel(struct kc_trial *t, struct variant *v)
{
    struct alt_operand seen[OPERANDS];
    memset(seen, 0, sizeof seen);
    for (int k = 0; k < v->n; k++) {
        const struct alt_operand *op = &v->place[k].op;
        seen[k] = (struct alt_operand){.dtype = op->dtype, .rank = op->rank, .layout = op->layout};
        for (int d = 0; d < op->rank; d++)
            seen[k].dim[d] = v->kind == UNSIZED ? -1 : op->dim[d];
    }
    struct alt_select sel = {.node = t->node,
                             .diag = &t->diag,
                             .n_in = t->c->n_in,
                             .n_out = t->c->n_out,
                             .in = seen,
                             .out = seen + t->c->n_in};
    alt_status status = t->impl->select(&sel, &v->kernel);
    return status == ALT_OK ? true : kc_fault_status(t, "select", status);
}

static bool bind_kernel(struct kc_trial *t, struct variant *v)
{
    static struct alt_operand operand[OPERANDS];
    for (int k = 0; k < v->n; k++)
        operand[k] = v->place[k].op;
    v->bind = (struct alt_kernel_bind){.kernel = v->kernel,
                                       .node = t->node,
                                       .diag = &t->diag,
                                       .arena = &t->arena,
                                       .n_in = t->c->n_in,
                                       .n_out = t->c->n_out,
                                       .in = operand,
                                       .out = operand + t->c->n_in,
                                       .range = 1};
    alt_status status = v->kernel->bind ? (alt_status)v->kernel->bind(&v->bind) : ALT_OK;
    return status == ALT_OK ? true : kc_fault_status(t, "bind", status);
}

/* --- running --- */

struct memory {
    struct kc_block block[OPERANDS], scratch;
    unsigned char *before[OPERANDS]; /* the inputs as they were; owned */
};

static void make_memory(const struct kc_trial *t, const struct variant *v, bool flush, struct memory *m)
{
    memset(m, 0, sizeof *m);
    for (int k = 0; k < v->n; k++) {
        const struct kc_tensor *x = tensor(t, k);
        const struct place *p = &v->place[k];
        bool input = k < t->c->n_in;
        if (x->rank < 0 || (!input && v->shared >= 0))
            continue;
        size_t element = alt_dtype_size(x->dtype), align = element ? element : 1;
        if (align < (size_t)v->kernel->align)
            align = (size_t)v->kernel->align;
        unsigned char fill = flush ? 0xff : input ? 0 : 0x5a; /* places without an element hold that */
        m->block[k] = kc_block_make(alt_dtype_bytes(x->dtype, p->elements), align, flush, fill);
        if (!input)
            continue;
        for (int64_t i = 0; i < x->count; i++)
            kc_store(x->dtype, m->block[k].data, p->where[i], x->value[i]);
        m->before[k] = need(malloc(m->block[k].bytes + 1));
        memcpy(m->before[k], m->block[k].data, m->block[k].bytes);
    }
    m->scratch = kc_block_make(v->bind.scratch, ALT_ALIGN, flush, 0x5a);
}

static void free_memory(struct variant *v, struct memory *m)
{
    for (int k = 0; k < v->n; k++) {
        kc_block_free(&m->block[k]);
        free(m->before[k]);
    }
    kc_block_free(&m->scratch);
}

static unsigned char *data_of(const struct kc_trial *t, const struct variant *v, const struct memory *m, int k)
{
    return m->block[k >= t->c->n_in && v->shared >= 0 ? v->shared : k].data;
}

static void call(const struct variant *v, struct alt_kargs *args, const struct memory *m, int64_t begin, int64_t end)
{
    memset(m->scratch.data, 0x5a, m->scratch.bytes);
    args->begin = begin;
    args->end = end;
    v->kernel->fn(args);
}

/* All tiles at once, or in pieces (single tiles where they are few), the last piece first. */
static void call_range(struct kc_trial *t, const struct variant *v, struct alt_kargs *args, const struct memory *m,
                       bool pieces)
{
    int64_t end = v->bind.range, most = end / 16 + 1;
    if (!pieces && end > 0)
        call(v, args, m, 0, end);
    while (pieces && end > 0) {
        int64_t n = most == 1 ? 1 : 1 + (int64_t)(kc_next(&t->random) % (uint64_t)(2 * most));
        int64_t begin = end > n ? end - n : 0;
        call(v, args, m, begin, end);
        end = begin;
    }
}

static bool check_memory(struct kc_trial *t, const struct variant *v, const struct memory *m)
{
    if (!kc_block_sound(&m->scratch))
        return kc_fault(t, "writes beyond its scratch of %zu bytes", v->bind.scratch);
    for (int k = 0; k < v->n; k++) {
        if (!m->block[k].map)
            continue;
        bool input = k < t->c->n_in;
        if (!kc_block_sound(&m->block[k]))
            return kc_fault(t, "writes beyond %s %d", input ? "input" : "output", input ? k : k - t->c->n_in);
        if (input && k != v->shared && memcmp(m->before[k], m->block[k].data, m->block[k].bytes) != 0)
            return kc_fault(t, "changes input %d", k);
    }
    return true;
}

static bool run_once(struct kc_trial *t, struct variant *v, bool second, struct memory *m)
{
    struct alt_koperand operand[OPERANDS];
    memset(operand, 0, sizeof operand);
    make_memory(t, v, second, m);
    for (int k = 0; k < v->n; k++) {
        struct place *p = &v->place[k];
        unsigned char *data = data_of(t, v, m, k);
        if (tensor(t, k)->rank >= 0)
            operand[k] = (struct alt_koperand){data + p->start * (int64_t)alt_dtype_size(p->op.dtype), p->op.phys_rank,
                                               p->op.extent, p->op.stride};
    }
    int32_t fault = ALT_FAULT_NONE;
    struct alt_kargs args = {.abi = ALT_KERNEL_ABI,
                             .operand_count = (uint32_t)v->n,
                             .operand = operand,
                             .scratch = m->scratch.data,
                             .params = v->bind.params,
                             .fault = &fault};
    call_range(t, v, &args, m, second);
    if (fault != ALT_FAULT_NONE)
        return kc_fault(t, "the kernel reports fault %d", (int)fault);
    if (!check_memory(t, v, m))
        return false;
    for (int o = 0; o < t->c->n_out; o++) {
        int k = t->c->n_in + o;
        if (!kc_compare(t, o, data_of(t, v, m, k), v->place[k].where))
            return false;
    }
    return true;
}

/* The same bits in every element of output `k`. */
static bool same_bits(struct kc_trial *t, const struct variant *v, int k, const unsigned char *a,
                      const unsigned char *b)
{
    const struct kc_tensor *x = tensor(t, k);
    size_t size = alt_dtype_size(x->dtype);
    if (size == 0)
        return memcmp(a, b, alt_dtype_bytes(x->dtype, x->count)) == 0;
    for (int64_t i = 0; i < x->count; i++) {
        size_t at = (size_t)v->place[k].where[i] * size;
        if (memcmp(a + at, b + at, size) != 0)
            return false;
    }
    return true;
}

static bool run_twice(struct kc_trial *t, struct variant *v)
{
    struct memory first, second;
    memset(&second, 0, sizeof second);
    bool good = run_once(t, v, false, &first) && run_once(t, v, true, &second);
    for (int o = 0; o < t->c->n_out && good; o++) {
        int k = t->c->n_in + o;
        if (!same_bits(t, v, k, data_of(t, v, &first, k), data_of(t, v, &second, k)))
            good = kc_fault(t, "output %d depends on how the range is cut or on what memory held before", o);
    }
    free_memory(v, &first);
    free_memory(v, &second);
    return good;
}

/* --- variants --- */

static void clear(struct variant *v)
{
    for (int k = 0; k < OPERANDS; k++)
        free(v->place[k].where);
}

static void begin(struct kc_trial *t, struct variant *v, enum kind kind, const char *name)
{
    memset(v, 0, sizeof *v);
    v->kind = kind;
    v->n = t->c->n_in + t->c->n_out;
    v->shared = -1;
    snprintf(t->report->variant, sizeof t->report->variant, "%s", name);
}

static bool ready(struct kc_trial *t, struct variant *v)
{
    for (int k = 0; k < v->n; k++)
        if (!place_operand(t, v, k))
            return false;
    return select_kernel(t, v) && bind_kernel(t, v);
}

static unsigned run_variant(struct kc_trial *t, struct variant *v)
{
    unsigned flags = 0;
    if (ready(t, v) && run_twice(t, v))
        flags = v->kernel->flags;
    t->report->variants++;
    clear(v);
    return flags;
}

/* An input of the same extents and element size as output 0. */
static int shareable(const struct kc_trial *t)
{
    const struct kc_tensor *out = &t->expected[0];
    for (int k = 0; k < t->c->n_in; k++) {
        const struct kc_tensor *x = &t->in[k];
        if (!t->c->in[k].known && x->rank == out->rank && alt_dtype_size(x->dtype) == alt_dtype_size(out->dtype) &&
            alt_dtype_size(x->dtype) > 0 && memcmp(x->dim, out->dim, (size_t)x->rank * sizeof x->dim[0]) == 0)
            return k;
    }
    return -1;
}

/* Layouts with channels in blocks, where the operator has or, element by element, bears them. */
static bool blocked_layouts(struct kc_trial *t, int block, struct variant *v)
{
    if (t->impl->layouts)
        return t->impl->layouts(t->node, block, &t->arena, v->layout, v->layout + t->c->n_in) != ALT_BLOCKING_NONE;
    const struct kc_tensor *out = &t->expected[0];
    if (!alt_assign_any_layout(t->node) || out->rank < 2)
        return false;
    for (int k = 0; k < v->n; k++) {
        const struct kc_tensor *x = tensor(t, k);
        if (k < t->c->n_in && t->c->in[k].known && x->count == 1) /* fits any layout, as assign.c has it */
            continue;
        if (x->rank != out->rank || alt_dtype_size(x->dtype) == 0 ||
            memcmp(x->dim, out->dim, (size_t)x->rank * sizeof x->dim[0]) != 0)
            return false;
        if (alt_layout_blocked(&t->arena, x->rank, 1, block, &v->layout[k]) != ALT_OK)
            return false;
    }
    return true;
}

static void run_blocked(struct kc_trial *t, int block)
{
    struct variant v;
    char name[32];
    snprintf(name, sizeof name, "blocked%d", block);
    begin(t, &v, BLOCKED, name);
    if (blocked_layouts(t, block, &v))
        run_variant(t, &v);
}

static bool small_types(const struct kc_trial *t)
{
    for (int k = 0; k < t->c->n_in; k++)
        if (t->in[k].rank >= 0 && alt_dtype_size(t->in[k].dtype) == 0)
            return true;
    return false;
}

static void run_kernels(struct kc_trial *t)
{
    struct variant v;
    begin(t, &v, DENSE, "dense");
    unsigned flags = run_variant(t, &v);
    begin(t, &v, UNSIZED, "unsized");
    run_variant(t, &v);
    if ((flags & ALT_KERNEL_STRIDED) && !small_types(t)) {
        begin(t, &v, STRIDED, "strided");
        run_variant(t, &v);
    }
    if ((flags & ALT_KERNEL_INPLACE) && shareable(t) >= 0) {
        begin(t, &v, INPLACE, "inplace");
        v.shared = shareable(t);
        run_variant(t, &v);
    }
    if (!small_types(t)) {
        run_blocked(t, 8);
        run_blocked(t, 16);
    }
}

void kc_variants_run_repeated(struct kc_trial *t)
{
    struct variant v;
    if (!t->impl->select || small_types(t))
        return;
    begin(t, &v, REPEATED, "repeated");
    bool strided = ready(t, &v) && (v.kernel->flags & ALT_KERNEL_STRIDED);
    if (strided) {
        run_twice(t, &v);
        t->report->variants++;
    }
    clear(&v);
}

/* Output o as strides over input 0. */
static bool check_view(struct kc_trial *t, const struct alt_view *view, int o)
{
    const struct kc_tensor *x = tensor(t, t->c->n_in + o);
    int64_t *where = need(malloc(((size_t)x->count + 1) * sizeof *where));
    bool good = true;
    for (int64_t i = 0; i < x->count && good; i++) {
        int64_t at[ALT_MAX_RANK];
        kc_coordinates(x->rank, x->dim, i, at);
        where[i] = view->offset[o];
        for (int d = 0; d < x->rank; d++)
            where[i] += at[d] * view->stride[o][d];
        if (where[i] < 0 || where[i] >= t->in[0].count)
            good = kc_fault(t, "output %d reaches outside the input", o);
    }
    good = good && kc_compare(t, o, t->content[0].data, where);
    free(where);
    return good;
}

static bool run_view(struct kc_trial *t)
{
    struct variant v;
    int64_t stride[KC_OUTPUTS][ALT_MAX_RANK] = {{0}}, offset[KC_OUTPUTS] = {0};
    struct alt_operand operand[OPERANDS];
    begin(t, &v, DENSE, "view");
    bool good = true;
    for (int k = 0; k < v.n && good; k++) {
        good = place_operand(t, &v, k);
        operand[k] = v.place[k].op;
        /* a view is made while binding: contents of the other inputs are there */
        if (k > 0 && k < t->c->n_in)
            operand[k].known = t->content[k].data;
    }
    struct alt_view view = {.node = t->node,
                            .n_in = t->c->n_in,
                            .n_out = t->c->n_out,
                            .in = operand,
                            .out = operand + t->c->n_in,
                            .stride = stride,
                            .offset = offset};
    bool offered = good && !small_types(t) && t->impl->view(&view);
    for (int o = 0; o < t->c->n_out && offered; o++)
        good = good && check_view(t, &view, o);
    t->report->variants += offered;
    clear(&v);
    return offered;
}

struct host_run {
    struct alt_eval_run base;
    struct alt_arena *arena;
};

static void *host_alloc(struct alt_eval_run *run, size_t bytes)
{
    return alt_arena_data(((struct host_run *)run)->arena, bytes);
}

static void run_host(struct kc_trial *t)
{
    struct alt_tensor out[KC_OUTPUTS] = {{0}};
    const struct alt_tensor *in[KC_INPUTS] = {0};
    struct host_run run = {{.alloc = host_alloc, .out = out}, &t->arena};
    for (int i = 0; i < t->c->n_in; i++)
        in[i] = t->in[i].rank < 0 ? NULL : &t->content[i];
    struct alt_eval eval = {
        .node = t->node, .diag = &t->diag, .n_in = t->c->n_in, .n_out = t->c->n_out, .in = in, .run = &run.base};
    snprintf(t->report->variant, sizeof t->report->variant, "host");
    alt_status status = t->impl->eval(&eval);
    t->report->variants++;
    if (status != ALT_OK) {
        kc_fault_status(t, "eval", status);
        return;
    }
    for (int o = 0; o < t->c->n_out; o++) {
        const struct kc_tensor *want = &t->expected[o];
        if (out[o].dtype != want->dtype || out[o].rank != want->rank || alt_tensor_count(&out[o]) != want->count)
            kc_fault(t, "output %d has another type or shape than was inferred", o);
        else
            kc_compare(t, o, out[o].data, NULL);
    }
}

void kc_variants_run(struct kc_trial *t)
{
    bool viewed = t->impl->view && run_view(t);
    if (t->impl->select)
        run_kernels(t);
    else if (t->impl->eval)
        run_host(t);
    else if (!viewed)
        kc_fault(t, "the operator has neither kernel nor host function, and declines to be a view");
}

/* --- timing --- */

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void time_variant(struct kc_trial *t, struct variant *v, const char *name)
{
    struct memory m;
    struct alt_koperand operand[OPERANDS];
    double bytes = 0, best = 1e30;
    memset(operand, 0, sizeof operand);
    if (!ready(t, v)) {
        clear(v);
        return;
    }
    make_memory(t, v, false, &m);
    for (int k = 0; k < v->n; k++) {
        struct place *p = &v->place[k];
        if (tensor(t, k)->rank >= 0)
            operand[k] = (struct alt_koperand){m.block[k].data, p->op.phys_rank, p->op.extent, p->op.stride};
        bytes += (double)m.block[k].bytes;
    }
    int32_t fault = 0;
    struct alt_kargs args = {.abi = ALT_KERNEL_ABI,
                             .operand_count = (uint32_t)v->n,
                             .operand = operand,
                             .end = v->bind.range,
                             .scratch = m.scratch.data,
                             .params = v->bind.params,
                             .fault = &fault};
    double until = now() + 0.2;
    for (int runs = 0; v->bind.range > 0 && (runs < 3 || now() < until); runs++) {
        double start = now();
        v->kernel->fn(&args);
        double spent = now() - start;
        best = spent < best ? spent : best;
    }
    printf("%-72s %-10s %-24s %10.2f us %8.2f GFLOP/s %8.2f GB/s\n", name, t->report->variant, v->kernel->name,
           best * 1e6, v->bind.flops / best * 1e-9, bytes / best * 1e-9);
    free_memory(v, &m);
    clear(v);
}

void kc_variants_time(struct kc_trial *t, const char *name)
{
    struct variant v;
    if (!t->impl->select)
        return;
    begin(t, &v, DENSE, "dense");
    time_variant(t, &v, name);
    for (int block = 8; block <= 16; block *= 2) {
        begin(t, &v, BLOCKED, block == 8 ? "blocked8" : "blocked16");
        if (blocked_layouts(t, block, &v))
            time_variant(t, &v, name);
    }
}
