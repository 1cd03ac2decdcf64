/* recurrent.c: RNN, GRU and LSTM: types and shapes, attributes, binding; see recurrent.h. */
#include "runtime/ops/recurrent.h"

#include "runtime/infer.h"
#include "runtime/kernels/kern.h"
#include "runtime/layout.h"

#include <string.h>

enum {
    ROWS = 16,      /* sequences a tile: a few register tiles */
    CHUNK = 1 << 17 /* elements that the gates of a chunk of steps take at most, when it has more than one */
};

static const struct kind {
    enum alt_op op;
    int gates, activations;
    const char *name;
} kinds[] = {{ALT_OP_RNN, 1, 1, "rnn"}, {ALT_OP_GRU, 3, 2, "gru"}, {ALT_OP_LSTM, 4, 3, "lstm"}};

static const struct kind *kind_of(const struct alt_node *n)
{
    return n->op == ALT_OP_RNN ? &kinds[0] : n->op == ALT_OP_GRU ? &kinds[1] : &kinds[2];
}

/* Number of directions; 0: the attribute says nothing that is known. */
static int directions_of(const struct alt_node *n)
{
    const char *text = alt_attr_text(n, "direction", "forward");
    return strcmp(text, "bidirectional") == 0 ? 2 : strcmp(text, "forward") == 0 || strcmp(text, "reverse") == 0;
}

static bool batch_first(const struct alt_node *n) { return alt_attr_int(n, "layout", 0) != 0; }

/* Fails unless input i, where present, has these extents (as far as both are known). */
static alt_status expect_shape(struct alt_infer *inf, int i, int rank, const alt_dim *dims)
{
    if (!alt_infer_has(inf, i) || inf->in[i]->shape.rank < 0)
        return ALT_OK;
    const struct alt_shape *s = &inf->in[i]->shape;
    bool fits = s->rank == rank;
    for (int d = 0; fits && d < rank; d++)
        fits = !alt_dim_known(s->dim[d]) || !alt_dim_known(dims[d]) || s->dim[d] == dims[d];
    return fits ? ALT_OK : alt_infer_fail(inf, ALT_E_SHAPE, "the shape of input %d does not fit hidden_size, direction, layout "
                                          "and the other inputs", i);
}

static alt_dim extent(const struct alt_infer *inf, int i, int axis)
{
    const struct alt_shape *s = &inf->in[i]->shape;
    return s->rank == 3 ? s->dim[axis] : alt_dim_unknown(inf->dims);
}

static alt_status check_inputs(struct alt_infer *inf, alt_dim hidden)
{
    const int gates = kind_of(inf->node)->gates;
    const bool flip = batch_first(inf->node);
    const alt_dim d = directions_of(inf->node), inputs = extent(inf, ALT_RECURRENT_X, 2);
    const alt_dim steps = extent(inf, ALT_RECURRENT_X, flip), batch = extent(inf, ALT_RECURRENT_X, !flip);
    const alt_dim columns = alt_dim_mul(inf->dims, gates, hidden);
    const alt_dim state[3] = {flip ? batch : d, flip ? d : batch, hidden};
    ALT_CHECK(expect_shape(inf, ALT_RECURRENT_X, 3, (alt_dim[]){flip ? batch : steps, flip ? steps : batch, inputs}));
    ALT_CHECK(expect_shape(inf, ALT_RECURRENT_W, 3, (alt_dim[]){d, columns, inputs}));
    ALT_CHECK(expect_shape(inf, ALT_RECURRENT_R, 3, (alt_dim[]){d, columns, hidden}));
    ALT_CHECK(expect_shape(inf, ALT_RECURRENT_B, 2, (alt_dim[]){d, alt_dim_mul(inf->dims, 2, columns)}));
    ALT_CHECK(expect_shape(inf, ALT_RECURRENT_LENGTHS, 1, &batch));
    ALT_CHECK(expect_shape(inf, ALT_RECURRENT_H, 3, state));
    ALT_CHECK(expect_shape(inf, ALT_RECURRENT_C, 3, state));
    return expect_shape(inf, ALT_RECURRENT_P, 2, (alt_dim[]){d, alt_dim_mul(inf->dims, 3, hidden)});
}

static alt_status check_types(struct alt_infer *inf)
{
    for (int i = 0; i < ALT_RECURRENT_INPUTS; i++) {
        if (i > ALT_RECURRENT_R && !alt_infer_has(inf, i))
            continue;
        ALT_CHECK(alt_infer_expect(inf, i, i == ALT_RECURRENT_LENGTHS ? ALT_CLASS_SIGNED : ALT_CLASS_FLOAT));
        if (i != ALT_RECURRENT_LENGTHS)
            ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
        else if (inf->in[i]->dtype != ALT_INT32)
            return alt_infer_fail(inf, ALT_E_MODEL, "sequence_lens must be int32");
    }
    return ALT_OK;
}

static alt_status check_attributes(struct alt_infer *inf)
{
    struct alt_activation ignored[2][3];
    const int directions = directions_of(inf->node);
    if (!directions)
        return alt_infer_fail(inf, ALT_E_MODEL, "direction must be forward, reverse or bidirectional");
    const char *fault =
        alt_activations_read(inf->node, ALT_WIDE_F32, directions, kind_of(inf->node)->activations, ignored);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    if (alt_attr_int(inf->node, "hidden_size", 1) < 1)
        return alt_infer_fail(inf, ALT_E_MODEL, "hidden_size must be positive");
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(check_types(inf));
    ALT_CHECK(check_attributes(inf));
    const int64_t given = alt_attr_int(inf->node, "hidden_size", -1);
    const alt_dim hidden = given > 0 ? given : extent(inf, ALT_RECURRENT_R, 2), d = directions_of(inf->node);
    if (hidden == 0)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the layer has no hidden units");
    ALT_CHECK(check_inputs(inf, hidden));
    const bool flip = batch_first(inf->node);
    const alt_dim steps = extent(inf, ALT_RECURRENT_X, flip), batch = extent(inf, ALT_RECURRENT_X, !flip);
    const struct alt_shape y = {4, {flip ? batch : steps, flip ? steps : d, flip ? d : batch, hidden}};
    const struct alt_shape state = {3, {flip ? batch : d, flip ? d : batch, hidden}};
    for (int i = 0; i < inf->n_out; i++)
        alt_infer_set(inf, i, inf->in[0]->dtype, i ? &state : &y);
    return ALT_OK;
}

static void read_extents(struct alt_recurrent *p, const struct alt_kernel_bind *b)
{
    const bool flip = batch_first(b->node);
    const int64_t *x = b->in[ALT_RECURRENT_X].dim;
    p->steps = x[flip];
    p->batch = x[!flip];
    p->inputs = x[2];
    p->hidden = b->in[ALT_RECURRENT_R].dim[2];
    p->directions = directions_of(b->node);
    p->columns = kind_of(b->node)->gates * p->hidden;
    p->x_step = (flip ? 1 : p->batch) * p->inputs;
    p->x_row = (flip ? p->steps : 1) * p->inputs;
    p->y_step = p->directions * (flip ? 1 : p->batch) * p->hidden;
    p->y_direction = (flip ? 1 : p->batch) * p->hidden;
    p->y_row = (flip ? p->steps * p->directions : 1) * p->hidden;
    p->state_direction = p->y_direction;
    p->state_row = (flip ? p->directions : 1) * p->hidden;
}

static void read_operands(struct alt_recurrent *p, const struct alt_kernel_bind *b)
{
    for (int i = 0; i < b->n_in; i++)
        p->has[i] = b->in[i].dtype != ALT_NONE;
    for (int i = 0; i < b->n_out; i++)
        p->out[i] = b->out[i].dtype != ALT_NONE ? b->n_in + i : 0;
    p->packed[0] = b->in[ALT_RECURRENT_W].layout != NULL;
    p->packed[1] = b->in[ALT_RECURRENT_R].layout != NULL;
}

static const char *read_cells(struct alt_recurrent *p, const struct alt_node *n)
{
    struct alt_activation activation[2][3];
    const char *fault = alt_activations_read(n, p->wide, (int)p->directions, kind_of(n)->activations, activation);
    for (int d = 0; !fault && d < p->directions; d++) {
        struct alt_cell *c = &p->cell[d];
        c->math = alt_row_math(p->wide);
        c->wide = p->wide;
        c->hidden = p->hidden;
        c->real = p->real;
        c->linear_before_reset = alt_attr_int(n, "linear_before_reset", 0) != 0;
        c->input_forget = alt_attr_int(n, "input_forget", 0) != 0;
        c->clip = (double)alt_attr_float(n, "clip", 0);
        c->clipped = alt_attr_has(n, "clip") && c->clip > 0;
        memcpy(c->activation, activation[d], sizeof c->activation);
        alt_cell_choose(c, p->op, p->has[ALT_RECURRENT_P]);
    }
    return fault;
}

/* Places of everything in a thread's scratch; returns its bytes. */
static int64_t lay_scratch(struct alt_recurrent *p)
{
    const int64_t nr = p->kern->nr, rows = p->block;
    const struct {
        int64_t *place, count;
    } parts[] = {
        {&p->at_w, p->packed[0] ? 0 : p->panels * nr * p->inputs},
        {&p->at_r, p->packed[1] ? 0 : p->panels * nr * p->hidden},
        {&p->at_x, p->half ? p->chunk * rows * p->inputs : 0},
        {&p->at_gates, p->chunk * rows * p->width},
        {&p->at_recurrent, rows * p->width},
        {&p->at_h, rows * p->hidden},
        {&p->at_c, rows * p->hidden},
        {&p->at_part, rows * p->hidden},
        {&p->at_bias, p->columns},
        {&p->at_reset_bias, p->hidden},
        {&p->at_peephole, 3 * p->hidden},
    };
    int64_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].place = at;
        at += (parts[i].count * (int64_t)p->real + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN;
    }
    return at;
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_recurrent *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->op = b->node->op;
    p->dtype = b->in[0].dtype;
    p->wide = alt_wide_of(p->dtype);
    p->size = alt_dtype_size(p->dtype);
    p->real = alt_wide_size(p->wide);
    p->load = alt_wide_load(p->dtype);
    p->store = alt_wide_store(p->wide, p->dtype);
    p->kern = p->wide == ALT_WIDE_F64 ? alt_kern_f64() : alt_kern_f32();
    p->half = p->size != p->real;
    p->reverse = strcmp(alt_attr_text(b->node, "direction", "forward"), "reverse") == 0;
    read_extents(p, b);
    read_operands(p, b);
    const char *fault = read_cells(p, b->node);
    if (fault)
        return alt_bind_fail(b, ALT_E_MODEL, "%s", fault);
    p->panels = (p->columns + p->kern->nr - 1) / p->kern->nr;
    p->width = p->panels * p->kern->nr;
    p->block = p->batch < ROWS ? p->batch : ROWS;
    p->blocks = p->block ? (p->batch + p->block - 1) / p->block : 0;
    p->chunk = p->block ? CHUNK / (p->block * p->width) : 1;
    p->chunk = p->chunk < 1 ? 1 : p->chunk < p->steps ? p->chunk : p->steps > 1 ? p->steps : 1;
    b->params = p;
    b->range = p->directions * p->blocks;
    b->scratch = (size_t)lay_scratch(p);
    b->flops = 2.0 * (double)p->directions * (double)p->batch * (double)p->steps * (double)p->columns *
               (double)(p->inputs + p->hidden);
    return ALT_OK;
}

static bool panel_layout(const struct alt_operand *o)
{
    const struct alt_kern *kern = o->dtype == ALT_FLOAT64 ? alt_kern_f64() : alt_kern_f32();
    return (o->dtype == ALT_FLOAT32 || o->dtype == ALT_FLOAT64) && alt_layout_block(o->layout, 1) == kern->nr;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernels[] = {
        {.name = "rnn", .fn = alt_recurrent_run, .bind = bind},
        {.name = "gru", .fn = alt_recurrent_run, .bind = bind},
        {.name = "lstm", .fn = alt_recurrent_run, .bind = bind},
    };
    bool fits = (alt_dtype_class(sel->in[0].dtype) & ALT_CLASS_FLOAT) != 0;
    for (int i = 0; i < sel->n_in; i++)
        fits &= !sel->in[i].layout || ((i == ALT_RECURRENT_W || i == ALT_RECURRENT_R) && panel_layout(&sel->in[i]));
    for (int i = 0; i < sel->n_out; i++)
        fits &= !sel->out[i].layout;
    if (!fits)
        return alt_select_unsupported(sel);
    *out = &kernels[kind_of(sel->node) - kinds];
    return ALT_OK;
}

/* Constant W and R in panels of the micro-kernel's width; everything else plain. */
static enum alt_blocking layouts(const struct alt_node *n, int block, struct alt_arena *arena, const struct alt_layout **in,
                                 const struct alt_layout **out)
{
    const alt_dtype dtype = n->in[0]->type.dtype;
    (void)block;
    (void)out;
    if (dtype != ALT_FLOAT32 && dtype != ALT_FLOAT64)
        return ALT_BLOCKING_NONE;
    const int64_t nr = dtype == ALT_FLOAT64 ? alt_kern_f64()->nr : alt_kern_f32()->nr;
    for (int i = ALT_RECURRENT_W; i <= ALT_RECURRENT_R; i++)
        if (n->in[i]->type.known && alt_layout_blocked(arena, 3, 1, nr, &in[i]) != ALT_OK)
            return ALT_BLOCKING_NONE;
    return ALT_BLOCKING_LEAD;
}

const struct alt_op_impl alt_op_recurrent = {.infer = infer, .select = choose, .layouts = layouts};
