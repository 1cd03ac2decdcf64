/* kernel_check_trial.c: from a case to a node with inputs and expected outputs; comparison. */
#include "tests/kernel_check_trial.h"

#include "runtime/infer.h"
#include "tests/kernel_check_memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool kc_fault(struct kc_trial *t, const char *format, ...)
{
    struct kc_report *r = t->report;
    if (r->text[0])
        return false;
    va_list args;
    va_start(args, format);
    int used = snprintf(r->text, sizeof r->text, "%s: ", r->variant);
    vsnprintf(r->text + used, sizeof r->text - (size_t)used, format, args);
    va_end(args);
    return false;
}

bool kc_fault_status(struct kc_trial *t, const char *what, alt_status status)
{
    return kc_fault(t, "%s: %s: %s", what, alt_status_name(status), t->diag.text ? t->diag.text : "(no text)");
}

static void set_attributes(struct kc_trial *t)
{
    const struct kc_case *c = t->c;
    struct alt_attr *list = alt_arena_array(&t->arena, KC_ATTRS, sizeof *list);
    int ints = 0, floats = 0, strings = 0;
    for (int i = 0; list && i < c->n_attr; i++) {
        struct alt_attr a = c->attr[i];
        if (a.type == ALT_ATTR_INT || a.type == ALT_ATTR_INTS) {
            a.ints = c->ints + ints;
            ints += (int)a.count;
        } else if (a.type == ALT_ATTR_FLOAT) {
            a.floats = c->floats + floats++;
        } else {
            a.strings = c->strings + strings++;
        }
        list[i] = a;
    }
    alt_node_set_attrs(t->node, list, c->n_attr);
}

/* One axis of extent above 1, if there is one, gets the same content all along. */
static int repeat_axis(struct kc_trial *t, struct kc_tensor *x)
{
    int candidates[ALT_MAX_RANK], n = 0;
    for (int d = 0; d < x->rank; d++)
        if (x->dim[d] > 1)
            candidates[n++] = d;
    if (n == 0)
        return -1;
    int axis = candidates[kc_next(&t->random) % (uint64_t)n];
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at[ALT_MAX_RANK];
        kc_coordinates(x->rank, x->dim, i, at);
        at[axis] = 0;
        x->value[i] = x->value[kc_index(x->rank, x->dim, at)];
    }
    return axis;
}

static bool make_input(struct kc_trial *t, int i)
{
    const struct kc_input *in = &t->c->in[i];
    struct kc_tensor *x = &t->in[i];
    *x = (struct kc_tensor){.dtype = in->dtype, .rank = -1};
    t->repeated_axis[i] = -1;
    if (in->dtype == ALT_NONE)
        return true;
    kc_out(x, in->rank, in->dim, false);
    kc_fill(x, in, &t->random);
    if (t->repeat && !in->known)
        t->repeated_axis[i] = repeat_axis(t, x);
    struct alt_tensor *content = &t->content[i];
    *content = (struct alt_tensor){.dtype = in->dtype, .rank = in->rank, .bytes = alt_dtype_bytes(in->dtype, x->count)};
    memcpy(content->dim, x->dim, sizeof x->dim);
    void *data = alt_arena_data(&t->arena, content->bytes);
    if (!data)
        return kc_fault(t, "no memory");
    for (int64_t k = 0; k < x->count; k++)
        kc_store(in->dtype, data, k, x->value[k]);
    content->data = data;
    return true;
}

static void set_type(struct alt_type *type, const struct alt_tensor *content, bool known)
{
    *type = (struct alt_type){.kind = ALT_TENSOR, .dtype = content->dtype, .known = known ? content : NULL};
    type->shape.rank = content->rank;
    memcpy(type->shape.dim, content->dim, sizeof content->dim);
}

static bool make_node(struct kc_trial *t)
{
    const struct kc_case *c = t->c;
    enum alt_op op = alt_op_find(c->op, "");
    if (op == ALT_OP_COUNT)
        return kc_fault(t, "alt has no operator of this name");
    t->impl = alt_op_table[op].impl;
    struct alt_graph *g = alt_graph_create(&t->arena, &t->dims, "kernel_check");
    struct alt_gvalue *in[KC_INPUTS] = {0};
    if (!g)
        return kc_fault(t, "no memory");
    for (int i = 0; i < c->n_in; i++) {
        if (c->in[i].dtype == ALT_NONE)
            continue;
        in[i] =
            c->in[i].known ? alt_graph_add_const(g, NULL, &t->content[i]) : alt_graph_add_value(g, ALT_GV_INPUT, NULL);
        if (!in[i])
            return kc_fault(t, "no memory");
        set_type(&in[i]->type, &t->content[i], c->in[i].known);
    }
    t->node = alt_graph_add_node(g, NULL, op, c->opset, c->n_in, in, c->n_out, NULL);
    if (!t->node)
        return kc_fault(t, "no memory");
    set_attributes(t);
    return true;
}

/* Infers with what is known; where the shapes depend on a content, with that too, as a run does. */
static bool infer(struct kc_trial *t)
{
    struct alt_type type[KC_INPUTS];
    const struct alt_type *in[KC_INPUTS] = {0};
    for (int i = 0; i < t->c->n_in; i++) {
        if (t->c->in[i].dtype == ALT_NONE)
            continue;
        set_type(&type[i], &t->content[i], t->c->in[i].known);
        in[i] = &type[i];
    }
    struct alt_infer inf = {.node = t->node,
                            .dims = &t->dims,
                            .arena = &t->arena,
                            .diag = &t->diag,
                            .n_in = t->c->n_in,
                            .n_out = t->c->n_out,
                            .in = in,
                            .out = t->out_type,
                            .concrete = true};
    for (int round = 0; round <= t->c->n_in; round++) {
        inf.deferred = -1;
        alt_status status = alt_infer_run(&inf);
        if (status != ALT_OK)
            return kc_fault_status(t, "infer", status);
        if (inf.deferred < 0)
            break;
        type[inf.deferred].known = &t->content[inf.deferred];
    }
    for (int o = 0; o < t->c->n_out; o++)
        t->node->out[o]->type = t->out_type[o];
    return true;
}

static bool check_type(struct kc_trial *t, int o)
{
    const struct alt_shape *got = &t->out_type[o].shape;
    struct kc_tensor *want = &t->expected[o];
    struct alt_shape shape = {.rank = want->rank};
    char a[200], b[200];
    memcpy(shape.dim, want->dim, sizeof want->dim);
    if (want->rank < 0)
        return kc_fault(t, "the reference did not make output %d", o);
    if (!alt_shape_equal(got, &shape))
        return kc_fault(t, "output %d has shape %s, not %s", o, alt_shape_print(&t->dims, got, a, sizeof a),
                        alt_shape_print(NULL, &shape, b, sizeof b));
    if (want->dtype != ALT_NONE && want->dtype != t->out_type[o].dtype)
        return kc_fault(t, "output %d has type %s, not %s", o, alt_dtype_name(t->out_type[o].dtype),
                        alt_dtype_name(want->dtype));
    want->dtype = t->out_type[o].dtype;
    return true;
}

bool kc_trial_prepare(struct kc_trial *t, const struct kc_case *c, struct kc_report *report, uint64_t seed, bool repeat)
{
    memset(t, 0, sizeof *t);
    t->c = c;
    t->report = report;
    t->random = seed;
    t->repeat = repeat;
    alt_mem_init(&t->mem, NULL, 0);
    alt_arena_init(&t->arena, &t->mem);
    alt_dimtab_init(&t->dims, &t->arena);
    snprintf(report->variant, sizeof report->variant, "preparing");
    for (int i = 0; i < c->n_in; i++)
        if (!make_input(t, i))
            return false;
    for (int o = 0; o < c->n_out; o++)
        t->expected[o] = (struct kc_tensor){.dtype = ALT_NONE, .rank = -1};
    if (!make_node(t) || !infer(t))
        return false;
    c->reference(c, t->node, t->in, t->expected);
    for (int o = 0; o < c->n_out; o++)
        if (!check_type(t, o))
            return false;
    return true;
}

void kc_trial_free(struct kc_trial *t)
{
    for (int i = 0; i < KC_INPUTS; i++)
        free(t->in[i].value);
    for (int o = 0; o < KC_OUTPUTS; o++) {
        free(t->expected[o].value);
        free(t->expected[o].weight);
    }
    alt_diag_clear(&t->diag);
    alt_arena_free(&t->arena);
}

/* How far an element may be off; NAN: any number of the same class (a sum that holds infinities). */
static double allowed(const struct kc_trial *t, const struct kc_tensor *want, int64_t i)
{
    double bound = t->c->ulps * kc_spacing(want->dtype, want->value[i]);
    if (want->dtype == ALT_FLOAT64) /* the reference itself is a double */
        bound = fmax(bound, kc_spacing(want->dtype, want->value[i]));
    if (want->weight) { /* relative, and where terms underflow absolute */
        alt_dtype sum = want->dtype == ALT_FLOAT64 ? ALT_FLOAT64 : ALT_FLOAT32;
        bound += (double)t->c->reduction * (kc_roundoff(sum) * want->weight[i] + kc_spacing(sum, 0) / 2);
    }
    return bound;
}

static bool agree(const struct kc_trial *t, const struct kc_tensor *want, int64_t i, double got)
{
    double expected = want->value[i];
    if (isnan(expected) || isnan(got))
        return isnan(expected) && isnan(got);
    if (kc_spacing(want->dtype, expected) == 0)
        return got == kc_round(want->dtype, expected);
    if (got == kc_round(want->dtype, expected))
        return true;
    if (isinf(got) || isinf(expected)) /* within the bound of what overflows */
        return isinf(got) && !isinf(expected) && (got > 0) == (expected > 0) &&
               isinf(kc_round(want->dtype, expected + copysign(allowed(t, want, i), expected)));
    return fabs(got - expected) <= allowed(t, want, i);
}

bool kc_compare(struct kc_trial *t, int o, const void *data, const int64_t *where)
{
    const struct kc_tensor *want = &t->expected[o];
    for (int64_t i = 0; i < want->count; i++) {
        double got = kc_load(want->dtype, data, where ? where[i] : i);
        if (agree(t, want, i, got))
            continue;
        int64_t at[ALT_MAX_RANK];
        char place[200] = "";
        kc_coordinates(want->rank, want->dim, i, at);
        for (int d = 0, used = 0; d < want->rank; d++)
            used += snprintf(place + used, sizeof place - (size_t)used, "%s%" PRId64, d ? "," : "", at[d]);
        return kc_fault(t, "output %d at [%s] is %.9g, not %.9g (allowed: %.3g off)", o, place, got, want->value[i],
                        allowed(t, want, i));
    }
    return true;
}
