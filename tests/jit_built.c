/* jit_built.c: see jit_built.h. */
#include "tests/jit_built.h"

#include "jit/gcc.h"
#include "jit/nest.h"
#include "tests/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void jit_built_open(struct jit_built *b, struct jit_case *c, enum alt_isa isa)
{
    struct alt_gcc_unit unit[ALT_VARIANT_MOST];
    struct alt_variant list[ALT_VARIANT_MOST];
    struct alt_diag diag = {0};

    memset(b, 0, sizeof *b);
    strcpy(b->folder, "/tmp/alt-jit-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof b->path, "%s/kernels.so", b->folder);
    b->n = alt_variant_list(&c->desc, isa, list);
    for (int i = 0; i < b->n; i++) {
        struct alt_nest *nest;
        b->spec[i] = (struct alt_code_spec){c->desc, list[i], isa};
        assert_int_equal(alt_variant_nest(&c->desc, &list[i], isa, &c->arena, &nest), ALT_OK);
        unit[i].nest = nest;
        assert_int_equal(alt_code_tag(&b->spec[i], &c->mem, &unit[i].tag), ALT_OK);
    }
    if (alt_gcc_build(unit, b->n, isa, b->path, &diag) != ALT_OK)
        fail_msg("not built: %s", diag.text ? diag.text : "");
    for (int i = 0; i < b->n; i++)
        if (alt_code_load(b->path, i, &b->spec[i], &c->mem, &b->code[i], &diag) != ALT_OK)
            fail_msg("not loaded: %s", diag.text ? diag.text : "");
    alt_diag_clear(&diag);
}

void jit_built_close(struct jit_built *b)
{
    for (int i = 0; i < b->n; i++)
        alt_code_release(b->code[i]);
    assert_int_equal(unlink(b->path), 0);
    assert_int_equal(rmdir(b->folder), 0); /* nothing else was left behind */
}

alt_status jit_call_open(struct jit_call *call, struct jit_memory *m, const struct alt_code *code)
{
    const struct alt_code_spec *spec = alt_code_spec(code);
    const struct alt_layout *layout[ALT_DESC_MAX_OPERANDS];
    const int n = m->c->n;

    memset(call, 0, sizeof *call);
    assert_int_equal(alt_variant_layouts(&spec->desc, &spec->variant, &m->c->arena, layout), ALT_OK);
    for (int i = 0; i < n; i++) {
        const struct jit_operand *o = &m->c->operand[i];
        struct alt_operand *op = &call->op[i];
        *op = (struct alt_operand){
            .dtype = ALT_FLOAT32, .rank = o->rank, .layout = layout[i], .phys_rank = m->map[i].phys_rank};
        memcpy(op->dim, o->dim, sizeof op->dim);
        memcpy(op->extent, m->map[i].phys_extent, sizeof op->extent);
        alt_dense_strides(op->phys_rank, op->extent, op->stride);
        call->karg[i] = (struct alt_koperand){m->data[i], op->phys_rank, op->extent, op->stride};
    }
    const struct alt_kernel *kernel = alt_code_kernel(code);
    call->bind = (struct alt_kernel_bind){
        .kernel = kernel, .n_in = n - 1, .n_out = 1, .in = call->op, .out = &call->op[n - 1], .range = 1,
        .arena = &m->c->arena};
    const alt_status status = (alt_status)kernel->bind(&call->bind);
    call->scratch = kc_block_make(call->bind.scratch, ALT_ALIGN, true, 0xff);
    return status;
}

void jit_call_close(struct jit_call *call)
{
    assert_true(kc_block_sound(&call->scratch));
    kc_block_free(&call->scratch);
}

void jit_call_run(const struct jit_call *call, const struct alt_code *code, int64_t begin, int64_t end)
{
    const struct alt_kargs args = {.abi = ALT_KERNEL_ABI,
                                   .operand_count = (uint32_t)call->bind.n_in + 1,
                                   .operand = call->karg,
                                   .extent = call->bind.extent,
                                   .begin = begin,
                                   .end = end,
                                   .scratch = call->scratch.data};
    alt_code_kernel(code)->fn(&args);
}
