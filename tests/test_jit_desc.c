/* test_jit_desc.c: descriptors: text both ways, what is refused, what follows from them. */
#include "jit/desc.h"
#include "tests/cmocka_all.h"
#include "tests/random.h"

#include <string.h>

static const char *const canonical[] = {
    "conv f32 n=1 c=64 i=56x56 o=64 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +relu",
    "conv f32 n=2 c=3 i=224x223 o=7 k=7x5 s=2x3 p=3,2,1,0 d=1x2",
    "conv f32 n=1 c=5 i=101 o=9 k=3 s=2 p=1,0 d=4 +bias +add +clip=0x00000000,0x40c00000",
    "product f32 batch=1 m=128 k=768 n=3072 b=kn,const +bias",
    "product f32 batch=12 m=1 k=64 n=77 b=kn +clip=0xff800000,0x3f800000",
    "product f32 batch=1 m=3 k=1 n=1 b=nk,const +add +relu",
    "conv f32 n=*4 c=5 i=101 o=9 k=3 s=2 p=1,0 d=4",
    "product f32 batch=1 m=*128 k=768 n=3072 b=kn",
};

static void text_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        struct alt_desc d, again;
        char text[256];
        assert_int_equal(alt_desc_parse(canonical[i], &d), ALT_OK);
        assert_int_equal(alt_desc_print(&d, text, sizeof text), strlen(canonical[i]));
        assert_string_equal(text, canonical[i]);
        assert_int_equal(alt_desc_parse(text, &again), ALT_OK);
        assert_true(alt_desc_equal(&d, &again));
    }
}

static void text_is_cut_off(void **state)
{
    (void)state;
    struct alt_desc d;
    char text[8] = "???????";
    assert_int_equal(alt_desc_parse(canonical[0], &d), ALT_OK);
    assert_int_equal(alt_desc_print(&d, text, sizeof text), strlen(canonical[0]));
    assert_string_equal(text, "conv f3");
    assert_int_equal(alt_desc_print(&d, NULL, 0), strlen(canonical[0]));
}

static void refuses(const char *text, alt_status wanted)
{
    struct alt_desc d, untouched;
    memset(&d, 0x5a, sizeof d);
    memset(&untouched, 0x5a, sizeof untouched);
    const alt_status status = alt_desc_parse(text, &d);
    if (status != wanted)
        fail_msg("%s: %s", text, alt_status_name(status));
    assert_memory_equal(&d, &untouched, sizeof d);
}

static void hostile_text_is_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",
        " ",
        "conv",
        "conv f64 n=1",
        "product f32 batch=1 m=1 k=1 n=1",
        "product f32 batch=1 m=1 k=1 n=1 b=kk",
        "conv f32 n=1 c=64 i=56 o=64 k=3x3 s=1 p=1,1 d=1",
        "conv f32 n=1 c=64 i=56x56 o=64 k=3x3 s=1x1 p=1,1 d=1x1",
        "product f32 batch=1 m=1 k=1 n=1 b=kn +relu +bias",
        "product f32 batch=1 m=1 k=1 n=1 b=kn +relu x",
        "product f32 batch=1 m=1 k=1 n=1 b=kn +clip=0x1,0x2",
        "product f32 batch=99999999999999999999 m=1 k=1 n=1 b=kn",
        "product f32 batch=-9223372036854775808 m=1 k=1 n=1 b=kn",
    };
    static const char *const illegal[] = {
        "product f32 batch=0 m=1 k=1 n=1 b=kn",
        "product f32 batch=1 m=-1 k=1 n=1 b=kn",
        "product f32 batch=2147483648 m=2147483648 k=2147483648 n=1 b=kn",
        "product f32 batch=1 m=1 k=1 n=9223372036854775807 b=kn",
        "product f32 batch=1 m=1 k=1 n=1 b=kn +clip=0x7fc00000,0x00000000",
        "conv f32 n=1 c=1 i=2x2 o=1 k=3x3 s=1x1 p=0,0,0,0 d=1x1",
        "conv f32 n=1 c=1 i=2x2 o=1 k=2147483648x1 s=1x1 p=0,0,0,0 d=2147483648x1",
        "conv f32 n=1 c=1 i=2x2 o=1 k=1x1 s=0x1 p=0,0,0,0 d=1x1",
        "conv f32 n=1 c=1 i=2x2 o=1 k=1x1 s=1x1 p=-1,0,0,0 d=1x1",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        refuses(malformed[i], ALT_E_MALFORMED);
    for (size_t i = 0; i < sizeof illegal / sizeof *illegal; i++)
        refuses(illegal[i], ALT_E_ILLEGAL);
}

/* Every prefix, and texts with one byte changed: a status, and when it is OK a text that reads back. */
static void damaged_text_is_survived(void **state)
{
    (void)state;
    struct rng r = rng_seed(7);
    for (int round = 0; round < 20000; round++) {
        char text[256], printed[256];
        struct alt_desc d, again;
        strcpy(text, canonical[rng_range(&r, 0, 5)]);
        const int64_t length = (int64_t)strlen(text);
        text[rng_range(&r, 0, length - 1)] = (char)rng_range(&r, 0, 127);
        text[rng_range(&r, length / 2, length)] = '\0';
        const alt_status status = alt_desc_parse(text, &d);
        if (status != ALT_OK) {
            assert_true(status == ALT_E_MALFORMED || status == ALT_E_ILLEGAL);
            continue;
        }
        alt_desc_print(&d, printed, sizeof printed);
        assert_int_equal(alt_desc_parse(printed, &again), ALT_OK);
        assert_true(alt_desc_equal(&d, &again));
    }
}

static void shapes_follow(void **state)
{
    (void)state;
    struct alt_desc d;
    enum alt_desc_role role[ALT_DESC_MAX_OPERANDS];
    assert_int_equal(alt_desc_parse(canonical[2], &d), ALT_OK);
    assert_int_equal(alt_conv_desc_out(&d.conv, 0), 1);
    assert_int_equal(alt_conv_desc_out(&d.conv, 1), 47); /* (101 + 1 - 9) / 2 + 1 */
    assert_int_equal(alt_desc_operands(&d, role), 5);
    assert_true(alt_desc_fits(&d, ALT_ROLE_INPUT, 3, (const int64_t[]){1, 5, 101}));
    assert_false(alt_desc_fits(&d, ALT_ROLE_INPUT, 4, (const int64_t[]){1, 5, 1, 101}));
    assert_true(alt_desc_fits(&d, ALT_ROLE_OUTPUT, 3, (const int64_t[]){1, 9, 47}));
    assert_true(alt_desc_fits(&d, ALT_ROLE_ADD, 3, (const int64_t[]){1, 9, 47}));
    assert_false(alt_desc_fits(&d, ALT_ROLE_BIAS, 1, (const int64_t[]){5}));
    assert_true(alt_desc_flops(&d) == 2.0 * 9 * 47 * 5 * 3);
    assert_int_equal(alt_desc_parse(canonical[3], &d), ALT_OK);
    assert_int_equal(alt_desc_operands(&d, role), 4);
    assert_true(alt_desc_fits(&d, ALT_ROLE_INPUT, 3, (const int64_t[]){2, 64, 768}));
    assert_false(alt_desc_fits(&d, ALT_ROLE_INPUT, 3, (const int64_t[]){2, 65, 768}));
    assert_true(alt_desc_fits(&d, ALT_ROLE_WEIGHT, 2, (const int64_t[]){768, 3072}));
    assert_false(alt_desc_fits(&d, ALT_ROLE_WEIGHT, 2, (const int64_t[]){3072, 768}));
    assert_true(alt_desc_fits(&d, ALT_ROLE_BIAS, 1, (const int64_t[]){3072}));
    assert_false(alt_desc_fits(&d, ALT_ROLE_WEIGHT, 3, (const int64_t[]){1, 768, 3072}));
    d.product.constant = false; /* no layout of a matrix is asked for */
    assert_true(alt_desc_fits(&d, ALT_ROLE_WEIGHT, 3, (const int64_t[]){1, 768, 3072}));
    assert_false(alt_desc_fits(&d, ALT_ROLE_WEIGHT, 3, (const int64_t[]){2, 768, 3072}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_reads_back),         cmocka_unit_test(text_is_cut_off),
        cmocka_unit_test(hostile_text_is_refused), cmocka_unit_test(damaged_text_is_survived),
        cmocka_unit_test(shapes_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
