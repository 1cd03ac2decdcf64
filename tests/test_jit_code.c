/* test_jit_code.c: generated code: its bits against plain loops for all listed variants, levels of this machine and
 * ragged shapes, in memory whose ends cannot be touched; what it needs from outside (nothing); what loading and binding
 * refuse. */
#include "jit/gcc.h"
#include "jit/nest.h"
#include "tests/cmocka_all.h"
#include "tests/jit_built.h"
#include "tests/jit_shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_built(struct jit_case *c, struct jit_built *b, const char *shape)
{
    for (int i = 0; i < b->n; i++) {
        char what[512], text[256];
        struct jit_memory m;
        struct jit_call call;
        alt_variant_print(&b->spec[i].variant, text, sizeof text);
        snprintf(what, sizeof what, "%s / %s / %s", shape, alt_isa_name(b->spec[i].isa), text);
        jit_memory_open(&m, c, &b->spec[i].variant);
        assert_int_equal(jit_call_open(&call, &m, b->code[i]), ALT_OK);
        const int64_t range = call.bind.range;
        assert_true(range >= 1 && call.bind.flops >= 1);
        jit_call_run(&call, b->code[i], range / 2, range);
        jit_call_run(&call, b->code[i], 0, range / 2);
        jit_call_run(&call, b->code[i], range, range); /* nothing to do is fine */
        jit_memory_check(&m, what);
        jit_call_close(&call);
        jit_memory_close(&m);
    }
}

static void compiled_agrees_bit_for_bit(void **state)
{
    (void)state;
    for (int i = 0; i < JIT_SHAPES; i++)
        for (int isa = 0; isa <= (int)alt_cpu_isa(); isa++) {
            struct jit_case c;
            struct jit_built b;
            jit_case_open(&c, jit_shapes[i], 100 + (uint64_t)i, alt_isa_vector((enum alt_isa)isa).fused);
            jit_built_open(&b, &c, (enum alt_isa)isa);
            check_built(&c, &b, jit_shapes[i]);
            jit_built_close(&b);
            jit_case_close(&c);
        }
}

static void needs_nothing_from_outside(void **state)
{
    (void)state;
    struct jit_case c;
    struct jit_built b;
    char command[512], line[256] = "";
    jit_case_open(&c, jit_shapes[4], 1, true);
    for (int isa = 0; isa <= (int)alt_cpu_isa(); isa++) {
        jit_built_open(&b, &c, (enum alt_isa)isa);
        snprintf(command, sizeof command, "nm -u %s && readelf -S %s | grep -E 'init|fini|tbss|tdata|ctors' ; echo end",
                 b.path, b.path);
        FILE *f = popen(command, "r");
        assert_non_null(f);
        assert_non_null(fgets(line, sizeof line, f));
        assert_string_equal(line, "end\n");
        assert_int_equal(pclose(f), 0);
        jit_built_close(&b);
    }
    jit_case_close(&c);
}

static void loading_refuses(void **state)
{
    (void)state;
    struct jit_case c;
    struct jit_built b;
    struct alt_code *code = NULL;
    jit_case_open(&c, jit_shapes[10], 1, true);
    jit_built_open(&b, &c, ALT_ISA_BASE);
    assert_true(b.n >= 2);
    assert_int_equal(alt_code_load(b.path, 1, &b.spec[0], &c.mem, &code, NULL), ALT_E_MALFORMED); /* another's tag */
    assert_int_equal(alt_code_load(b.path, b.n, &b.spec[0], &c.mem, &code, NULL), ALT_E_MALFORMED);
    assert_int_equal(alt_code_load("/nowhere.so", 0, &b.spec[0], &c.mem, &code, NULL), ALT_E_MALFORMED);
    struct alt_code_spec other = b.spec[0];
    other.desc.product.m++;
    assert_int_equal(alt_code_load(b.path, 0, &other, &c.mem, &code, NULL), ALT_E_MALFORMED);
    other = b.spec[0];
    other.variant.rows = 1000;
    assert_int_equal(alt_code_load(b.path, 0, &other, &c.mem, &code, NULL), ALT_E_ILLEGAL);
    assert_null(code);
    jit_built_close(&b);
    jit_case_close(&c);
}

static void binding_refuses(void **state)
{
    (void)state;
    struct jit_case c;
    struct jit_built b;
    struct jit_memory m;
    struct jit_call call;
    jit_case_open(&c, jit_shapes[3], 1, true);
    jit_built_open(&b, &c, ALT_ISA_BASE);
    jit_memory_open(&m, &c, &b.spec[0].variant);
    assert_int_equal(jit_call_open(&call, &m, b.code[0]), ALT_OK);
    const struct alt_kernel *kernel = alt_code_kernel(b.code[0]);
    for (int i = 0; i < c.n; i++) {
        const struct alt_operand kept = call.op[i];
        call.op[i].dim[0]++;
        assert_int_equal(kernel->bind(&call.bind), ALT_E_ILLEGAL);
        call.op[i] = kept;
        call.op[i].dtype = ALT_FLOAT64;
        assert_int_equal(kernel->bind(&call.bind), ALT_E_ILLEGAL);
        call.op[i] = kept;
        assert_int_equal(alt_layout_blocked(&c.arena, kept.rank, 0, 32, &call.op[i].layout), ALT_OK);
        assert_int_equal(kernel->bind(&call.bind), ALT_E_ILLEGAL);
        call.op[i] = kept;
    }
    call.bind.n_in--;
    assert_int_equal(kernel->bind(&call.bind), ALT_E_ILLEGAL);
    call.bind.n_in++;
    assert_int_equal(kernel->bind(&call.bind), ALT_OK);
    jit_call_close(&call);
    jit_memory_close(&m);
    jit_built_close(&b);
    jit_case_close(&c);
}

/* A reference more keeps the code after the first owner has let go. */
static void references_keep_code(void **state)
{
    (void)state;
    struct jit_case c;
    struct jit_built b;
    struct jit_memory m;
    struct jit_call call;
    jit_case_open(&c, jit_shapes[9], 1, false);
    jit_built_open(&b, &c, ALT_ISA_BASE);
    jit_memory_open(&m, &c, &b.spec[0].variant);
    struct alt_code *held = alt_code_hold(b.code[0]);
    jit_built_close(&b);
    assert_int_equal(jit_call_open(&call, &m, held), ALT_OK);
    jit_call_run(&call, held, 0, call.bind.range);
    jit_memory_check(&m, "after the first release");
    alt_code_release(held);
    alt_code_release(NULL);
    jit_call_close(&call);
    jit_memory_close(&m);
    jit_case_close(&c);
}

/* A file that exists may be mapped somewhere: it is not written. */
static void objects_are_not_overwritten(void **state)
{
    (void)state;
    struct jit_case c;
    struct jit_built b;
    struct alt_nest *nest;
    jit_case_open(&c, jit_shapes[9], 1, false);
    jit_built_open(&b, &c, ALT_ISA_BASE);
    assert_int_equal(alt_variant_nest(&c.desc, &b.spec[0].variant, ALT_ISA_BASE, &c.arena, &nest), ALT_OK);
    assert_int_equal(alt_gcc_build(&(struct alt_gcc_unit){nest, 1}, 1, ALT_ISA_BASE, b.path, NULL), ALT_E_SYSTEM);
    jit_built_close(&b);
    jit_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_nothing_from_outside),
        cmocka_unit_test(loading_refuses),
        cmocka_unit_test(binding_refuses),
        cmocka_unit_test(references_keep_code),
        cmocka_unit_test(objects_are_not_overwritten),
        cmocka_unit_test(compiled_agrees_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
