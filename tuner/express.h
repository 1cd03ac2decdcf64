/* express.h: between graph regions and the flat descriptors that code is generated from. jit/ knows no ONNX; this does. */
#ifndef ALT_TUNER_EXPRESS_H
#define ALT_TUNER_EXPRESS_H

#include "jit/desc.h"
#include "runtime/region.h"

/* A region as its descriptor says it, with the values that the kernel's operands are. */
struct alt_expressed {
    struct alt_desc desc;
    const struct alt_gvalue *in[ALT_DESC_MAX_OPERANDS]; /* in the kernel's order */
    int n_in;
    const struct alt_gvalue *out;
};

/* The concrete shape of a value in the runs that matter; false when it is not known. */
typedef bool alt_shape_fn(void *context, const struct alt_gvalue *value, struct alt_shape *out);

/* True when code can be generated for the region at that shape. */
bool alt_express_region(const struct alt_region *region, alt_shape_fn *shape, void *context, struct alt_expressed *out);

/* A graph that computes what the descriptor says with ordinary nodes: its operands that are not constant as inputs named
 * "x" (or "a"), "b", "add", the constant ones filled with numbers drawn from `seed` (uniform in [-1,1), scaled so that results stay about 1).
 * ALT_E_NOMEM, ALT_E_UNSUPPORTED. */
alt_status alt_express_graph(const struct alt_desc *desc, uint64_t seed, struct alt_arena *arena,
                             struct alt_dimtab *dims, struct alt_graph **out);

#endif
