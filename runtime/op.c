/* op.c: the operator table, made from op.def. */
#include "runtime/op.h"

#include <string.h>

#define ALT_OP(id, name, domain, first, last, min_in, max_in, min_out, max_out, flags, impl) \
    extern const struct alt_op_impl alt_op_##impl;
#include "runtime/op.def"
#undef ALT_OP

const struct alt_op_info alt_op_table[ALT_OP_COUNT] = {
#define ALT_OP(id, name, domain, first, last, min_in, max_in, min_out, max_out, flags, impl) \
    {name, domain, first, last, min_in, max_in, min_out, max_out, flags, &alt_op_##impl},
#include "runtime/op.def"
#undef ALT_OP
};

enum alt_op alt_op_find(const char *name, const char *domain)
{
    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    for (int i = 0; i < ALT_OP_COUNT; i++)
        if (strcmp(alt_op_table[i].name, name) == 0 && strcmp(alt_op_table[i].domain, domain) == 0)
            return (enum alt_op)i;
    return ALT_OP_COUNT;
}
