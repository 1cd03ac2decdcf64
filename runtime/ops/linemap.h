/* linemap.h: operators that replace each line of a floating-point tensor by another of the same length.
 *
 * A line is brought to float32 (float64 for float64) in the output itself when that is dense and of this type, else in the
 * thread's scratch, changed in place by the family's function, and stored. The parallel loop runs over groups of lines.
 */
#ifndef ALT_RUNTIME_OPS_LINEMAP_H
#define ALT_RUNTIME_OPS_LINEMAP_H

#include "runtime/ops/lines.h"

struct alt_linemap;

/* One line on its way. */
struct alt_line {
    void *x;        /* lines.length dense elements of map->wide, to be changed in place */
    const void *from; /* the elements: x, or, where map->apart, maybe the input, and x is still to be written */
    int64_t n;      /* lines.length; may be 0 */
    int64_t index;  /* of the line */
    char *spare;    /* map->spare_lines further lines of scratch; kept from line to line of one tile */
    bool first;     /* of its tile: nothing is in `spare` yet */
    const struct alt_kargs *args;
};
typedef void alt_line_fn(const struct alt_linemap *map, struct alt_line *line);

struct alt_linemap {
    struct alt_lines lines;
    alt_line_fn *fn;
    enum alt_wide wide;
    size_t in_size, size, wide_size; /* bytes of an element of the input, of the output, of a line */
    alt_load_fn *load;
    alt_store_fn *store;
    bool direct; /* lines are changed in the output */
    bool apart;  /* the function can read elements that lie elsewhere */
    int in, out; /* operands of the kernel */
    int64_t spare_lines, lines_a_tile;
    const void *param; /* of the family */
};

/* Prepares the map of input 0 to output 0 over the box's axes in `mask`; `cost` operations an element. The caller allocates
 * the map, sets fn, param, spare_lines and apart, and fills further operands of the box. */
int alt_linemap_bind(struct alt_kernel_bind *bind, struct alt_linemap *map, const struct alt_line_box *box, unsigned mask,
                     double cost);
/* The kernel function. */
void alt_linemap_run(const struct alt_kargs *args);

#endif
