/* test_variant.c: every listed variant of every instruction set, interpreted, against plain loops; the text of
 * variants; what is refused. */
#include "jit/nest.h"
#include "jit/variant.h"
#include "tests/cmocka_all.h"
#include "tests/jit_case.h"
#include "tests/jit_shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The nest, its text read back, both run in two pieces. */
static void check_variant(struct jit_case *c, enum alt_isa isa, const struct alt_variant *v, const char *what)
{
    struct alt_nest *nest, *again;
    struct alt_nest_range range;
    struct jit_memory m;

    if (alt_variant_nest(&c->desc, v, isa, &c->arena, &nest) != ALT_OK)
        fail_msg("%s: no nest", what);
    const size_t length = alt_nest_print(nest, NULL, 0);
    char *text = alt_arena_alloc(&c->arena, length + 1), *second = alt_arena_alloc(&c->arena, length + 1);
    assert_int_equal(alt_nest_print(nest, text, length + 1), length);
    if (alt_nest_parse(&c->arena, text, &again) != ALT_OK)
        fail_msg("%s: does not read back:\n%s", what, text);
    assert_int_equal(alt_nest_print(again, second, length + 1), length);
    assert_string_equal(text, second);
    assert_int_equal(alt_nest_verify(again, NULL), ALT_OK);

    alt_nest_range(again, &range);
    jit_memory_open(&m, c, v);
    struct kc_block scratch = kc_block_make(alt_nest_scratch(again, NULL), ALT_NEST_ALIGN, true, 0xff);
    const int64_t tiles = alt_nest_tiles(&range, c->any);
    alt_nest_run(again, m.data, scratch.data, c->any, tiles / 3, tiles);
    memset(scratch.data, 0xff, scratch.bytes); /* nothing is handed from tile to tile */
    alt_nest_run(again, m.data, scratch.data, c->any, 0, tiles / 3);
    jit_memory_check(&m, what);
    assert_true(kc_block_sound(&scratch));
    kc_block_free(&scratch);
    jit_memory_close(&m);
}

static void interpreted_agrees_with_plain_loops(void **state)
{
    (void)state;
    for (int i = 0; i < JIT_SHAPES; i++)
        for (int isa = 0; isa < ALT_ISA_COUNT; isa++) {
            struct alt_variant list[ALT_VARIANT_MOST];
            struct jit_case c;
            jit_case_open(&c, jit_shapes[i], (uint64_t)i + 1, alt_isa_vector((enum alt_isa)isa).fused);
            const int n = alt_variant_list(&c.desc, (enum alt_isa)isa, list);
            assert_true(n >= 1);
            for (int k = 0; k < n; k++) {
                char what[512], text[256];
                alt_variant_print(&list[k], text, sizeof text);
                snprintf(what, sizeof what, "%s / %s / %s", jit_shapes[i], alt_isa_name((enum alt_isa)isa), text);
                check_variant(&c, (enum alt_isa)isa, &list[k], what);
            }
            jit_case_close(&c);
        }
}

static void text_reads_back(void **state)
{
    (void)state;
    struct alt_variant list[ALT_VARIANT_MOST];
    struct alt_desc d;
    assert_int_equal(alt_desc_parse(jit_shapes[1], &d), ALT_OK);
    const int n = alt_variant_list(&d, ALT_ISA_AVX512, list);
    assert_true(n >= 6);
    for (int i = 0; i < n; i++) {
        char text[256];
        struct alt_variant again;
        assert_true(alt_variant_print(&list[i], text, sizeof text) < sizeof text);
        assert_int_equal(alt_variant_parse(text, &again), ALT_OK);
        assert_true(alt_variant_equal(&list[i], &again));
        for (int k = 0; k < i; k++)
            assert_false(alt_variant_equal(&list[i], &list[k]));
    }
    struct alt_variant v;
    assert_int_equal(alt_variant_parse("in=plain", &v), ALT_E_MALFORMED);
    assert_int_equal(
        alt_variant_parse("in=plain w=blocked0 out=plain lanes=16 tile=1x1 unroll=1 order=data prefetch=none", &v),
        ALT_E_MALFORMED);
    assert_int_equal(
        alt_variant_parse("in=plain w=blocked8 out=plain lanes=16 tile=1x1 unroll=1 order=date prefetch=none", &v),
        ALT_E_MALFORMED);
}

static void refuses(const char *desc, const char *variant)
{
    struct alt_desc d;
    struct alt_variant v;
    assert_int_equal(alt_desc_parse(desc, &d), ALT_OK);
    assert_int_equal(alt_variant_parse(variant, &v), ALT_OK);
    if (alt_variant_check(&d, ALT_ISA_AVX512, &v) != ALT_E_ILLEGAL)
        fail_msg("%s was not refused for %s", variant, desc);
}

static void illegal_variants_are_refused(void **state)
{
    (void)state;
    const char *conv = jit_shapes[1], *product = "product f32 batch=1 m=4 k=4 n=4 b=kn";
    refuses(
        conv,
        "in=plain w=blocked16 out=plain lanes=8 tile=4x2 unroll=1 order=data prefetch=none"); /* not this ISA's lanes */
    refuses(conv,
            "in=plain w=blocked16 out=plain lanes=16 tile=15x2 unroll=1 order=data prefetch=none"); /* registers */
    refuses(conv,
            "in=plain w=plain out=plain lanes=16 tile=4x2 unroll=1 order=data prefetch=none"); /* weights are packed */
    refuses(conv, "in=blocked8 w=blocked16 out=plain lanes=16 tile=4x2 unroll=1 order=data prefetch=none");
    refuses(conv, "in=plain w=blocked16 out=blocked32 lanes=16 tile=4x2 unroll=1 order=data prefetch=none");
    refuses(conv, "in=plain w=blocked16 out=plain lanes=16 tile=4x2 unroll=9 order=data prefetch=none");
    refuses(product,
            "in=plain w=blocked32 out=plain lanes=16 tile=4x2 unroll=1 order=data prefetch=none"); /* not constant */
    refuses("product f32 batch=1 m=4 k=4 n=4 b=kn,const",
            "in=plain w=blocked32 out=plain lanes=16 tile=4x2 unroll=1 order=data prefetch=panel");
    refuses(product, "in=plain w=plain out=plain lanes=16 tile=4x2 unroll=1 order=weights prefetch=panel");
    refuses(conv, "in=plain w=blocked16 out=plain lanes=16 tile=4x2 unroll=1 order=weights prefetch=panel");
    refuses("product f32 batch=1 m=4 k=4 n=4 b=nk",
            "in=plain w=plain out=plain lanes=16 tile=4x2 unroll=1 order=data prefetch=none");
    refuses("product f32 batch=1 m=4 k=4 n=4 b=kn,const",
            "in=plain w=blocked16 out=plain lanes=16 tile=4x2 unroll=1 order=data prefetch=none");
    struct alt_variant list[ALT_VARIANT_MOST];
    struct alt_desc d;
    assert_int_equal(alt_desc_parse("product f32 batch=1 m=4 k=4 n=4 b=nk", &d), ALT_OK);
    assert_int_equal(alt_variant_list(&d, ALT_ISA_AVX512, list), 0);
}

/* A shape that a model might really have: the nest is made without trouble and its first guess is sensible. */
static void large_shapes_have_nests(void **state)
{
    (void)state;
    static const char *const large[] = {
        "conv f32 n=1 c=64 i=56x56 o=64 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +relu",
        "conv f32 n=64 c=2048 i=7x7 o=1000 k=1x1 s=1x1 p=0,0,0,0 d=1x1",
        "conv f32 n=1 c=512 i=1x2147483 o=512 k=1x129 s=1x1 p=0,64,0,64 d=1x1 +bias",
        "product f32 batch=1 m=128 k=768 n=3072 b=kn,const +bias",
        "product f32 batch=1 m=1 k=4096 n=128000 b=nk,const",
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        for (int isa = 0; isa < ALT_ISA_COUNT; isa++) {
            struct alt_mem mem;
            struct alt_arena arena;
            struct alt_desc d;
            struct alt_variant list[ALT_VARIANT_MOST];
            alt_mem_init(&mem, NULL, 0);
            alt_arena_init(&arena, &mem);
            assert_int_equal(alt_desc_parse(large[i], &d), ALT_OK);
            const int n = alt_variant_list(&d, (enum alt_isa)isa, list);
            assert_true(n >= 3);
            for (int k = 0; k < n; k++) {
                struct alt_nest *nest;
                assert_int_equal(alt_variant_nest(&d, &list[k], (enum alt_isa)isa, &arena, &nest), ALT_OK);
            }
            alt_arena_free(&arena);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_reads_back),
        cmocka_unit_test(illegal_variants_are_refused),
        cmocka_unit_test(large_shapes_have_nests),
        cmocka_unit_test(interpreted_agrees_with_plain_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
