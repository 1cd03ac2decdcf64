/* onnx_order.c: explains a name that is read before anything defines it. ONNX has nodes in topological order, so this is a
 * node out of order, a cycle, or a name that nothing defines; only here, on the way to an error, is time spent on which. */
#include "runtime/onnx_load.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Index of the node that puts out `name`; `count` when none does. */
static size_t definer(const struct alt_onnx_body *body, const char *name)
{
    for (size_t i = 0; name[0] && i < body->count; i++)
        for (int o = 0; o < body->node[i].n_out; o++)
            if (strcmp(body->node[i].out[o], name) == 0)
                return i;
    return body->count;
}

/* A walk from nodes to those they read from, breadth first. */
struct walk {
    const struct alt_onnx_body *body;
    struct alt_strmap definer; /* name to node */
    size_t *queue;
    size_t *from; /* node that was walked from, plus 1; 0: not reached */
    size_t head, tail;
};

static alt_status walk_init(struct alt_onnx_load *ld, struct walk *walk, const struct alt_onnx_body *body)
{
    *walk = (struct walk){.body = body};
    alt_strmap_init(&walk->definer, ld->scratch);
    walk->queue = alt_arena_array(ld->scratch, body->count, sizeof *walk->queue);
    walk->from = alt_arena_array(ld->scratch, body->count, sizeof *walk->from);
    if (!walk->queue || !walk->from)
        return alt_onnx_nomem(ld);
    for (size_t i = 0; i < body->count; i++)
        for (int o = 0; o < body->node[i].n_out; o++)
            if (body->node[i].out[o][0] && !alt_strmap_set(&walk->definer, body->node[i].out[o], &body->node[i]))
                return alt_onnx_nomem(ld);
    return ALT_OK;
}

/* Walks from `start` until `goal` is reached: then start reads, through others, what goal makes. */
static bool reaches(struct walk *walk, size_t start, size_t goal)
{
    walk->queue[walk->tail++] = start;
    walk->from[start] = start + 1;
    while (walk->head < walk->tail && !walk->from[goal]) {
        size_t at = walk->queue[walk->head++];
        const struct alt_onnx_node *node = &walk->body->node[at];
        for (int i = 0; i < node->n_in; i++) {
            const struct alt_onnx_node *next = alt_strmap_get(&walk->definer, node->in[i]);
            if (!next || walk->from[next - walk->body->node])
                continue;
            walk->from[next - walk->body->node] = at + 1;
            walk->queue[walk->tail++] = (size_t)(next - walk->body->node);
        }
    }
    return walk->from[goal] != 0;
}

/* Appends a node to the text of a cycle. */
static void append_node(char *text, size_t size, const struct alt_onnx_node *node)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s\"%.100s\" (%.40s)", used ? ", " : "", alt_onnx_node_name(node), node->op_type);
}

/* ALT_E_MODEL naming the nodes of the cycle when node `at` lies on one with `other`, whose output it reads. */
static alt_status explain_cycle(struct alt_onnx_load *ld, const struct alt_onnx_body *body, size_t at, size_t other)
{
    struct walk walk;
    char text[1024] = "";
    ALT_CHECK(walk_init(ld, &walk, body));
    if (!reaches(&walk, other, at))
        return ALT_OK;
    for (size_t i = at;; i = walk.from[i] - 1) {
        append_node(text, sizeof text, &body->node[i]);
        if (i == other)
            break;
    }
    return alt_diag_add(ld->diag, ALT_E_MODEL, "nodes form a cycle, each reading what the one before it makes: %s", text);
}

alt_status alt_onnx_undefined(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope, const char *name)
{
    const struct alt_onnx_scope *where = scope;
    size_t other = 0;
    for (; where; where = where->parent) {
        other = where->body ? definer(where->body, name) : 0;
        if (where->body && other < where->body->count)
            break;
    }
    bool reads = scope->body && scope->at < scope->body->count;
    const struct alt_onnx_node *node = reads ? &scope->body->node[scope->at] : NULL;
    if (!where)
        return alt_diag_add(ld->diag, ALT_E_MODEL, "%s \"%.200s\"%s%.60s%s: nothing defines the name \"%.200s\"",
                            node ? "node" : "graph", node ? alt_onnx_node_name(node) : scope->build->graph->name,
                            node ? " (" : "", node ? node->op_type : "", node ? ")" : "", name);
    if (node && where == scope)
        ALT_CHECK(explain_cycle(ld, where->body, where->at, other));
    const struct alt_onnx_node *maker = &where->body->node[other];
    return alt_diag_add(ld->diag, ALT_E_MODEL,
                        "%s \"%.200s\" reads \"%.200s\", which node \"%.200s\" (%.60s) defines only later; ONNX wants nodes in "
                        "topological order",
                        node ? "node" : "graph", node ? alt_onnx_node_name(node) : scope->build->graph->name, name,
                        alt_onnx_node_name(maker), maker->op_type);
}
