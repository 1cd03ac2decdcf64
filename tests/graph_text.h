/* graph_text.h: graphs written as text, for golden tests of passes.
 *
 *   input x float32[n,3]             extents may be names
 *   const c float32[2] 1 -0.0        one number stands for all elements
 *   a, _ = Split-13(x, c, _) axis=1  operator, opset, operands ("_": omitted), attributes: ints, floats (with a point), strings
 *                                    ("..."), lists of ints ([..])
 *   output a
 */
#ifndef ALT_TESTS_GRAPH_TEXT_H
#define ALT_TESTS_GRAPH_TEXT_H

#include "runtime/error.h"
#include "runtime/graph.h"

struct graph_text {
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab dims;
    struct alt_graph *graph;
    struct alt_diag diag;
    char printed[1 << 14];
};

/* Reads `text`; a fault in it fails the test. `hooks` NULL: malloc. ALT_E_NOMEM when `hooks` refuses. */
alt_status graph_text_open(struct graph_text *t, const alt_allocator *hooks, const char *text);
void graph_text_close(struct graph_text *t);
/* The graph as alt_graph_print shows it, without the line that names the graph and the last one. */
const char *graph_text_print(struct graph_text *t);

#endif
