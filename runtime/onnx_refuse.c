/* onnx_refuse.c: the list of nodes that alt cannot run. A person who brings a model wants all of them at once, so reading
 * goes on behind each; the list ends in ALT_E_UNSUPPORTED. */
#include "runtime/onnx_load.h"

#include <inttypes.h>
#include <stdio.h>

alt_status alt_onnx_refuse(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope, const struct alt_onnx_node *node,
                           int64_t opset, const char *reason)
{
    struct alt_onnx_refusals *r = &ld->refusals;
    const struct alt_graph *g = scope->build->graph;
    const char *domain = node->domain[0] ? node->domain : "ai.onnx";
    char version[40] = "which is not imported";
    const char *where = "", *graph = "", *function = "", *path = "";
    if (r->count >= ALT_ONNX_REFUSALS) {
        r->count++;
        return ALT_OK;
    }
    if (scope->build->parent) {
        where = ", in subgraph ";
        graph = g->name[0] ? g->name : "without a name";
    }
    if (scope->frame) {
        function = ", in function call ";
        path = scope->frame->path;
    }
    if (opset)
        snprintf(version, sizeof version, "opset %" PRId64, opset);
    const char *line = alt_arena_printf(ld->scratch, "node \"%.200s\" (%.100s, domain %.100s, %s): %s%s%.100s%s%.100s",
                                        alt_onnx_node_name(node), node->op_type, domain, version, reason, where, graph,
                                        function, path);
    if (!line)
        return alt_onnx_nomem(ld);
    r->line[r->count++] = line;
    return ALT_OK;
}

alt_status alt_onnx_refusals_report(struct alt_onnx_load *ld)
{
    const struct alt_onnx_refusals *r = &ld->refusals;
    if (r->count == 0)
        return ALT_OK;
    alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "alt cannot run %zu of the model's nodes:", r->count);
    for (size_t i = 0; i < r->count && i < ALT_ONNX_REFUSALS; i++)
        alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "%s", r->line[i]);
    if (r->count > ALT_ONNX_REFUSALS)
        alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "and %zu more", r->count - ALT_ONNX_REFUSALS);
    return ALT_E_UNSUPPORTED;
}
