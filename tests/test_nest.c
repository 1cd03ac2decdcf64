/* test_nest.c: nests: text both ways, hostile text, what the verifier refuses and accepts, what statements mean. */
#include "jit/nest.h"
#include "jit/variant.h"
#include "runtime/mem.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct alt_mem mem;
static struct alt_arena arena;

static int open_arena(void **state)
{
    (void)state;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    alt_arena_free(&arena);
    return 0;
}

/* Every kind of statement, in canonical form. */
static const char whole[] = "nest f32x4 fused registers=16\n"
                            "in x[7,12]\n"
                            "in w[3,5]\n"
                            "out y[8,3,6]\n"
                            "tile acc[2,3]\n"
                            "tile wv[2]\n"
                            "parallel p 4 {\n"
                            "  parallel q 3 {\n"
                            "    zero acc[0,1]\n"
                            "    serial s 5 {\n"
                            "      when 0 <= 2*p-s+1 < 7 {\n"
                            "        unrolled i 2 {\n"
                            "          splat wv[i] = x[2*p-s+1,2*s+i]\n"
                            "          load acc[i,2] = w[q,1] lanes=3\n"
                            "          fma acc[i,0] += wv[i] * acc[i,2]\n"
                            "        }\n"
                            "      } else {\n"
                            "        add acc[1,1] += wv[0]\n"
                            "      }\n"
                            "    }\n"
                            "    prefetch x[6,p]\n"
                            "    max acc[0,0] 0x00000000\n"
                            "    min acc[0,0] 0x40c00000\n"
                            "    store y[2*p,q,0] = acc[0,0]\n"
                            "    store y[2*p,q,5] = acc[0,0] lanes=2 axis=0\n"
                            "  }\n"
                            "}\n";

static struct alt_nest *parse(const char *text)
{
    struct alt_nest *nest = NULL;
    const alt_status status = alt_nest_parse(&arena, text, &nest);
    if (status != ALT_OK)
        fail_msg("%s:\n%s", alt_status_name(status), text);
    return nest;
}

static void text_reads_back(void **state)
{
    (void)state;
    char out[2048];
    const struct alt_nest *nest = parse(whole);
    assert_int_equal(alt_nest_print(nest, out, sizeof out), strlen(whole));
    assert_string_equal(out, whole);
    assert_int_equal(alt_nest_verify(nest, NULL), ALT_OK);
    assert_int_equal(alt_nest_print(nest, out, 9), strlen(whole));
    assert_string_equal(out, "nest f32");
}

static void other_text_is_malformed(void **state)
{
    (void)state;
    static const char *const text[] = {
        "",
        "nest",
        "nest f32x4",
        "nest f32x4 fused registers=65",
        "nest f32x32 fused registers=4",
        "nest f32x4 fused registers=4\nin x[]",
        "nest f32x4 fused registers=4\nin x[1]\nin x[2]",
        "nest f32x4 fused registers=4\nin x[1,1,1,1,1,1,1,1,1]",
        "nest f32x4 fused registers=4\nin longerthantwelve[1]",
        "nest f32x4 fused registers=4\ntile t[1]\nzero u[0]",
        "nest f32x4 fused registers=4\ntile t[1]\nzero t[i]",
        "nest f32x4 fused registers=4\ntile t[1]\nzero t[0,0]",
        "nest f32x4 fused registers=4\nserial i 2 { serial i 2 { } }",
        "nest f32x4 fused registers=4\nserial i 2 {",
        "nest f32x4 fused registers=4\nserial i 2 { } }",
        "nest f32x4 fused registers=4\nfor i 2 { }",
        "nest f32x4 fused registers=4\nserial i 9223372036854775808 { }",
        "nest f32x4 fused registers=4\ntile t[1]\nmax t[0] 1.5",
        "nest f32x4 fused registers=4\nin x[s]", /* no symbol */
        "nest f32x4 fused registers=4\nserial i s { }",
        "nest f32x4 fused registers=4\nsymbol 0",
        "nest f32x4 fused registers=4\nsymbol 4\nserial i s/1 { }",
        "nest f32x4 fused registers=4\nsymbol 4\nin x[-1]",
        "nest f32x4 fused registers=4\ntile t[9]\nserial i 2 { zero t[9223372036854775807+9223372036854775807] }",
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct alt_nest *nest = NULL;
        if (alt_nest_parse(&arena, text[i], &nest) != ALT_E_MALFORMED || nest)
            fail_msg("not refused: %s", text[i]);
    }
}

static void deep_text_is_malformed(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *text = malloc(64 + DEPTH * 32);
    struct alt_nest *nest = NULL;
    assert_non_null(text);
    char *at = text + sprintf(text, "nest f32x4 fused registers=4\n");
    for (int i = 0; i < DEPTH; i++)
        at += sprintf(at, "when 0 <= 0 < 1 {\n");
    assert_int_equal(alt_nest_parse(&arena, text, &nest), ALT_E_MALFORMED);
    free(text);
}

/* One byte changed or the end cut off: a status; what still parses prints and verifies, or is refused, without harm. */
static void damaged_text_is_survived(void **state)
{
    (void)state;
    struct rng r = rng_seed(11);
    int parsed = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof whole], out[4096];
        struct alt_nest *nest, *again;
        struct alt_arena a;
        alt_arena_init(&a, &mem);
        memcpy(text, whole, sizeof whole);
        text[rng_range(&r, 0, sizeof whole - 2)] = "0123456789+-*,ipqs[]{} \n"[rng_range(&r, 0, 23)];
        if (rng_range(&r, 0, 9) == 0)
            text[rng_range(&r, 0, sizeof whole - 2)] = '\0';
        if (alt_nest_parse(&a, text, &nest) == ALT_OK) {
            parsed++;
            assert_true(alt_nest_print(nest, out, sizeof out) < sizeof out);
            assert_int_equal(alt_nest_parse(&a, out, &again), ALT_OK);
            const alt_status status = alt_nest_verify(nest, NULL);
            assert_int_equal(alt_nest_verify(again, NULL), status);
        }
        alt_arena_free(&a);
    }
    assert_true(parsed > 1000);
}

static alt_status parse_whole(const alt_allocator *hooks, void *context)
{
    (void)context;
    struct alt_mem m;
    struct alt_arena a;
    struct alt_nest *nest;
    alt_mem_init(&m, hooks, 0);
    alt_arena_init(&a, &m);
    const alt_status status = alt_nest_parse(&a, whole, &nest);
    alt_arena_free(&a);
    return status;
}

static alt_status build_variant(const alt_allocator *hooks, void *context)
{
    (void)context;
    struct alt_mem m;
    struct alt_arena a;
    struct alt_nest *nest;
    struct alt_desc d;
    struct alt_variant list[ALT_VARIANT_MOST];
    alt_mem_init(&m, hooks, 0);
    alt_arena_init(&a, &m);
    alt_status status = alt_desc_parse("conv f32 n=1 c=5 i=9x40 o=8 k=3x5 s=1x2 p=2,3,0,1 d=2x3 +bias +add", &d);
    assert_true(alt_variant_list(&d, ALT_ISA_AVX2, list) > 0);
    if (status == ALT_OK)
        status = alt_variant_nest(&d, &list[0], ALT_ISA_AVX2, &a, &nest);
    alt_arena_free(&a);
    return status;
}

static void survives_each_failure(void **state)
{
    (void)state;
    const char *why = NULL;
    assert_true(fail_alloc_sweep(parse_whole, NULL, &why) > 0);
    assert_null(why);
    assert_true(fail_alloc_sweep(build_variant, NULL, &why) > 1);
    assert_null(why);
}

/* ---- the verifier ---- */

struct refusal {
    const char *body, *why;
};

/* In a frame with x[7,12], z[1,s,4], y[8,4], scratch q[3,4], tiles t[2,2] and u[1] of 6 registers, 4 lanes. */
static const struct refusal refusals[] = {
    {"splat t[0,0] = x[7,0]", "index"},
    {"splat t[0,0] = x[-1,0]", "index"},
    {"load t[0,0] = x[0,9]", "index"},
    {"load t[0,0] = x[4,0] axis=0", "index"},
    {"serial i 8 { splat t[0,0] = x[i,0] }", "index"},
    {"serial i 8 { when 0 <= i < 8 { splat t[0,0] = x[i,0] } }", "index"},
    {"serial i 8 { when 0 <= i < 7 { } else { splat t[0,0] = x[i,0] } }", "index"},
    {"serial i 8 { when 0 <= i-1 < 7 { splat t[0,0] = x[i,0] } }", "index"},
    {"serial i 8 { when 0 <= i < 7 { zero u[0] } splat t[0,0] = x[i,0] }", "index"},
    {"prefetch x[0,12]", "index"},
    {"prefetch y[0,0]", "only read"},
    {"zero t[2,0]", "index"},
    {"unrolled i 3 { when 0 <= i < 2 { zero t[i,0] } }", "index"},
    {"serial i 2 { zero t[i,0] }", "not unrolled"},
    {"store x[0,0] = t[0,0]", "only read"},
    {"splat t[0,0] = y[0,0]", "only read"},
    {"load t[0,0] = x[0,0] lanes=5", "lanes"},
    {"load t[0,0] = x[0,0] axis=2", "lanes"},
    {"serial i 0 { }", "extent"},
    {"serial i 2 { parallel p 2 { } }", "outermost"},
    {"parallel p 2 { } parallel q 2 { }", "outermost"},
    {"parallel p 2 { zero t[0,0] parallel q 2 { } }", "outermost"},
    {"parallel p 2 { store y[0,0] = t[0,0] }", "same element"},
    {"parallel p 2 { store y[3*p,0] = t[0,0] lanes=1 store y[3*p+3,0] = t[0,0] lanes=1 }", "same element"},
    {"parallel p 2 { store y[p,0] = t[0,0] lanes=2 axis=0 }", "same element"},
    {"parallel p 2 { parallel q 2 { store y[p+q,0] = t[0,0] } }", "same element"},
    {"parallel p 2 { serial i 2 { store y[p+i,0] = t[0,0] } }", "same element"},
    {"unrolled i 60000 { unrolled j 2 { zero t[0,0] } }", "too much code"},
    {"unrolled i 4000000000 { unrolled j 4000000000 { zero t[0,0] } }", "too much code"},
    {"serial i 2000000000000 { serial j 2000000000000 { splat t[0,0] = x[9000000*i+9000000*j,0] } }", "overflow"},
    {"serial i 4 { when 0 <= i < 0 { } }", "limit"},
    /* the frame's z[1,s,4] and symbol s, scratch q[3,4] */
    {"serial i 4 { splat t[0,0] = z[0,i,0] }", "symbol"},
    {"serial i s { splat t[0,0] = z[0,i+1,0] }", "symbol"},
    {"serial i s/2 { splat t[0,0] = z[0,2*i+1,0] }", "symbol"},
    {"serial i s/2 { when 0 <= 2*i < s { splat t[0,0] = z[0,2*i+1,0] } }", "symbol"},
    {"serial i s { splat t[0,0] = z[0,i-1,0] }", "symbol"},
    {"serial i s { load t[0,0] = z[0,i,0] axis=1 }", "symbol"},
    {"serial i s { splat t[0,0] = x[i,0] }", "index"},
    {"unrolled i s { }", "over the symbol"},
    {"parallel i s { parallel j s { } }", "range"},
    {"splat t[0,0] = q[0,0]", "splat"},
    {"store q[3,0] = t[0,0]", "index"},
};

/* `why` NULL: legal. */
static const struct refusal others[] = {
    {"serial i 8 { when 0 <= i < 7 { splat t[0,0] = x[i,0] } }", NULL},
    {"serial i 8 { serial j 3 { when 0 <= i+j-1 < 7 { splat t[0,0] = x[i+j-1,0] } } }", NULL},
    {"serial i 8 { when 0 <= i-1 < 3 { splat t[0,0] = x[2*i-2,0] } }", NULL},
    {"parallel p 2 { store y[p,0] = t[0,0] store y[p+2,0] = t[0,0] }", "same element"}, /* legal, but not shown to be */
    {"parallel p 2 { store y[4*p,0] = t[0,0] lanes=4 axis=0 }", NULL},
    {"parallel p 2 { parallel q 4 { store y[p,q] = t[0,0] lanes=1 } }", NULL},
    {"load t[0,0] = x[0,8]", NULL},
    {"serial i s { splat t[0,0] = z[0,i,0] }", NULL},
    {"serial i s/2 { when 0 <= 2*i+1 < s { splat t[0,0] = z[0,2*i,0] } }", NULL},
    {"parallel i s/2 { store q[0,0] = t[0,0] load t[0,0] = q[0,0] }", NULL},
    {"load t[0,0] = x[0,11] lanes=1", NULL},
};

static void check(const struct refusal *r)
{
    char text[1024], before[1024], after[1024];
    const char *why = NULL;
    snprintf(text, sizeof text,
             "nest f32x4 fused registers=6\nsymbol 5\nin x[7,12]\nin z[1,s,4]\nout y[8,4]\nscratch q[3,4]\ntile t[2,2]\n"
             "tile u[1]\n%s\n",
             r->body);
    const struct alt_nest *nest = parse(text);
    alt_nest_print(nest, before, sizeof before);
    const alt_status status = alt_nest_verify(nest, &why);
    alt_nest_print(nest, after, sizeof after);
    assert_string_equal(before, after);
    if (status != (r->why ? ALT_E_ILLEGAL : ALT_OK))
        fail_msg("%s: %s (%s)", r->body, alt_status_name(status), why ? why : "");
    if (r->why && (!why || !strstr(why, r->why)))
        fail_msg("%s: refused because: %s", r->body, why ? why : "nothing");
}

static void verifier_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        check(&refusals[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        check(&others[i]);
}

static void verifier_counts_registers(void **state)
{
    (void)state;
    const char *why = NULL;
    assert_int_equal(alt_nest_verify(parse("nest f32x4 fused registers=3\nin x[1]\ntile t[2]\ntile u[1]\n"), NULL),
                     ALT_OK);
    assert_int_equal(alt_nest_verify(parse("nest f32x4 fused registers=2\nin x[1]\ntile t[2]\ntile u[1]\n"), &why),
                     ALT_E_ILLEGAL);
    assert_non_null(strstr(why, "registers"));
    assert_int_equal(alt_nest_verify(parse("nest f32x3 fused registers=2\nin x[1]\n"), NULL), ALT_E_ILLEGAL);
    assert_int_equal(alt_nest_verify(parse("nest f32x4 fused registers=2\nin x[4000000,4000000]\n"), NULL),
                     ALT_E_ILLEGAL);
}

/* ---- the interpreter ---- */

static void run_lines(const char *body, const float *x, float *y)
{
    char text[1024];
    void *data[2] = {(void *)(uintptr_t)x, y};
    snprintf(text, sizeof text, "nest f32x2 fused registers=3\nin x[3,2]\nout y[3,2]\ntile t[3]\n%s", body);
    const struct alt_nest *nest = parse(text);
    const char *why = "";
    if (alt_nest_verify(nest, &why) != ALT_OK)
        fail_msg("%s: %s", body, why);
    alt_nest_run(nest, data, NULL, 0, 0, 1);
}

static void statements_mean_what_they_say(void **state)
{
    (void)state;
    const float x[6] = {1, -2, 3, 4, -0.0f, NAN};
    float y[6] = {9, 9, 9, 9, 9, 9};
    run_lines(
        "load t[0] = x[0,0]\nsplat t[1] = x[1,0]\nfma t[2] += t[0] * t[1]\nadd t[2] += t[1]\nstore y[0,0] = t[2]\n"
        "load t[0] = x[0,1] axis=0\nstore y[1,1] = t[0] axis=0\nstore y[2,0] = t[1] lanes=1\n",
        x, y);
    assert_true(y[0] == 6 && y[1] == -3 && y[3] == -2 && y[5] == 4 && y[4] == 3 && y[2] == 9);
    run_lines("load t[0] = x[2,0]\nmax t[0] 0x00000000\nmin t[0] 0x3f800000\nstore y[0,0] = t[0]\n"
              "load t[1] = x[0,0]\nmax t[1] 0x00000000\nstore y[1,0] = t[1]\nload t[2] = x[0,0] lanes=1\n"
              "store y[2,0] = t[2]\n",
              x, y);
    assert_true(y[0] == 0 && signbit(y[0]) && isnan(y[1]) && y[2] == 1 && y[3] == 0 && y[4] == 1 && y[5] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_reads_back, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(other_text_is_malformed, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(deep_text_is_malformed, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(damaged_text_is_survived, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(verifier_decides, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(verifier_counts_registers, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(statements_mean_what_they_say, open_arena, close_arena),
        cmocka_unit_test(survives_each_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
