/* profile.c: describes a step from its program, its binding and, for what a host step made, the context. Texts are built on the
 * stack between two steps: what that costs lies outside the times reported, but within those of a step that runs subgraphs. */
#include "runtime/profile.h"

#include "runtime/cost.h"

#include <stdio.h>
#include <string.h>

enum { TEXT = 1024 };

struct describe {
    const struct alt_exec *x;
    const struct alt_binding *b;
    const struct alt_step *step;
    const struct alt_bstep *bound;
};

/* A list in a buffer of TEXT bytes; what does not fit whole is cut, so that no character is. */
static void add(char *list, const char *separator, const char *item)
{
    static const char more[] = "...";
    const size_t used = strlen(list), wanted = strlen(separator) + strlen(item);
    if (used + wanted + sizeof more <= TEXT)
        snprintf(list + used, TEXT - used, "%s%s", separator, item);
    else if (used < sizeof more || strcmp(list + used - strlen(more), more) != 0)
        strcpy(list + used, more);
}

/* Operand i, inputs first, as a tensor without its data; false: omitted. What the host made is bound by the next segment only. */
static bool operand(const struct describe *d, int i, struct alt_tensor *out)
{
    const struct alt_step *step = d->step;
    const bool is_out = i >= step->n_in;
    const int v = is_out ? step->out[i - step->n_in] : step->in[i];
    if (v < 0)
        return false;
    if (is_out && step->kind == ALT_STEP_HOST) {
        *out = d->x->context->host[i - step->n_in];
        return true;
    }
    const struct alt_bvalue *bv = &d->b->value[v];
    const size_t held = bv->root >= 0 ? d->b->root[bv->root].bytes : bv->bytes; /* less than a view repeats */
    *out = (struct alt_tensor){.dtype = bv->dtype, .rank = bv->rank, .bytes = held < bv->bytes ? held : bv->bytes};
    memcpy(out->dim, bv->dim, (size_t)bv->rank * sizeof *bv->dim);
    return true;
}

static void list_shapes(const struct describe *d, char *list)
{
    const int n_in = d->step->n_in, n = n_in + d->step->n_out;
    for (int i = 0; i < n; i++) {
        struct alt_tensor t;
        char item[256], shape[200] = "";
        if (operand(d, i, &t)) {
            struct alt_shape s = {.rank = t.rank};
            memcpy(s.dim, t.dim, (size_t)t.rank * sizeof *t.dim);
            if (t.dtype != ALT_NONE)
                alt_shape_print(NULL, &s, shape, sizeof shape);
            snprintf(item, sizeof item, "%s%s", t.dtype == ALT_NONE ? "value" : alt_dtype_name(t.dtype), shape);
        } else {
            strcpy(item, "_");
        }
        add(list, i == n_in ? " -> " : i ? ", " : "", item);
    }
}

static bool seen_before(const struct alt_step *step, int i)
{
    for (int k = 0; k < i; k++)
        if (step->in[k] == step->in[i])
            return true;
    return false;
}

static double count_bytes(const struct describe *d)
{
    double bytes = 0;
    for (int i = 0; i < d->step->n_in + d->step->n_out; i++) {
        struct alt_tensor t;
        if ((i >= d->step->n_in || !seen_before(d->step, i)) && operand(d, i, &t) && t.dtype != ALT_NONE)
            bytes += (double)t.bytes;
    }
    return bytes;
}

/* The shape of a node's value: an operand's, or that of one which stays within the step, whose nodes behind the first work on the
 * elements of the output (region.h). */
static struct alt_extents extents(const void *user, const struct alt_gvalue *v)
{
    const struct describe *d = user;
    const struct alt_step *step = d->step;
    for (int i = 0; i < step->n_in + step->n_out; i++) {
        const bool is_out = i >= step->n_in;
        const int at = is_out ? step->out[i - step->n_in] : step->in[i];
        if (at < 0 || d->x->program->value[at].origin != v)
            continue;
        if (is_out && step->kind == ALT_STEP_HOST) {
            const struct alt_tensor *t = &d->x->context->host[i - step->n_in];
            return (struct alt_extents){t->rank, t->dim};
        }
        return (struct alt_extents){d->b->value[at].rank, d->b->value[at].dim};
    }
    if (v->kind == ALT_GV_CONST || !step->region || step->out[0] < 0)
        return alt_graph_extents(NULL, v);
    return (struct alt_extents){d->b->value[step->out[0]].rank, d->b->value[step->out[0]].dim};
}

static double count_flops(const struct describe *d)
{
    double flops = 0;
    if (d->step->convert || d->step->n_sub)
        return 0;
    for (int i = 0; i < d->step->n_region; i++)
        flops += alt_node_flops(d->step->region[i], extents, d);
    return d->step->n_region ? flops : alt_node_flops(d->step->node, extents, d);
}

static const char *operator_of(const struct alt_step *step, const struct alt_node *n)
{
    return step->convert ? "(layout)" : alt_op_table[n->op].name;
}

void alt_profile_report(const struct alt_exec *x, const struct alt_profile_step *done)
{
    const struct alt_binding *b = done->binding;
    const struct alt_step *step = &x->program->step[done->step];
    const struct describe d = {x, b, step, &b->step[done->step - b->first]};
    char nodes[TEXT] = "", operators[TEXT] = "", shapes[TEXT] = "";
    const int n = step->n_region ? step->n_region : 1;
    for (int i = 0; i < n; i++) {
        const struct alt_node *node = step->n_region ? step->region[i] : step->node;
        add(nodes, i ? "+" : "", node->name);
        add(operators, i ? "+" : "", operator_of(step, node));
    }
    list_shapes(&d, shapes);
    const alt_step_report report = {.size = sizeof report,
                                    .begin_ns = done->begin_ns,
                                    .end_ns = done->end_ns,
                                    .step = done->step,
                                    .depth = x->depth,
                                    .attempt = x->attempt,
                                    .threads = done->threads,
                                    .nodes = nodes,
                                    .operators = operators,
                                    .kernel = step->n_sub                   ? "(subgraphs)"
                                              : step->kind == ALT_STEP_HOST ? "(host)"
                                                                            : d.bound->kernel->name,
                                    .shapes = shapes,
                                    .flops = count_flops(&d),
                                    .bytes = count_bytes(&d)};
    x->on_step(x->step_context, &report);
}
