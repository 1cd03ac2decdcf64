/* jit_case.h: a region with random operands, what plain loops make of them, and memory laid out for one variant: inputs
 * end where a page that cannot be touched begins, positions of layouts that hold no element are NaN. */
#ifndef ALT_TESTS_JIT_CASE_H
#define ALT_TESTS_JIT_CASE_H

#include "jit/desc.h"
#include "jit/variant.h"
#include "runtime/layout.h"
#include "runtime/mem.h"
#include "tests/kernel_check_memory.h"

struct jit_operand {
    enum alt_desc_role role;
    int rank;
    int64_t dim[ALT_MAX_RANK];
    int64_t count;
    float *value; /* logical order; of the output: what is expected */
};

struct jit_case {
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_desc desc, at; /* `at`: what the operands are, where `desc` leaves an extent open */
    int64_t any;              /* that extent, from 1 to twice the typical one */
    int n;
    struct jit_operand operand[ALT_DESC_MAX_OPERANDS];
    bool fused; /* of the expected values */
};

/* From a descriptor's text; the last operand is computed by plain loops, fused or not. */
void jit_case_open(struct jit_case *c, const char *text, uint64_t seed, bool fused);
void jit_case_close(struct jit_case *c);

/* The operands laid out for a variant. */
struct jit_memory {
    struct jit_case *c;
    struct alt_layout_map map[ALT_DESC_MAX_OPERANDS];
    struct kc_block block[ALT_DESC_MAX_OPERANDS];
    void *data[ALT_DESC_MAX_OPERANDS];
};
void jit_memory_open(struct jit_memory *m, struct jit_case *c, const struct alt_variant *v);
void jit_memory_close(struct jit_memory *m);
/* The output's bits against what is expected, and whether memory around it is whole. Fails the test, naming `what`. */
void jit_memory_check(struct jit_memory *m, const char *what);
/* Overwrites the output. */
void jit_memory_spoil(struct jit_memory *m);

#endif
