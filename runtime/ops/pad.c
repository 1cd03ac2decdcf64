/* pad.c: Pad (constant, reflect, edge, wrap; negative pads crop). Every axis is read through a table of source indices. */
#include "runtime/ops/data.h"
#include "runtime/ops/remap.h"

#include <string.h>

enum { MOST = 2 * ALT_MAX_RANK };

static bool is_old(const struct alt_node *n) { return n->opset < 11; }

/* The axes that are padded, when they are not all: input 3. */
static alt_status padded_axes(struct alt_infer *inf, int rank, int64_t *axes, int *count, bool *known)
{
    enum alt_arg arg = alt_infer_arg_ints(inf, NULL, is_old(inf->node) ? -1 : 3, ALT_MAX_RANK, axes, count);
    *known = arg != ALT_ARG_UNKNOWN;
    if (arg == ALT_ARG_ABSENT) {
        *count = rank;
        for (int d = 0; d < rank; d++)
            axes[d] = d;
    }
    return arg == ALT_ARG_KNOWN ? alt_infer_axes(inf, axes, *count, rank) : ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 2));
    ALT_CHECK(alt_infer_list(inf, 1, MOST));
    ALT_CHECK(alt_infer_list(inf, 3, ALT_MAX_RANK));
    struct alt_shape out = inf->in[0]->shape;
    int64_t axes[ALT_MAX_RANK];
    alt_dim pads[MOST];
    int n_axes, n_pads;
    bool axes_known = true;
    if (out.rank >= 0)
        ALT_CHECK(padded_axes(inf, out.rank, axes, &n_axes, &axes_known));
    enum alt_arg arg = alt_infer_arg(inf, is_old(inf->node) ? "pads" : NULL, is_old(inf->node) ? -1 : 1, MOST, pads, &n_pads);
    if (arg == ALT_ARG_ABSENT)
        return alt_infer_fail(inf, ALT_E_MODEL, "pads are missing");
    if (out.rank < 0 || !axes_known || arg == ALT_ARG_UNKNOWN) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, out.rank);
        return out.rank < 0 ? ALT_OK : alt_infer_wait(inf, axes_known ? 1 : 3);
    }
    if (n_pads != 2 * n_axes)
        return alt_infer_fail(inf, ALT_E_MODEL, "%d pads for %d axes", n_pads, n_axes);
    for (int i = 0; i < n_axes; i++) {
        alt_dim *d = &out.dim[axes[i]];
        if (pads[i] == ALT_DIM_BAD || pads[i + n_axes] == ALT_DIM_BAD)
            *d = alt_dim_unknown(inf->dims);
        else
            *d = alt_dim_add(inf->dims, alt_dim_add(inf->dims, *d, pads[i]), pads[i + n_axes]);
        if (alt_dim_negative(*d))
            return alt_infer_fail(inf, ALT_E_SHAPE, "negative pads take away more than axis %d holds", (int)axes[i]);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

enum mode { CONSTANT, REFLECT, EDGE, WRAP, UNKNOWN_MODE };

static enum mode mode_of(const struct alt_node *n)
{
    static const char *const name[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = alt_attr_text(n, "mode", "constant");
    int m = 0;
    while (m < UNKNOWN_MODE && strcmp(mode, name[m]) != 0)
        m++;
    return (enum mode)m;
}

/* Where the element at `i`, perhaps outside [0, extent), comes from. */
static int64_t source_of(enum mode mode, int64_t i, int64_t extent)
{
    if (i >= 0 && i < extent)
        return i;
    if (mode == CONSTANT || extent == 0)
        return ALT_REMAP_OUTSIDE;
    if (mode == EDGE || extent == 1)
        return i < 0 ? 0 : extent - 1;
    int64_t period = mode == WRAP ? extent : 2 * (extent - 1), r = i % period;
    r += r < 0 ? period : 0;
    return r < extent ? r : period - r;
}

struct plan {
    struct alt_remap *remap;
    float value; /* before opset 11 */
    bool float_value;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0], *out = &b->out[0];
    int64_t pads[MOST], axes[ALT_MAX_RANK], begin[ALT_MAX_RANK] = {0}, *table[ALT_MAX_RANK];
    int n_pads, n_axes;
    bool old = is_old(b->node);
    const struct alt_operand *given = old ? NULL : alt_operand_at(b->in, b->n_in, 3);
    alt_bound_ints(b->node, old ? "pads" : NULL, old ? NULL : alt_operand_at(b->in, b->n_in, 1), MOST, pads, &n_pads);
    bool some = alt_bound_ints(b->node, NULL, given, ALT_MAX_RANK, axes, &n_axes);
    if ((given && !some) || n_pads != 2 * (given ? n_axes : in->rank))
        return alt_bind_fail(b, ALT_E_INTERNAL, "pads or axes are not known while binding");
    for (int i = 0; i < n_pads / 2; i++)
        begin[given ? alt_axis_of(axes[i], in->rank) : i] = pads[i];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    for (int d = 0; d < in->rank; d++) {
        table[d] = alt_arena_array(b->arena, (size_t)out->dim[d] + 1, sizeof **table);
        if (!table[d])
            return ALT_E_NOMEM;
        for (int64_t i = 0; i < out->dim[d]; i++)
            table[d][i] = source_of(mode_of(b->node), i - begin[d], in->dim[d]);
    }
    ALT_CHECK(alt_remap_create(b->arena, in, out, table, &p->remap));
    p->value = alt_attr_float(b->node, "value", 0.0f);
    p->float_value = old && in->dtype == ALT_FLOAT32;
    b->params = p;
    b->range = p->remap->tiles;
    b->flops = (double)alt_operand_count(out);
    return ALT_OK;
}

static void pad(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const void *value = p->float_value ? &p->value : args->operand_count > 3 ? args->operand[2].data : NULL;
    alt_remap_run(p->remap, args->operand[0].data, args->operand[args->operand_count - 1].data, value, args->begin, args->end);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "pad", .fn = pad, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    bool value_fits = !is_old(sel->node) || sel->in[0].dtype == ALT_FLOAT32 || alt_attr_float(sel->node, "value", 0) == 0;
    *out = &kernel;
    if (mode_of(sel->node) == UNKNOWN_MODE)
        return alt_diag_add(sel->diag, ALT_E_UNSUPPORTED, "node \"%s\" (Pad): mode \"%s\"; constant, reflect, edge and wrap exist",
                            sel->node->name, alt_attr_text(sel->node, "mode", ""));
    return alt_dtype_size(sel->in[0].dtype) && value_fits ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_pad = {.infer = infer, .select = choose};
