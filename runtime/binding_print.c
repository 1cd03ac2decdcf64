/* binding_print.c: a bound program as text, one line a step:
 *
 *   plan: steps 0..48 of 49, arena 3211264 bytes, constants laid out anew 46827520 bytes, scratch 4096 bytes a thread
 *     3 conv_f32_avx2 conv1: y float32[1,64,112,112] {4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])} arena+0 <- x input 0, w const, b const
 *     4 (view) ...
 *
 * Places are "arena+OFFSET", "input K", "output K", "const", "host"; a value that shares another's buffer shows the same
 * place. Steps computed while binding are "(known)"; those that run on the host "(host)", or "(subgraphs)" when they run
 * programs of their own, which are not shown. A segment that only receives what a last host step made has no steps.
 */
#include "runtime/binding.h"

#include "runtime/layout.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE = 512 };

struct printer {
    const struct alt_program *p;
    const struct alt_binding *b;
    alt_put_fn put;
    void *context;
};

static void put_place(const struct printer *pr, const struct alt_bvalue *v)
{
    char text[LINE];
    if (v->root < 0)
        return;
    const struct alt_root *root = &pr->b->root[v->root];
    static const char *const name[] = {"arena", "const", "input", "output", "host"};
    if (root->kind == ALT_ROOT_ARENA)
        snprintf(text, sizeof text, " arena+%" PRId64, (int64_t)root->offset + v->offset);
    else if (root->kind == ALT_ROOT_INPUT || root->kind == ALT_ROOT_OUTPUT)
        snprintf(text, sizeof text, " %s %d%s", name[root->kind], root->index, v->offset ? "+" : "");
    else
        snprintf(text, sizeof text, " %s", name[root->kind]);
    pr->put(pr->context, text);
}

static void put_value(const struct printer *pr, int value, bool full)
{
    char text[LINE];
    if (value < 0) {
        pr->put(pr->context, "_");
        return;
    }
    const struct alt_pvalue *pv = &pr->p->value[value];
    const struct alt_bvalue *v = &pr->b->value[value];
    pr->put(pr->context, pv->name);
    if (full && v->bound && v->dtype == ALT_NONE) {
        pr->put(pr->context, pv->origin->type.kind == ALT_SEQUENCE ? " sequence" : " optional");
    } else if (full && v->bound) {
        struct alt_shape shape = {.rank = v->rank};
        for (int d = 0; d < v->rank; d++)
            shape.dim[d] = v->dim[d];
        pr->put(pr->context, " ");
        pr->put(pr->context, alt_dtype_name(v->dtype));
        pr->put(pr->context, alt_shape_print(NULL, &shape, text, sizeof text));
        if (pv->layout) {
            pr->put(pr->context, " {");
            alt_layout_print(pv->layout, text, sizeof text);
            pr->put(pr->context, text);
            pr->put(pr->context, "}");
        }
    }
    if (v->bound)
        put_place(pr, v);
}

static void put_values(const struct printer *pr, int n, const int *value, bool full)
{
    for (int i = 0; i < n; i++) {
        if (i)
            pr->put(pr->context, ", ");
        put_value(pr, value[i], full);
    }
}

static const char *what_runs(const struct alt_step *step, const struct alt_bstep *bs, const struct alt_bvalue *out)
{
    if (bs->skip)
        return out && out->known ? "(known)" : "(view)";
    return step->n_sub ? "(subgraphs)" : step->kind == ALT_STEP_HOST ? "(host)" : bs->kernel->name;
}

static void put_step(const struct printer *pr, int s)
{
    char text[LINE];
    const struct alt_step *step = &pr->p->step[s];
    const struct alt_bstep *bs = &pr->b->step[s - pr->b->first];
    const struct alt_bvalue *out = step->n_out && step->out[0] >= 0 ? &pr->b->value[step->out[0]] : NULL;
    snprintf(text, sizeof text, "%5d %s ", s, what_runs(step, bs, out));
    pr->put(pr->context, text);
    for (int i = 0; i < step->n_region; i++) {
        pr->put(pr->context, step->region[i]->name);
        pr->put(pr->context, i + 1 < step->n_region ? "+" : ": ");
    }
    if (!step->n_region) {
        pr->put(pr->context, step->node->name);
        pr->put(pr->context, ": ");
    }
    put_values(pr, step->n_out, step->out, true);
    pr->put(pr->context, " <- ");
    put_values(pr, step->n_in, step->in, false);
    pr->put(pr->context, "\n");
}

void alt_binding_print(const struct alt_program *program, const struct alt_binding *binding, alt_put_fn put,
                       void *context)
{
    const struct printer pr = {program, binding, put, context};
    char text[LINE];
    if (binding->first == binding->end && binding->parent)
        return;
    snprintf(text, sizeof text,
             "plan: steps %d..%d of %d, arena %zu bytes, constants laid out anew %zu bytes, scratch %zu bytes a thread\n",
             binding->first, binding->end - 1, program->n_steps, binding->block_bytes, program->packed_bytes,
             binding->scratch);
    put(context, text);
    for (int s = binding->first; s < binding->end; s++)
        put_step(&pr, s);
}
