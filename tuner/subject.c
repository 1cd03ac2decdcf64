/* subject.c: what there is to tune. Regions are found on the model's graph; their shapes are those of the binding that the
 * default plan used last, so a symbolic dimension is tuned for what really comes. */
#include "tuner/tuner.h"

#include "jit/code.h"
#include "runtime/assign.h"
#include "runtime/model.h"
#include "runtime/value.h"

#include <stdlib.h>
#include <string.h>

/* Shapes by graph value, taken from a binding. */
struct shape_source {
    const struct alt_program *program;
    struct alt_binding *binding;
};

/* The value that a step hands on: pointwise work of its own shape may be part of the step that makes it (fuse.h). */
static const struct alt_gvalue *handed_on(const struct alt_gvalue *value)
{
    const struct alt_node *reader = value->n_uses == 1 && !value->n_outputs ? value->uses->node : NULL;
    return reader && alt_assign_any_layout(reader) && reader->n_out == 1 && reader->out[0] &&
                   alt_shape_equal(&reader->out[0]->type.shape, &value->type.shape)
               ? reader->out[0]
               : NULL;
}

static bool bound_shape(const struct shape_source *src, const struct alt_gvalue *value, struct alt_shape *out)
{
    for (int i = 0; i < src->program->n_values; i++) {
        const struct alt_bvalue *v = &src->binding->value[i];
        if (src->program->value[i].origin != value || !v->bound)
            continue;
        out->rank = v->rank;
        memcpy(out->dim, v->dim, (size_t)v->rank * sizeof *v->dim);
        return true;
    }
    return false;
}

static bool shape_of(void *context, const struct alt_gvalue *value, struct alt_shape *out)
{
    for (; value; value = handed_on(value))
        if (bound_shape(context, value, out))
            return true;
    return false;
}

/* The first segment that was bound last, with one reference; NULL: no run yet. */
static struct alt_binding *latest_binding(struct alt_plan *plan)
{
    pthread_mutex_lock(&plan->mutex);
    struct alt_binding *b = plan->bindings.first;
    while (b && b->refused)
        b = b->older;
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&plan->mutex);
    return b;
}

static struct alt_subject *find_subject(struct alt_tuner *t, const char *text)
{
    for (int i = 0; i < t->n_subjects; i++)
        if (strcmp(t->subject[i].text, text) == 0)
            return &t->subject[i];
    return NULL;
}

static bool add_region(struct alt_tuner *t, const struct alt_region *region, const struct alt_expressed *expressed)
{
    char text[sizeof t->subject->text];
    if (alt_desc_print(&expressed->desc, text, sizeof text) >= sizeof text)
        return true; /* too long to name is too odd to tune */
    struct alt_subject *s = find_subject(t, text);
    if (!s) {
        s = &t->subject[t->n_subjects++];
        memcpy(s->text, text, sizeof text);
        s->desc = expressed->desc;
        s->member = alt_arena_array(&t->arena, (size_t)t->regions.n_base, sizeof *s->member);
        s->region = alt_arena_array(&t->arena, (size_t)t->regions.n_base, sizeof *s->region);
        if (!s->member || !s->region)
            return false;
    }
    s->member[s->n_members] = *expressed;
    s->region[s->n_members++] = region;
    s->weight += alt_desc_flops(&s->desc);
    return true;
}

static int heavier_first(const void *a, const void *b)
{
    double x = ((const struct alt_subject *)a)->weight, y = ((const struct alt_subject *)b)->weight;
    return (x < y) - (x > y);
}

static bool find_all(struct alt_tuner *t, struct shape_source *src)
{
    if (alt_regions_find(t->session->model->graph, &t->arena, &t->regions) != ALT_OK)
        return false;
    t->subject = alt_arena_array(&t->arena, (size_t)t->regions.n_base + 1, sizeof *t->subject);
    if (!t->subject)
        return false;
    for (int i = 0; i < t->regions.n_base; i++) {
        struct alt_expressed expressed;
        if (alt_express_region(&t->regions.base[i], shape_of, src, &expressed) &&
            !add_region(t, &t->regions.base[i], &expressed))
            return false;
    }
    qsort(t->subject, (size_t)t->n_subjects, sizeof *t->subject, heavier_first);
    return true;
}

/* Binds the default plan for the shapes of the example, or those of the model where all are fixed. */
static struct alt_binding *bind_example(struct alt_session *session, const alt_value *const *example)
{
    const struct alt_graph *g = session->model->graph;
    struct alt_plan *base = session->base;
    struct alt_binding *b = NULL;
    size_t bytes = (size_t)(g->n_inputs + 1) * sizeof(struct alt_tensor);
    struct alt_tensor *inputs = alt_mem_zalloc(&session->mem, bytes);
    bool known = inputs != NULL, made;
    for (int i = 0; i < g->n_inputs && known; i++) {
        const struct alt_type *t = &g->inputs[i]->type;
        const alt_value *v = example ? example[i] : NULL;
        if (g->inputs[i]->initial) { /* a constant to every plan but that of the runs which replace it */
            inputs[i] = *g->inputs[i]->initial;
            continue;
        }
        if (v) {
            inputs[i] = alt_value_view(v);
            continue;
        }
        known = t->kind != ALT_TENSOR || alt_shape_known(&t->shape);
        if (t->kind != ALT_TENSOR)
            continue; /* all that are not tensors are alike to a binding */
        inputs[i] = (struct alt_tensor){.dtype = t->dtype, .rank = t->shape.rank};
        if (known && t->shape.rank > 0)
            memcpy(inputs[i].dim, t->shape.dim, (size_t)t->shape.rank * sizeof *t->shape.dim);
    }
    struct alt_bind_source source = {.program = base->program, .mem = &session->mem, .mutex = &base->mutex,
                                     .incoming = inputs, .n_incoming = g->n_inputs};
    if (known && alt_binding_get(&base->bindings, NULL, &source, NULL, &b, &made) != ALT_OK)
        b = NULL;
    alt_mem_free(&session->mem, inputs, bytes);
    return b;
}

bool alt_subjects_find(struct alt_tuner *t, const alt_value *const *example)
{
    struct shape_source src = {t->session->base->program, example ? bind_example(t->session, example) : NULL};
    if (!src.binding)
        src.binding = latest_binding(t->session->base);
    if (!src.binding)
        src.binding = bind_example(t->session, NULL);
    if (!src.binding)
        return false;
    bool found = find_all(t, &src);
    t->shape = src.binding->hash;
    alt_binding_release(src.binding);
    return found;
}

struct alt_variant_result *alt_subject_find(struct alt_subject *s, uint64_t tag)
{
    for (int i = 0; i < s->n_kept; i++)
        if (tag && s->kept[i].result.tag == tag)
            return &s->kept[i];
    return NULL;
}

void alt_subject_keep(struct alt_subject *s, const struct alt_msg_result *result)
{
    struct alt_variant_result *known = alt_subject_find(s, result->tag);
    int at = s->n_kept < ALT_KEPT_VARIANTS ? s->n_kept : ALT_KEPT_VARIANTS - 1;
    if (known) { /* measured anew, or first remembered and now measured */
        known->result = *result;
        return;
    }
    if (at < s->n_kept) {
        if (s->kept[at].result.ratio >= result->ratio)
            return;
        alt_code_release(s->kept[at].code);
    } else {
        s->n_kept++;
    }
    for (; at > 0 && s->kept[at - 1].result.ratio < result->ratio; at--)
        s->kept[at] = s->kept[at - 1];
    s->kept[at] = (struct alt_variant_result){.result = *result};
}

void alt_subjects_free(struct alt_tuner *t)
{
    for (int i = 0; i < t->n_subjects; i++)
        for (int k = 0; k < t->subject[i].n_kept; k++)
            alt_code_release(t->subject[i].kept[k].code);
    t->n_subjects = 0;
}
