/* jit_built.h: variants of a region, compiled and loaded in a folder of their own. */
#ifndef ALT_TESTS_JIT_BUILT_H
#define ALT_TESTS_JIT_BUILT_H

#include "jit/code.h"
#include "runtime/step.h"
#include "tests/jit_case.h"

struct jit_built {
    char folder[64], path[128];
    int n;
    struct alt_code_spec spec[ALT_VARIANT_MOST];
    struct alt_code *code[ALT_VARIANT_MOST];
};
/* Every listed variant of the case, in one object. */
void jit_built_open(struct jit_built *b, struct jit_case *c, enum alt_isa isa);
void jit_built_close(struct jit_built *b);

/* The operands of `m` as a kernel's binder and its function see them. */
struct jit_call {
    struct alt_operand op[ALT_DESC_MAX_OPERANDS];
    struct alt_koperand karg[ALT_DESC_MAX_OPERANDS];
    struct alt_kernel_bind bind;
    struct kc_block scratch; /* what the binding asks for, all NaN */
};
/* Binds; returns the status. Closed in every case. */
alt_status jit_call_open(struct jit_call *call, struct jit_memory *m, const struct alt_code *code);
void jit_call_close(struct jit_call *call);
/* Tiles [begin, end). */
void jit_call_run(const struct jit_call *call, const struct alt_code *code, int64_t begin, int64_t end);

#endif
