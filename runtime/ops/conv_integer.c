/* conv_integer.c: ConvInteger and QLinearConv; see conv_integer.h.
 *
 * A tile is a few panels of `nr` output pixels (window_rows.h) by a share of the output channels of one group and one image: windows
 * are woven into panels and weights widened to 16 bits block by block of the reduction, their zero points taken off. Tiles of
 * the same pixels follow each other and share the panels. */
#include "runtime/ops/conv_integer.h"

#include "runtime/infer.h"
#include "runtime/ops/data.h"
#include "runtime/ops/window_rows.h"

#include <string.h>

enum {
    DEPTH = 768,  /* reduction indices of a block, at most */
    PIXELS = 192, /* of a tile, at most: its panels stay in the second-level cache */
    MOST = 128,   /* output channels of a tile: so do their weights */
    LEAST = 32,   /* fewer do not repay weaving */
    TILES = 16    /* wanted at least, so that the threads have equal shares */
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
    p->kern = alt_kern_i8();
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
    struct alt_window_rows windows;
    int64_t k, depth;      /* depth: of a block of the reduction */
    int64_t width;         /* positions of a tile: whole panels */
    int64_t rows, shares;  /* output channels of a tile */
    int64_t at_copy, at_zeros, at_w, at_acc, at_line; /* bytes in scratch; the panels are first */
};

/* Tiles under way. */
struct tile {
    const struct general *p;
    const struct alt_kargs *args;
    struct alt_window_tile at;
    const uint8_t *x, *w;       /* under tap 0 of this image and group's first channel; of the first output channel */
    int64_t channel, rows;      /* the first output channel */
    int32_t x_zero;
    int16_t *panel, *weights;   /* [panels][depth / 2][nr][2], [rows][depth] */
    uint8_t *copy, *zeros;      /* of windows; [nr] zero points */
    int32_t *acc;               /* [rows][width] */
    uint8_t *line;              /* [width] */
};

/* An odd last index has a partner of zeros. What lies behind the last position of a copy may be anything. */
static void weave_panels(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct general *p = t->p;
    const struct alt_window_rows *r = &p->windows;
    const int64_t nr = p->i.kern->nr, taps = p->i.c.taps;
    const uint8_t *channel = t->x + k0 / taps * r->channel, *row[2];
    for (int64_t k = 0, tap = k0 % taps; k < depth; k += 2) {
        for (int64_t odd = 0; odd < 2; odd++) {
            row[odd] = k + odd < depth ? channel + r->tap[tap] : NULL;
            if (++tap == taps) {
                tap = 0;
                channel += r->channel;
            }
        }
        int16_t *out = t->panel + k * nr;
        for (int64_t j = 0; j < t->at.count; j += nr, out += nr * p->depth)
            p->i.kern->weave(&(struct alt_kern_short){row[0] + j, row[1] ? row[1] + j : t->zeros, p->i.x == ALT_INT8,
                                                      r->direct ? alt_least(nr, t->at.count - j) : nr, t->x_zero, out});
    }
}

static void widen_weights(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct general *p = t->p;
    for (int64_t i = 0; i < t->rows; i++) {
        int16_t *out = t->weights + i * p->depth;
        p->i.kern->widen(&(struct alt_kern_short){.x = t->w + i * p->k + k0, .is_signed = p->i.w == ALT_INT8, .n = depth,
                                                  .zero = alt_conv_integer_w_zero(&p->i, t->args, t->channel + i), .out = out});
        if (depth % 2)
            out[depth] = 0;
    }
}

/* Sums of one output channel to its positions of y. */
static void put_channel(const struct tile *t, int64_t i, char *y)
{
    const struct general *p = t->p;
    const int64_t size = (int64_t)alt_dtype_size(p->i.y), out = p->windows.w.out[p->windows.w.rank - 1];
    const int32_t *acc = t->acc + i * p->width;
    const char *from = (const char *)acc;
    float factor;
    struct alt_kern_narrow how = alt_conv_integer_narrow(&p->i, t->args, t->channel + i, &factor);
    if (p->i.y != ALT_INT32) {
        const int64_t nr = p->i.kern->nr;
        alt_q8_put(p->i.kern, p->i.y, &how, acc, alt_ceil_div(t->at.count, nr) * nr, t->line);
        from = (const char *)t->line;
    }
    for (int64_t row = 0; row < t->at.rows; row++, from += p->windows.pitch * size, y += out * size)
        memcpy(y, from, (size_t)(t->at.cols * size));
}

static void run_tile(const struct tile *t, bool woven, char *y)
{
    const struct general *p = t->p;
    const int64_t nr = p->i.kern->nr;
    int64_t k = 0;
    do {
        const int64_t depth = alt_least(p->k - k, p->depth);
        if (!woven)
            weave_panels(t, k, depth);
        widen_weights(t, k, depth);
        for (int64_t j = 0; j < t->at.count; j += nr)
            p->i.kern->dot(&(struct alt_kern_dot){.m = t->rows, .k = alt_ceil_div(depth, 2) * 2, .a = t->weights, .a_row = p->depth,
                                                  .b = t->panel + j * p->depth, .c = t->acc + j, .c_row = p->width,
                                                  .accumulate = k > 0});
        k += depth;
    } while (k < p->k);
    for (int64_t i = 0; i < t->rows; i++)
        put_channel(t, i, y + i * p->i.c.pixels * (int64_t)alt_dtype_size(p->i.y));
}

static struct tile lay_tile(const struct alt_kargs *args)
{
    const struct general *p = args->params;
    char *scratch = args->scratch;
    struct tile t = {.p = p, .args = args, .x_zero = alt_conv_integer_x_zero(&p->i, args),
                     .panel = (int16_t *)(void *)scratch, .weights = (int16_t *)(void *)(scratch + p->at_w),
                     .copy = (uint8_t *)(scratch + p->at_copy), .zeros = (uint8_t *)(scratch + p->at_zeros),
                     .acc = (int32_t *)(void *)(scratch + p->at_acc), .line = (uint8_t *)(scratch + p->at_line)};
    memset(t.zeros, (uint8_t)t.x_zero, (size_t)p->i.kern->nr);
    return t;
}

/* Tiles by pixels, then images and groups, then output channels. */
static void run(const struct alt_kargs *args)
{
    const struct general *p = args->params;
    const struct alt_conv *c = &p->i.c;
    struct tile t = lay_tile(args);
    for (int64_t i = args->begin, copied = -1; i < args->end; i++) {
        const int64_t same = i / p->shares, gn = same % (c->group * c->n), g = gn % c->group, row = i % p->shares * p->rows;
        t.channel = g * c->oc + row;
        t.rows = alt_least(c->oc - row, p->rows);
        t.w = (const uint8_t *)args->operand[p->i.roles->w].data + t.channel * p->k;
        if (same != copied) {
            t.at = alt_window_rows_tile(&p->windows, same / (c->group * c->n));
            t.x = (const uint8_t *)args->operand[p->i.roles->x].data + (gn / c->group * c->c + g * c->ic) * p->i.plane;
            t.x = alt_window_rows_fill(&p->windows, &t.at, t.x, (uint8_t)t.x_zero, t.copy);
        }
        const int64_t at = (gn / c->group * c->o + t.channel) * c->pixels + t.at.first;
        run_tile(&t, same == copied && p->k <= p->depth,
                 (char *)args->operand[args->operand_count - 1].data + at * (int64_t)alt_dtype_size(p->i.y));
        copied = same;
    }
}

/* Wide tiles repay widening the weights, few output channels give the threads equal shares. */
static alt_status cut_tiles(struct general *p, struct alt_arena *arena)
{
    const struct alt_conv *c = &p->i.c;
    const int64_t nr = p->i.kern->nr;
    ALT_CHECK(alt_window_rows_plan(&p->windows, &c->w, c->ic, PIXELS, nr, arena));
    p->width = alt_ceil_div(p->windows.width, nr) * nr;
    const int64_t tiles = p->windows.tiles * c->group * c->n;
    p->rows = alt_ceil_div(c->oc, alt_clamp(alt_ceil_div(TILES, tiles), alt_ceil_div(c->oc, MOST), alt_ceil_div(c->oc, LEAST)));
    p->rows = alt_ceil_div(p->rows, p->i.kern->mr) * p->i.kern->mr;
    p->shares = alt_ceil_div(c->oc, p->rows);
    return ALT_OK;
}

/* Places of everything in a thread's scratch; returns its bytes. */
static int64_t lay_scratch(struct general *p)
{
    const int64_t nr = p->i.kern->nr;
    int64_t at = p->depth * p->width * 2;
    const struct {
        int64_t *place, bytes;
    } pieces[] = {
        {&p->at_copy, alt_window_rows_bytes(&p->windows) + nr}, {&p->at_zeros, nr},
        {&p->at_w, p->rows * p->depth * 2}, {&p->at_acc, p->rows * p->width * 4}, {&p->at_line, p->width},
    };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        at = alt_ceil_div(at, ALT_ALIGN) * ALT_ALIGN;
        *pieces[i].place = at;
        at += pieces[i].bytes;
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
    p->k = c->ic * c->taps;
    const int64_t blocks = alt_ceil_div(p->k, DEPTH);
    p->depth = blocks ? alt_ceil_div(alt_ceil_div(p->k, blocks), 2) * 2 : 2;
    ALT_CHECK(cut_tiles(p, bind->arena));
    bind->range = p->windows.tiles * c->group * c->n * p->shares;
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
