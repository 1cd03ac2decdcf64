/* infer.c: the services that shape-inference functions use, and inference of one graph node. */
#include "runtime/infer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 512 };

/* "[1,3,h,w] float32, ..." of all inputs, for messages. */
static void print_inputs(const struct alt_infer *inf, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < inf->n_in && used + 1 < size; i++) {
        char shape[160];
        int n;
        if (inf->in[i])
            n = snprintf(out + used, size - used, "%s%s%s", i ? ", " : "", alt_dtype_name(inf->in[i]->dtype),
                         alt_shape_print(inf->dims, &inf->in[i]->shape, shape, sizeof shape));
        else
            n = snprintf(out + used, size - used, "%s_", i ? ", " : "");
        used += n > 0 ? (size_t)n : 0;
    }
}

alt_status alt_infer_fail(struct alt_infer *inf, alt_status status, const char *format, ...)
{
    char reason[TEXT], inputs[TEXT];
    va_list args;
    if (inf->dims->exhausted) /* the finding may rest on a dim that memory was missing for */
        return ALT_E_NOMEM;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    print_inputs(inf, inputs, sizeof inputs);
    return alt_diag_add(inf->diag, status, "node \"%s\" (%s, inputs %s): %s", inf->node->name,
                        alt_op_table[inf->node->op].name, inputs, reason);
}

alt_status alt_infer_defer(struct alt_infer *inf, int i)
{
    inf->deferred = i;
    for (int o = 0; o < inf->n_out; o++)
        for (int d = 0; d < inf->out[o].shape.rank; d++)
            inf->out[o].shape.dim[d] = alt_dim_unknown(inf->dims);
    return ALT_OK;
}

alt_status alt_infer_expect(struct alt_infer *inf, int i, unsigned classes)
{
    if (!alt_infer_has(inf, i))
        return alt_infer_fail(inf, ALT_E_MODEL, "input %d is missing", i);
    if (inf->in[i]->kind != ALT_TENSOR)
        return alt_infer_fail(inf, ALT_E_MODEL, "input %d must be a tensor", i);
    if (!(alt_dtype_class(inf->in[i]->dtype) & classes))
        return alt_infer_fail(inf, ALT_E_MODEL, "input %d may not be %s", i, alt_dtype_name(inf->in[i]->dtype));
    return ALT_OK;
}

alt_status alt_infer_same_dtype(struct alt_infer *inf, int i, int j)
{
    if (!alt_infer_has(inf, i) || !alt_infer_has(inf, j) || inf->in[i]->dtype == inf->in[j]->dtype)
        return ALT_OK;
    return alt_infer_fail(inf, ALT_E_MODEL, "inputs %d (%s) and %d (%s) must have one type", i,
                          alt_dtype_name(inf->in[i]->dtype), j, alt_dtype_name(inf->in[j]->dtype));
}

int alt_infer_rank(const struct alt_infer *inf, int i)
{
    return alt_infer_has(inf, i) ? inf->in[i]->shape.rank : -1;
}

bool alt_infer_ints(const struct alt_infer *inf, int i, int max, int64_t *out, int *count)
{
    if (!alt_infer_has(inf, i))
        return false;
    const struct alt_type *t = inf->in[i];
    if (t->known && t->known->rank <= 1 && (alt_dtype_class(t->dtype) & (ALT_CLASS_INT | ALT_CLASS_BOOL))) {
        int64_t n = alt_tensor_count(t->known);
        if (n > max)
            return false;
        for (int64_t k = 0; k < n; k++)
            out[k] = alt_tensor_int(t->known, k);
        *count = (int)n;
        return true;
    }
    if (!t->content || t->content_count > max)
        return false;
    for (int k = 0; k < t->content_count; k++) {
        if (!alt_dim_number(t->content[k], &out[k]))
            return false;
    }
    *count = t->content_count;
    return true;
}

bool alt_infer_content(const struct alt_infer *inf, int i, int max, alt_dim *out, int *count)
{
    if (alt_infer_ints(inf, i, max, out, count)) {
        for (int k = 0; k < *count; k++)
            out[k] = alt_dim_from_int(out[k]);
        return true;
    }
    if (!alt_infer_has(inf, i) || !inf->in[i]->content || inf->in[i]->content_count > max)
        return false;
    *count = inf->in[i]->content_count;
    memcpy(out, inf->in[i]->content, (size_t)*count * sizeof *out);
    return true;
}

void alt_infer_set(struct alt_infer *inf, int i, alt_dtype dtype, const struct alt_shape *shape)
{
    if (i >= inf->n_out)
        return;
    inf->out[i].kind = ALT_TENSOR;
    inf->out[i].dtype = dtype;
    inf->out[i].shape = *shape;
}

void alt_infer_like(struct alt_infer *inf, int i, int j)
{
    if (i >= inf->n_out)
        return;
    inf->out[i].kind = inf->in[j]->kind;
    inf->out[i].element_kind = inf->in[j]->element_kind;
    inf->out[i].dtype = inf->in[j]->dtype;
    inf->out[i].shape = inf->in[j]->shape;
}

alt_status alt_infer_set_content(struct alt_infer *inf, int i, const alt_dim *content, int count)
{
    if (i >= inf->n_out)
        return ALT_OK;
    alt_dim *copy = alt_arena_array(inf->arena, (size_t)count + 1, sizeof *copy);
    if (!copy)
        return ALT_E_NOMEM;
    int bad = 0;
    for (int k = 0; k < count; k++) {
        copy[k] = content[k];
        bad += content[k] == ALT_DIM_BAD;
    }
    if (bad > 0 && bad == count)
        return ALT_OK;
    inf->out[i].content = copy;
    inf->out[i].content_count = count;
    return ALT_OK;
}

/* One axis: equal dims stay, 1 gives way, a number > 1 wins over a symbol (which can then be only 1 or that number). */
static alt_dim broadcast_dim(struct alt_infer *inf, alt_dim a, alt_dim b)
{
    if (a == b || b == 1)
        return a;
    if (a == 1)
        return b;
    if (alt_dim_known(a) && alt_dim_known(b))
        return ALT_DIM_BAD;
    if (alt_dim_known(a) || alt_dim_known(b))
        return alt_dim_known(a) ? a : b;
    return alt_dim_unknown(inf->dims);
}

alt_status alt_infer_broadcast(struct alt_infer *inf, const struct alt_shape *a, const struct alt_shape *b,
                               struct alt_shape *out)
{
    struct alt_shape r = {.rank = -1};
    if (a->rank >= 0 && b->rank >= 0) {
        r.rank = a->rank > b->rank ? a->rank : b->rank;
        for (int d = 0; d < r.rank; d++) {
            int da = d - (r.rank - a->rank), db = d - (r.rank - b->rank);
            r.dim[d] = broadcast_dim(inf, da < 0 ? 1 : a->dim[da], db < 0 ? 1 : b->dim[db]);
            if (r.dim[d] == ALT_DIM_BAD)
                return alt_infer_fail(inf, ALT_E_SHAPE, "shapes cannot be broadcast together at axis %d", d);
        }
    }
    *out = r;
    return ALT_OK;
}

alt_status alt_infer_axis(struct alt_infer *inf, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return alt_infer_fail(inf, ALT_E_MODEL, "axis %lld is outside [%d, %d)", (long long)axis, -rank, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return ALT_OK;
}

/* An inference function must have set every present output and no impossible extent. */
static alt_status check_outputs(struct alt_infer *inf)
{
    const bool computed = alt_op_table[inf->node->op].impl->select; /* by a kernel, which needs its shapes */
    for (int i = 0; i < inf->n_out; i++) {
        if (!inf->node->out[i])
            continue;
        struct alt_type *t = &inf->out[i];
        for (int d = 0; d < t->shape.rank; d++)
            if (t->shape.dim[d] == ALT_DIM_BAD)
                return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d of output %d has no possible extent", d, i);
            else if (computed && inf->concrete && inf->deferred < 0 && !alt_dim_known(t->shape.dim[d]))
                return alt_infer_fail(inf, ALT_E_SHAPE,
                                      "axis %d of output %d would have an extent that is negative or too large", d, i);
    }
    return ALT_OK;
}

alt_status alt_infer_run(struct alt_infer *inf)
{
    inf->deferred = -1;
    for (int i = 0; i < inf->n_out; i++)
        alt_type_clear(&inf->out[i]);
    ALT_CHECK(alt_op_table[inf->node->op].impl->infer(inf));
    return check_outputs(inf);
}

alt_status alt_infer_node(struct alt_node *n, struct alt_diag *diag)
{
    struct alt_graph *g = n->graph;
    const struct alt_type **in = alt_arena_array(g->arena, (size_t)n->n_in, sizeof *in);
    struct alt_type *out = alt_arena_array(g->arena, (size_t)n->n_out, sizeof *out);
    if (!in || !out)
        return ALT_E_NOMEM;
    for (int i = 0; i < n->n_in; i++)
        in[i] = n->in[i] ? &n->in[i]->type : NULL;
    struct alt_infer inf = {.node = n, .dims = g->dims, .arena = g->arena, .diag = diag, .n_in = n->n_in,
                            .n_out = n->n_out, .in = in, .out = out};
    ALT_CHECK(alt_infer_run(&inf));
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i])
            n->out[i]->type = out[i];
    return ALT_OK;
}
