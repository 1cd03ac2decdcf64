/* conv_integer.c: ConvInteger and QLinearConv; see conv_integer.h.
 *
 * A tile is one panel of `nr` output pixels by a share of the output channels of one group and one image, as in conv_plain.c:
 * windows are gathered and weights widened block by block of the reduction, their zero points taken off. */
#include "runtime/ops/conv_integer.h"

#include "runtime/infer.h"
#include "runtime/ops/data.h"
#include "runtime/ops/gather_panel.h"

enum {
    TILES = 64, /* wanted at least, so that the threads have equal shares */
    LEAST = 32, /* fewer output channels a tile do not repay the gathering */
    MOST = 192  /* more do not fit the caches */
};

static const struct alt_conv_roles integer_roles = {0, -1, 2, 1, -1, 3, -1, -1, -1};
static const struct alt_conv_roles qlinear_roles = {0, 1, 2, 3, 4, 5, 6, 7, 8};

static const struct alt_conv_roles *roles_of(const struct alt_node *n)
{
    return n->op == ALT_OP_QLINEAR_CONV ? &qlinear_roles : &integer_roles;
}

/* --- what the kernels share --- */

/* Input i has one element, or one for each output channel; *each says which. */
static alt_status read_param(struct alt_kernel_bind *bind, int i, int64_t channels, bool *each)
{
    *each = false;
    const struct alt_operand *o = i >= 0 ? alt_operand_at(bind->in, bind->n_in, i) : NULL;
    const int64_t count = o ? alt_operand_count(o) : 1;
    *each = count != 1;
    if (count == 1 || (o->rank == 1 && count == channels))
        return ALT_OK;
    return alt_bind_fail(bind, ALT_E_SHAPE, "input %d must be one number, or one for each output channel where it belongs to the "
                         "weights", i);
}

static float product_of_scales(const float *x, const float *w, const float *y, int64_t channel)
{
    return *x * w[channel] / *y;
}

/* The factors, when all scales are constants. */
static alt_status known_factors(struct alt_kernel_bind *bind, struct alt_conv_integer *p)
{
    const struct alt_conv_roles *r = p->roles;
    if (r->y_scale < 0 || !bind->in[r->x_scale].known || !bind->in[r->w_scale].known || !bind->in[r->y_scale].known)
        return ALT_OK;
    float *factor = alt_arena_array(bind->arena, (size_t)p->c.o, sizeof *factor);
    if (!factor)
        return ALT_E_NOMEM;
    for (int64_t o = 0; o < p->c.o; o++)
        factor[o] = product_of_scales(bind->in[r->x_scale].known, bind->in[r->w_scale].known, bind->in[r->y_scale].known,
                                      p->scale_each ? o : 0);
    p->factor = factor;
    return ALT_OK;
}

alt_status alt_conv_integer_read(struct alt_kernel_bind *bind, struct alt_conv_integer *p)
{
    const struct alt_conv_roles *r = roles_of(bind->node);
    bool each;
    ALT_CHECK(alt_conv_read(bind, r->w, r->bias, &p->c));
    p->roles = r;
    p->kern = alt_kern_f32();
    p->x = bind->in[r->x].dtype;
    p->w = bind->in[r->w].dtype;
    p->y = bind->out[0].dtype;
    p->plane = alt_dims_count(bind->in[0].rank - 2, bind->in[0].dim + 2);
    p->n_in = bind->n_in;
    const int single[] = {r->x_scale, r->x_zero, r->y_scale, r->y_zero};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        ALT_CHECK(read_param(bind, single[i], 1, &each));
    ALT_CHECK(read_param(bind, r->w_scale, p->c.o, &p->scale_each));
    ALT_CHECK(read_param(bind, r->w_zero, p->c.o, &p->zero_each));
    return known_factors(bind, p);
}

static const struct alt_koperand *operand(const struct alt_conv_integer *p, const struct alt_kargs *args, int i)
{
    return i >= 0 && i < p->n_in ? &args->operand[i] : NULL;
}

int32_t alt_conv_integer_x_zero(const struct alt_conv_integer *p, const struct alt_kargs *args)
{
    return alt_q8_zero(operand(p, args, p->roles->x_zero), p->x, 0);
}

int32_t alt_conv_integer_w_zero(const struct alt_conv_integer *p, const struct alt_kargs *args, int64_t channel)
{
    return alt_q8_zero(operand(p, args, p->roles->w_zero), p->w, p->zero_each ? channel : 0);
}

struct alt_kern_narrow alt_conv_integer_narrow(const struct alt_conv_integer *p, const struct alt_kargs *args,
                                               int64_t channel, float *factor)
{
    const struct alt_conv_roles *r = p->roles;
    struct alt_kern_narrow how = {.factor = factor};
    if (p->y == ALT_INT32)
        return how;
    if (p->factor)
        how.factor = p->factor + channel;
    else
        *factor = product_of_scales(args->operand[r->x_scale].data, args->operand[r->w_scale].data,
                                    args->operand[r->y_scale].data, p->scale_each ? channel : 0);
    how.zero = alt_q8_zero(operand(p, args, r->y_zero), p->y, 0);
    how.bias = p->c.bias ? ((const int32_t *)args->operand[r->bias].data)[channel] : 0;
    return how;
}

/* --- the general kernel --- */

struct general {
    struct alt_conv_integer i;
    struct alt_panel panel;
    int64_t k, depth, panels, rows, shares;
    int64_t at_index, at_axis, at_run, at_w, at_sums, at_acc; /* bytes in scratch; the panel is first */
};

/* One tile under way. */
struct tile {
    const struct general *p;
    const struct alt_kargs *args;
    const uint8_t *x, *w;    /* of this image and group; of the first output channel */
    int64_t channel;         /* the first output channel */
    int64_t rows;
    int32_t x_zero;
    char *scratch;
};

static void gather(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct general *p = t->p;
    const int64_t nr = p->i.kern->nr, taps = p->i.c.taps;
    const int64_t *index = (const int64_t *)(const void *)(t->scratch + p->at_index);
    const bool *run = (const bool *)(t->scratch + p->at_run);
    float *out = (float *)(void *)t->scratch;
    for (int64_t k = k0; k < k0 + depth; k++, out += nr) {
        const uint8_t *x = t->x + k / taps * p->i.plane;
        const int64_t *at = index + k % taps * nr;
        if (run[k % taps])
            p->i.kern->widen(&(struct alt_kern_widen){.x = x + at[0], .is_signed = p->i.x == ALT_INT8, .n = nr,
                                                      .zero = &t->x_zero, .out = out});
        else
            alt_q8_gather(p->i.x, x, at, nr, t->x_zero, out);
    }
}

static void add_block(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct general *p = t->p;
    float *w = (float *)(void *)(t->scratch + p->at_w);
    gather(t, k0, depth);
    for (int64_t i = 0; i < t->rows; i++) {
        const int32_t zero = alt_conv_integer_w_zero(&p->i, t->args, t->channel + i);
        p->i.kern->widen(&(struct alt_kern_widen){.x = t->w + i * p->k + k0, .is_signed = p->i.w == ALT_INT8, .n = depth,
                                                  .zero = &zero, .out = w + i * p->depth});
    }
    alt_q8_add(&(struct alt_q8_block){.kern = p->i.kern, .rows = t->rows, .depth = depth, .a = w, .a_row = p->depth,
                                      .panel = (const float *)(const void *)t->scratch, .first = k0 == 0,
                                      .sums = (float *)(void *)(t->scratch + p->at_sums),
                                      .acc = (int32_t *)(void *)(t->scratch + p->at_acc)});
}

static void run_tile(const struct tile *t, char *y, int64_t cols)
{
    const struct general *p = t->p;
    const int32_t *acc = (const int32_t *)(const void *)(t->scratch + p->at_acc);
    int64_t k = 0;
    do {
        const int64_t depth = p->k - k < p->depth ? p->k - k : p->depth;
        add_block(t, k, depth);
        k += depth;
    } while (k < p->k);
    for (int64_t i = 0; i < t->rows; i++) {
        float factor;
        struct alt_kern_narrow how = alt_conv_integer_narrow(&p->i, t->args, t->channel + i, &factor);
        alt_q8_put(p->i.kern, p->i.y, &how, acc + i * p->i.kern->nr, cols,
                   y + i * p->i.c.pixels * (int64_t)alt_dtype_size(p->i.y));
    }
}

static void run(const struct alt_kargs *args)
{
    const struct general *p = args->params;
    const struct alt_conv *c = &p->i.c;
    const int64_t nr = p->i.kern->nr;
    int64_t indexed = -1;
    for (int64_t i = args->begin; i < args->end; i++) {
        const int64_t gn = i / p->shares % (c->group * c->n), g = gn % c->group, panel = i / p->shares / (c->group * c->n);
        const int64_t row = i % p->shares * p->rows, first = panel * nr;
        const int64_t cols = c->pixels - first < nr ? c->pixels - first : nr;
        struct tile t = {.p = p, .args = args, .channel = g * c->oc + row, .scratch = args->scratch};
        t.rows = c->oc - row < p->rows ? c->oc - row : p->rows;
        t.x = (const uint8_t *)args->operand[p->i.roles->x].data + (gn / c->group * c->c + g * c->ic) * p->i.plane;
        t.w = (const uint8_t *)args->operand[p->i.roles->w].data + t.channel * p->k;
        t.x_zero = alt_conv_integer_x_zero(&p->i, args);
        if (panel != indexed)
            alt_panel_index(&p->panel, first, cols, (int64_t *)(void *)(t.scratch + p->at_axis),
                            (int64_t *)(void *)(t.scratch + p->at_index), (bool *)(t.scratch + p->at_run));
        indexed = panel;
        const int64_t at = (gn / c->group * c->o + t.channel) * c->pixels + first;
        run_tile(&t, (char *)args->operand[args->operand_count - 1].data + at * (int64_t)alt_dtype_size(p->i.y), cols);
    }
}

static void share_rows(struct general *p)
{
    const struct alt_conv *c = &p->i.c;
    const int64_t tiles = p->panels * c->group * c->n, least = (c->oc + MOST - 1) / MOST, most = (c->oc + LEAST - 1) / LEAST;
    const int64_t shares = alt_clamp((TILES + tiles - 1) / tiles, least, most);
    p->rows = (c->oc + shares - 1) / shares;
    p->shares = (c->oc + p->rows - 1) / p->rows;
}

/* Places of everything in a thread's scratch; returns its bytes. */
static int64_t lay_scratch(struct general *p)
{
    const int64_t nr = p->i.kern->nr;
    int64_t at = p->depth * nr * 4;
    const struct {
        int64_t *place, bytes;
    } parts[] = {
        {&p->at_index, p->i.c.taps * nr * 8}, {&p->at_axis, alt_panel_work(&p->panel) * 8}, {&p->at_run, p->i.c.taps},
        {&p->at_w, p->rows * p->depth * 4},   {&p->at_sums, p->rows * nr * 4},              {&p->at_acc, p->rows * nr * 4},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        at = (at + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN;
        *parts[i].place = at;
        at += parts[i].bytes;
    }
    return at;
}

static int bind(struct alt_kernel_bind *bind)
{
    struct general *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_conv_integer_read(bind, &p->i));
    const struct alt_conv *c = &p->i.c;
    bind->params = p;
    if (c->n == 0 || c->oc == 0 || c->group == 0 || c->pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    ALT_CHECK(alt_conv_panel(&p->i.c.w, &bind->in[p->i.roles->x], p->i.kern->nr, bind->arena, &p->panel));
    p->k = c->ic * c->taps;
    p->depth = p->k < ALT_Q8_DEPTH ? p->k : ALT_Q8_DEPTH;
    p->panels = (c->pixels + p->i.kern->nr - 1) / p->i.kern->nr;
    share_rows(p);
    bind->range = p->panels * c->group * c->n * p->shares;
    bind->flops = 2.0 * (double)c->n * (double)c->o * (double)c->pixels * (double)p->k;
    bind->scratch = (size_t)lay_scratch(p);
    return ALT_OK;
}

/* --- types and shapes --- */

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel general = {.name = "conv_integer", .fn = run, .bind = bind};
    const struct alt_conv_roles *r = roles_of(sel->node);
    const struct alt_operand *w = &sel->in[r->w];
    bool fits = alt_q8_type(sel->in[r->x].dtype) && alt_q8_type(w->dtype);
    for (int i = 0; i < sel->n_in; i++)
        fits &= !sel->in[i].layout;
    if (!fits || sel->out[0].layout)
        return alt_select_unsupported(sel);
    /* With many output channels a group, a product shares the gathered windows between them. */
    const int64_t group = alt_attr_int(sel->node, "group", 1);
    *out = w->rank > 2 && w->dim[1] == 1 && w->dim[0] <= 4 * group ? &alt_conv_integer_depthwise : &general;
    return ALT_OK;
}

static alt_status expect_q8(struct alt_infer *inf, int i)
{
    ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_INT));
    return alt_q8_type(inf->in[i]->dtype) ? ALT_OK : alt_infer_fail(inf, ALT_E_MODEL, "input %d must be int8 or uint8", i);
}

static alt_status expect_type(struct alt_infer *inf, int i, alt_dtype dtype)
{
    if (i < 0 || !alt_infer_has(inf, i))
        return ALT_OK;
    return inf->in[i]->dtype == dtype ? ALT_OK : alt_infer_fail(inf, ALT_E_MODEL, "input %d must be %s", i, alt_dtype_name(dtype));
}

static alt_status infer(struct alt_infer *inf)
{
    const struct alt_conv_roles *r = roles_of(inf->node);
    struct alt_shape y;
    alt_dtype to = ALT_INT32;
    ALT_CHECK(expect_q8(inf, r->x));
    ALT_CHECK(expect_q8(inf, r->w));
    if (r->y_zero >= 0) {
        ALT_CHECK(expect_q8(inf, r->y_zero));
        to = inf->in[r->y_zero]->dtype;
        const int scales[] = {r->x_scale, r->w_scale, r->y_scale};
        for (int i = 0; i < 3; i++) {
            ALT_CHECK(alt_infer_expect(inf, scales[i], ALT_CLASS_FLOAT));
            ALT_CHECK(expect_type(inf, scales[i], ALT_FLOAT32));
        }
        ALT_CHECK(alt_infer_expect(inf, r->x_zero, ALT_CLASS_INT));
        ALT_CHECK(alt_infer_expect(inf, r->w_zero, ALT_CLASS_INT));
    }
    ALT_CHECK(expect_type(inf, r->x_zero, inf->in[r->x]->dtype));
    ALT_CHECK(expect_type(inf, r->w_zero, inf->in[r->w]->dtype));
    ALT_CHECK(expect_type(inf, r->bias, ALT_INT32));
    ALT_CHECK(alt_conv_infer(inf, r->w, r->bias, &y));
    alt_infer_set(inf, 0, to, &y);
    return ALT_OK;
}

const struct alt_op_impl alt_op_conv_integer = {.infer = infer, .select = choose};
