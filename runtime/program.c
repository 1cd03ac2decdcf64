/* program.c: lowers a graph to steps.
 *
 * Nodes become steps in graph order. Before a node, each operand that it needs in another layout is converted (once per
 * value and layout; constants are laid out here and now, for good). After the last node, graph outputs that cannot be
 * written in place by the step that makes them (inputs, constants, views, values named twice, values in a layout) are
 * copied; in a subgraph an input that is an output too is handed over as it is. Which buffer a value shares, and where it lies,
 * depends on extents and is the binding's business.
 *
 * A subgraph becomes a program of its own, whose inputs are the subgraph's and behind them its captures. */
#include "runtime/program.h"

#include "runtime/assign.h"
#include "runtime/choice.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/fuse.h"
#include "runtime/layout_convert.h"
#include "runtime/ops/copy.h"
#include "runtime/step.h"
#include "runtime/weights.h"

#include <string.h>

/* The forms in which one graph value exists. */
struct form {
    const struct alt_layout *layout;
    int value;
    struct form *next;
};

struct builder {
    struct alt_program *p, *root;
    struct alt_diag *diag;
    struct alt_arena scratch;
    struct alt_assignment assignment;
    const struct alt_fusion **fusion; /* by position of the node */
    struct form **form; /* by graph value id */
    int values_capacity, steps_capacity;
    const struct alt_program_spec *spec;
    struct alt_weight_use use[ALT_WEIGHTS_BATCH]; /* constants to lay out, and of which values */
    int use_value[ALT_WEIGHTS_BATCH], n_uses;
    size_t use_bytes;
};

static bool grow(struct alt_arena *arena, void **array, int count, int *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    int larger = *capacity ? *capacity * 2 : 64;
    void *copy = alt_arena_array(arena, (size_t)larger, size);
    if (!copy)
        return false;
    if (count)
        memcpy(copy, *array, (size_t)count * size);
    *array = copy;
    *capacity = larger;
    return true;
}

static alt_status add_value(struct builder *b, const struct alt_gvalue *v, enum alt_pvalue_kind kind,
                            const struct alt_layout *layout, int *out)
{
    struct alt_program *p = b->p;
    struct form *form = alt_arena_alloc(&b->scratch, sizeof *form);
    if (!form || !grow(&p->arena, (void **)&p->value, p->n_values, &b->values_capacity, sizeof *p->value))
        return ALT_E_NOMEM;
    p->value[p->n_values] = (struct alt_pvalue){.name = v->name, .kind = kind, .index = -1, .output = -1, .origin = v,
                                                .layout = layout};
    *form = (struct form){layout, p->n_values, b->form[v->id]};
    b->form[v->id] = form;
    *out = p->n_values++;
    return ALT_OK;
}

static alt_status add_step(struct builder *b, const struct alt_step *step, struct alt_step **out)
{
    struct alt_program *p = b->p;
    if (!grow(&p->arena, (void **)&p->step, p->n_steps, &b->steps_capacity, sizeof *p->step))
        return ALT_E_NOMEM;
    p->step[p->n_steps] = *step;
    if (step->n_in + step->n_out > p->max_operands)
        p->max_operands = step->n_in + step->n_out;
    *out = &p->step[p->n_steps++];
    return ALT_OK;
}

static int find_form(const struct builder *b, const struct alt_gvalue *v, const struct alt_layout *layout)
{
    for (const struct form *f = b->form[v->id]; f; f = f->next)
        if (alt_layout_equal(f->layout, layout))
            return f->value;
    return -1;
}

static alt_status lay_out_constants(struct builder *b)
{
    const alt_status status = alt_weights_get(b->spec->weights, b->use, b->n_uses, &b->spec->crew);
    for (int i = 0; i < b->n_uses; i++) {
        struct alt_pvalue *v = &b->p->value[b->use_value[i]];
        v->weight = b->use[i].weight;
        if (!v->weight)
            return alt_diag_add(b->diag, status, "constant \"%s\" of %zu bytes cannot be laid out: %s", v->name,
                                v->known->bytes, alt_status_text(status));
        v->data = v->weight->data;
        b->p->packed_bytes += v->weight->bytes;
    }
    b->n_uses = 0;
    b->use_bytes = 0;
    return status;
}

/* Elements of a constant in a layout: in place when plain and aligned, else one of the weights, laid out some at a time. */
static alt_status place_constant(struct builder *b, const struct alt_tensor *t, int value)
{
    struct alt_pvalue *v = &b->p->value[value];
    size_t size = alt_dtype_size(t->dtype);
    v->known = t;
    if (!v->layout && ((uintptr_t)t->data % (size > 16 || !size ? 1 : size) == 0)) {
        v->data = t->data;
        return ALT_OK;
    }
    b->use_value[b->n_uses] = value;
    b->use[b->n_uses++] = (struct alt_weight_use){t, v->layout, NULL};
    b->use_bytes += t->bytes;
    return b->n_uses == ALT_WEIGHTS_BATCH || b->use_bytes >= ALT_WEIGHTS_BATCH_BYTES ? lay_out_constants(b) : ALT_OK;
}

/* A node for a step that the graph does not have, so that messages and kernels always see one. */
static struct alt_node *make_node(struct builder *b, const char *verb, const struct alt_gvalue *v)
{
    struct alt_node *n = alt_arena_alloc(&b->p->arena, sizeof *n);
    if (!n)
        return NULL;
    n->op = ALT_OP_IDENTITY;
    n->opset = ALT_OPSET_NEWEST;
    n->name = alt_arena_printf(&b->p->arena, "%s(%s)", verb, v->name);
    n->n_in = n->n_in_explicit = n->n_out = 1;
    return n->name ? n : NULL;
}

/* A step from value `from` to a new value of the same content in `layout`. */
static alt_status add_move(struct builder *b, int from, const struct alt_layout *layout, const char *verb, int *to)
{
    const struct alt_gvalue *v = b->p->value[from].origin;
    bool plain = !layout && !b->p->value[from].layout;
    struct alt_step step = {.kind = ALT_STEP_KERNEL, .n_in = 1, .n_out = 1, .convert = true};
    step.kernel = plain ? alt_copy_kernel(v->type.dtype) : alt_convert_kernel(v->type.dtype);
    if (!step.kernel)
        return alt_diag_add(b->diag, ALT_E_UNSUPPORTED, "value \"%s\": a tensor of %s cannot be copied", v->name,
                            alt_dtype_name(v->type.dtype));
    int *operand = alt_arena_array(&b->p->arena, 2, sizeof *operand);
    step.node = make_node(b, verb, v);
    if (!operand || !step.node)
        return ALT_E_NOMEM;
    ALT_CHECK(add_value(b, v, ALT_PV_TEMP, layout, to));
    operand[0] = from;
    operand[1] = *to;
    step.in = operand;
    step.out = operand + 1;
    struct alt_step *added;
    return add_step(b, &step, &added);
}

/* The value that holds `v` in `layout`, made when there is none. */
static alt_status use_value(struct builder *b, const struct alt_gvalue *v, const struct alt_layout *layout, int *out)
{
    *out = find_form(b, v, layout);
    if (*out >= 0)
        return ALT_OK;
    if (v->kind == ALT_GV_CONST) {
        ALT_CHECK(add_value(b, v, ALT_PV_CONST, layout, out));
        return place_constant(b, v->type.known, *out);
    }
    /* Values keep the newest form first; the oldest is what the producer wrote. */
    const struct form *f = b->form[v->id];
    if (!f)
        return alt_diag_add(b->diag, ALT_E_INTERNAL, "value \"%s\" has no producer", v->name);
    while (f->next)
        f = f->next;
    return add_move(b, f->value, layout, layout ? "block" : "unblock", out);
}

static void fill_select(const struct builder *b, struct alt_operand *op, const struct alt_gvalue *v, int value)
{
    *op = (struct alt_operand){.dtype = ALT_NONE};
    if (!v)
        return;
    op->dtype = v->type.dtype;
    op->rank = v->type.shape.rank;
    for (int d = 0; d < op->rank; d++)
        op->dim[d] = alt_dim_known(v->type.shape.dim[d]) ? v->type.shape.dim[d] : -1;
    op->layout = b->p->value[value].layout;
}

static bool takes_tensors_only(const struct alt_node *n)
{
    bool tensors = true;
    for (int i = 0; i < n->n_in; i++)
        tensors &= !n->in[i] || n->in[i]->type.kind == ALT_TENSOR;
    for (int i = 0; i < n->n_out; i++)
        tensors &= !n->out[i] || n->out[i]->type.kind == ALT_TENSOR;
    return tensors;
}

static alt_status choose_kernel(struct builder *b, const struct alt_node *n, struct alt_step *step)
{
    const struct alt_op_impl *impl = alt_op_table[n->op].impl;
    if (!takes_tensors_only(n)) {
        step->kind = ALT_STEP_HOST;
        return impl->eval ? ALT_OK
                          : alt_diag_add(b->diag, ALT_E_UNSUPPORTED, "node \"%s\" (%s) takes tensors only", n->name,
                                         alt_op_table[n->op].name);
    }
    step->kind = impl->view ? ALT_STEP_VIEW : impl->select ? ALT_STEP_KERNEL : ALT_STEP_HOST;
    if (!impl->select)
        return ALT_OK;
    struct alt_operand *op = alt_arena_array(&b->scratch, (size_t)(n->n_in + n->n_out) + 1, sizeof *op);
    if (!op)
        return ALT_E_NOMEM;
    for (int i = 0; i < n->n_in; i++)
        fill_select(b, &op[i], n->in[i], step->in[i]);
    for (int i = 0; i < n->n_out; i++)
        fill_select(b, &op[n->n_in + i], n->out[i], step->out[i]);
    struct alt_select sel = {.node = n, .diag = b->diag, .n_in = n->n_in, .n_out = n->n_out, .in = op,
                             .out = op + n->n_in};
    return impl->select(&sel, &step->kernel);
}

static alt_status build_program(const struct alt_program_spec *spec, struct alt_program *root, struct alt_diag *diag,
                                struct alt_program **out);

/* Programs of the node's subgraphs; the step owns them from when it is added. */
static alt_status build_subprograms(struct builder *b, const struct alt_node *n, struct alt_step *step)
{
    struct alt_program **sub;
    while (alt_node_subgraph(n, step->n_sub))
        step->n_sub++;
    if (!step->n_sub)
        return ALT_OK;
    sub = alt_arena_array(&b->p->arena, (size_t)step->n_sub, sizeof(struct alt_program *));
    if (!sub)
        return ALT_E_NOMEM;
    step->sub = sub;
    step->flow = b->p->n_flows++;
    alt_status status = ALT_OK;
    for (int i = 0; i < step->n_sub && status == ALT_OK; i++) {
        struct alt_program_spec spec = *b->spec;
        spec.graph = alt_node_subgraph(n, i);
        spec.choices = NULL;
        if (spec.graph->fault)
            continue;
        status = build_program(&spec, b->root, b->diag, &sub[i]);
        if (status != ALT_OK && status != ALT_E_NOMEM)
            alt_node_blame(n, i, status, b->diag);
    }
    for (int i = 0; i < step->n_sub && status != ALT_OK; i++) {
        alt_program_free(sub[i]);
        sub[i] = NULL;
    }
    return status;
}

static alt_status lower_node(struct builder *b, const struct alt_node *n, const struct alt_layout *const *need)
{
    struct alt_program *p = b->p;
    int *operand = alt_arena_array(&p->arena, (size_t)(n->n_in + n->n_out) + 1, sizeof *operand);
    if (!operand)
        return ALT_E_NOMEM;
    struct alt_step step = {.node = n, .n_in = n->n_in, .n_out = n->n_out, .in = operand, .out = operand + n->n_in};
    for (int i = 0; i < n->n_in; i++) {
        operand[i] = -1;
        if (n->in[i])
            ALT_CHECK(use_value(b, n->in[i], need[i], &operand[i]));
    }
    for (int i = 0; i < n->n_out; i++) {
        int *o = &operand[n->n_in + i];
        *o = -1;
        if (n->out[i])
            ALT_CHECK(add_value(b, n->out[i], ALT_PV_TEMP, b->assignment.value[n->out[i]->id], o));
    }
    ALT_CHECK(choose_kernel(b, n, &step));
    ALT_CHECK(build_subprograms(b, n, &step));
    struct alt_step *added;
    alt_status status = add_step(b, &step, &added);
    for (int i = 0; i < step.n_sub && status != ALT_OK; i++)
        alt_program_free(step.sub[i]);
    return status;
}

/* A region that a kernel of its own computes: one step with the kernel's operands. */
static alt_status lower_choice(struct builder *b, const struct alt_choice *c)
{
    struct alt_program *p = b->p;
    int *operand = alt_arena_array(&p->arena, (size_t)(c->n_in + c->n_out) + 1, sizeof *operand);
    const struct alt_node **region = alt_arena_array(&p->arena, (size_t)c->n_nodes, sizeof *region);
    if (!operand || !region)
        return ALT_E_NOMEM;
    memcpy(region, c->node, (size_t)c->n_nodes * sizeof *region);
    struct alt_step step = {.kind = ALT_STEP_KERNEL, .node = c->node[c->n_nodes - 1], .kernel = c->kernel,
                            .n_in = c->n_in, .n_out = c->n_out, .in = operand, .out = operand + c->n_in,
                            .region = region, .n_region = c->n_nodes};
    for (int i = 0; i < c->n_in; i++) {
        operand[i] = -1;
        if (c->in[i])
            ALT_CHECK(use_value(b, c->in[i], c->in_layout[i], &operand[i]));
    }
    for (int i = 0; i < c->n_out; i++)
        ALT_CHECK(add_value(b, c->out[i], ALT_PV_TEMP, c->out_layout[i], &operand[c->n_in + i]));
    struct alt_step *added;
    return add_step(b, &step, &added);
}

/* An anchor and what follows it: one step. */
static alt_status lower_fusion(struct builder *b, const struct alt_fusion *f)
{
    struct alt_program *p = b->p;
    const struct alt_node *last = f->node[f->n_nodes - 1], **region;
    size_t most = 1;
    for (int i = 0; i < f->n_nodes; i++)
        most += (size_t)f->node[i]->n_in;
    int *operand = alt_arena_array(&p->arena, most, sizeof *operand), n = 0;
    region = alt_arena_array(&p->arena, (size_t)f->n_nodes, sizeof *region);
    if (!operand || !region)
        return ALT_E_NOMEM;
    for (int i = 0; i < f->n_nodes; i++) {
        region[i] = f->node[i];
        for (int k = 0; k < f->node[i]->n_in; k++) {
            const struct alt_gvalue *v = f->node[i]->in[k];
            if (i && v == f->node[i - 1]->out[0])
                continue;
            operand[n] = -1;
            if (v)
                ALT_CHECK(use_value(b, v, b->assignment.need[f->position[i]][k], &operand[n]));
            n++;
        }
    }
    ALT_CHECK(add_value(b, last->out[0], ALT_PV_TEMP, b->assignment.value[last->out[0]->id], &operand[n]));
    struct alt_step step = {.kind = ALT_STEP_KERNEL, .node = last, .kernel = f->kernel, .n_in = n, .n_out = 1, .in = operand,
                            .out = operand + n, .region = region, .n_region = f->n_nodes}, *added;
    return add_step(b, &step, &added);
}

static alt_status lower_nodes(struct builder *b)
{
    alt_status worst = ALT_OK;
    int k = 0;
    for (const struct alt_node *n = b->p->graph->first; n; n = n->next, k++) {
        const struct alt_choice *c = b->assignment.choice[k];
        const struct alt_fusion *f = b->fusion[k];
        alt_status status = ALT_OK;
        if (f)
            status = f->node[f->n_nodes - 1] == n ? lower_fusion(b, f) : ALT_OK;
        else if (!c)
            status = lower_node(b, n, b->assignment.need[k]);
        else if (c->node[c->n_nodes - 1] == n)
            status = lower_choice(b, c);
        if (status == ALT_E_UNSUPPORTED)
            worst = status; /* go on: all nodes without a kernel are named */
        else if (status != ALT_OK)
            return status;
    }
    return worst;
}

static alt_status lower_inputs(struct builder *b)
{
    const struct alt_graph *g = b->p->graph;
    int n = g->n_inputs + g->n_captures;
    int *input = alt_arena_array(&b->p->arena, (size_t)n + 1, sizeof *input);
    if (!input)
        return ALT_E_NOMEM;
    for (int i = 0; i < n; i++) {
        const struct alt_gvalue *v = i < g->n_inputs ? g->inputs[i] : g->captures[i - g->n_inputs];
        ALT_CHECK(add_value(b, v, ALT_PV_INPUT, NULL, &input[i]));
        b->p->value[input[i]].index = i;
    }
    b->p->input = input;
    b->p->n_inputs = n;
    return ALT_OK;
}

/* A value that its step may write straight into an output: plain, made by a kernel, wanted as one output only. */
static bool writes_output(const struct builder *b, int value)
{
    const struct alt_pvalue *v = &b->p->value[value];
    if (v->kind != ALT_PV_TEMP || v->layout || v->output >= 0 || v->origin->type.dtype == ALT_STRING)
        return false;
    for (int s = b->p->n_steps - 1; s >= 0; s--)
        for (int i = 0; i < b->p->step[s].n_out; i++)
            if (b->p->step[s].out[i] == value)
                return b->p->step[s].kind == ALT_STEP_KERNEL;
    return false;
}

static alt_status lower_outputs(struct builder *b)
{
    const struct alt_graph *g = b->p->graph;
    int *output = alt_arena_array(&b->p->arena, (size_t)g->n_outputs + 1, sizeof *output);
    if (!output)
        return ALT_E_NOMEM;
    for (int i = 0; i < g->n_outputs; i++) {
        const struct alt_gvalue *v = g->outputs[i];
        ALT_CHECK(use_value(b, v, NULL, &output[i]));
        if (v->type.kind != ALT_TENSOR || (b->p != b->root && b->p->value[output[i]].kind == ALT_PV_INPUT))
            continue;
        if (!writes_output(b, output[i]))
            ALT_CHECK(add_move(b, output[i], NULL, "output", &output[i]));
        b->p->value[output[i]].output = i;
    }
    b->p->output = output;
    b->p->n_outputs = g->n_outputs;
    return ALT_OK;
}

static bool takes_strides(const struct alt_step *step)
{
    return step->kind == ALT_STEP_VIEW || (step->kernel && step->kernel->flags & ALT_KERNEL_STRIDED);
}

static void find_last_uses(struct alt_program *p)
{
    for (int v = 0; v < p->n_values; v++) {
        p->value[v].strided_ok = p->value[v].output < 0;
        p->value[v].last_use = p->value[v].kind == ALT_PV_TEMP ? -1 : p->n_steps;
    }
    for (int s = 0; s < p->n_steps; s++) {
        const struct alt_step *step = &p->step[s];
        for (int i = 0; i < step->n_out; i++)
            if (step->out[i] >= 0)
                p->value[step->out[i]].last_use = s;
        for (int i = 0; i < step->n_in; i++) {
            if (step->in[i] < 0)
                continue;
            struct alt_pvalue *v = &p->value[step->in[i]];
            if (v->kind == ALT_PV_TEMP)
                v->last_use = s;
            v->strided_ok &= takes_strides(step);
        }
    }
    for (int i = 0; i < p->n_outputs; i++)
        p->value[p->output[i]].last_use = p->n_steps;
}

/* Counted first, then filled; each step once a place where it reads. */
static alt_status find_readers(struct alt_program *p)
{
    int *first = alt_arena_array(&p->arena, (size_t)p->n_values + 2, sizeof *first), total = 0;
    if (!first)
        return ALT_E_NOMEM;
    for (int s = 0; s < p->n_steps; s++)
        for (int i = 0; i < p->step[s].n_in; i++)
            if (p->step[s].in[i] >= 0) {
                first[p->step[s].in[i] + 2]++;
                total++;
            }
    for (int v = 0; v < p->n_values; v++)
        first[v + 1] += first[v]; /* first[v + 1]: where the next reader of v goes */
    int *reader = alt_arena_array(&p->arena, (size_t)total + 1, sizeof *reader);
    if (!reader)
        return ALT_E_NOMEM;
    for (int s = 0; s < p->n_steps; s++)
        for (int i = 0; i < p->step[s].n_in; i++)
            if (p->step[s].in[i] >= 0)
                reader[first[p->step[s].in[i] + 1]++] = s;
    p->reader_first = first;
    p->reader = reader;
    return ALT_OK;
}

static alt_status keep_owners(struct alt_program *p, const struct alt_choices *choices)
{
    if (!choices || !choices->count)
        return ALT_OK;
    p->owner = alt_arena_array(&p->arena, (size_t)choices->count, sizeof *p->owner);
    if (!p->owner)
        return ALT_E_NOMEM;
    for (int i = 0; i < choices->count; i++) {
        const struct alt_kernel_owner *o = &choices->item[i].owner;
        if (!o->retain)
            continue;
        o->retain(o->object);
        p->owner[p->n_owners++] = *o;
    }
    return ALT_OK;
}

static alt_status build(struct builder *b)
{
    const struct alt_graph *g = b->spec->graph;
    const struct alt_choices *choices = b->spec->choices;
    b->form = alt_arena_array(&b->scratch, (size_t)g->n_values + 1, sizeof *b->form);
    if (!b->form)
        return ALT_E_NOMEM;
    /* Layouts live as long as the program that refers to them. */
    ALT_CHECK(keep_owners(b->p, choices));
    ALT_CHECK(alt_assign_layouts(g, b->spec->policy, alt_cpu_block(), choices, &b->p->arena, &b->assignment));
    b->fusion = alt_arena_array(&b->scratch, (size_t)g->n_nodes + 1, sizeof *b->fusion);
    if (!b->fusion)
        return ALT_E_NOMEM;
    if (b->spec->policy == ALT_LAYOUT_BLOCKED)
        ALT_CHECK(alt_fuse_find(g, &b->assignment, &b->scratch, b->fusion));
    ALT_CHECK(lower_inputs(b));
    ALT_CHECK(lower_nodes(b));
    ALT_CHECK(lower_outputs(b));
    ALT_CHECK(lay_out_constants(b));
    find_last_uses(b->p);
    return find_readers(b->p);
}

/* `root` NULL: this is the root. Recursion is as deep as subgraphs are nested, which the reader bounds. */
static alt_status build_program(const struct alt_program_spec *spec, struct alt_program *root, struct alt_diag *diag,
                                struct alt_program **out)
{
    struct alt_program *p = alt_mem_zalloc(spec->mem, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->mem = spec->mem;
    p->weights = spec->weights;
    p->graph = spec->graph;
    alt_arena_init(&p->arena, p->mem);
    struct builder b = {.p = p, .root = root ? root : p, .diag = diag, .spec = spec};
    p->id = b.root->n_programs++;
    alt_arena_init(&b.scratch, p->mem);
    alt_status status = build(&b);
    alt_arena_free(&b.scratch);
    if (status != ALT_OK)
        alt_program_free(p);
    else
        *out = p;
    return status;
}

alt_status alt_program_build(const struct alt_program_spec *spec, struct alt_diag *diag, struct alt_program **out)
{
    return build_program(spec, NULL, diag, out);
}

void alt_program_free(struct alt_program *program)
{
    if (!program)
        return;
    for (int s = 0; s < program->n_steps; s++)
        for (int i = 0; i < program->step[s].n_sub; i++)
            alt_program_free(program->step[s].sub[i]);
    for (int v = 0; v < program->n_values; v++)
        alt_weights_release(program->weights, program->value[v].weight);
    for (int i = 0; i < program->n_owners; i++)
        program->owner[i].release(program->owner[i].object);
    alt_arena_free(&program->arena);
    alt_mem_free(program->mem, program, sizeof *program);
}
