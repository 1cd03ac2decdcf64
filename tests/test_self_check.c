/* test_self_check.c: a level whose kernels are wrong is found out and not used. The tables of runtime/kernels/kern.c are replaced here by
 * some in which the highest level of this machine has one wrong kernel. */
#include <alt/alt.h>

#include "runtime/kernels/kern.h"
#include "runtime/kernels/self_check.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const struct alt_kern alt_kern_table_base_f32, alt_kern_table_base_f64;
extern const struct alt_kern_int alt_kern_table_base_i8;
#if defined(__x86_64__)
extern const struct alt_kern alt_kern_table_avx2_f32, alt_kern_table_avx2_f64;
extern const struct alt_kern alt_kern_table_avx512_f32, alt_kern_table_avx512_f64;
static const struct alt_kern *const f32[] = {&alt_kern_table_base_f32, &alt_kern_table_avx2_f32, &alt_kern_table_avx512_f32};
static const struct alt_kern *const f64[] = {&alt_kern_table_base_f64, &alt_kern_table_avx2_f64, &alt_kern_table_avx512_f64};
extern const struct alt_kern_int alt_kern_table_avx2_i8, alt_kern_table_avx512_i8;
static const struct alt_kern_int *const i8[] = {&alt_kern_table_base_i8, &alt_kern_table_avx2_i8, &alt_kern_table_avx512_i8};
static enum alt_isa highest(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vl") ? ALT_ISA_AVX512
           : __builtin_cpu_supports("avx2")   ? ALT_ISA_AVX2
                                              : ALT_ISA_BASE;
}
#else
static const struct alt_kern *const f32[ALT_ISA_COUNT] = {&alt_kern_table_base_f32};
static const struct alt_kern *const f64[ALT_ISA_COUNT] = {&alt_kern_table_base_f64};
static const struct alt_kern_int *const i8[ALT_ISA_COUNT] = {&alt_kern_table_base_i8};
static enum alt_isa highest(void) { return ALT_ISA_BASE; }
#endif

static struct alt_kern wrong; /* f32[highest()] but for its gemm; set before any test */

const struct alt_kern *alt_kern_f32_table(enum alt_isa isa)
{
    return isa > ALT_ISA_BASE && isa == highest() ? &wrong : f32[isa];
}

const struct alt_kern *alt_kern_f64_table(enum alt_isa isa) { return f64[isa]; }
const struct alt_kern_int *alt_kern_i8_table(enum alt_isa isa) { return i8[isa]; }

/* One element of eight rows is wrong. */
static void wrong_gemm(const struct alt_kern_gemm *g)
{
    f32[highest()]->gemm(g);
    if (g->m == 8)
        ((float *)g->c)[7 * g->c_row + g->n - 1] += 1;
}

static void levels_of_this_machine_agree(void **state)
{
    (void)state;
    for (int i = 0; i <= (int)highest(); i++) {
        assert_int_equal(alt_kern_differs(f32[i], f32[0], sizeof(float)), -1);
        assert_int_equal(alt_kern_differs(f64[i], f64[0], sizeof(double)), -1);
        assert_int_equal(alt_kern_int_differs(i8[i], i8[0]), -1);
    }
}

/* Kernels that do nothing. */
static void no_gemm(const struct alt_kern_gemm *g) { (void)g; }
static void no_pack(const struct alt_kern_pack *p) { (void)p; }
static void no_gather(const struct alt_kern_gather *g) { (void)g; }
static void no_conv(const struct alt_kern_conv *c) { (void)c; }
static void no_depthwise(const struct alt_kern_depthwise *d) { (void)d; }
static void no_row_multiply(const struct alt_kern_row *r, double w) { (void)r, (void)w; }
static void no_row(const struct alt_kern_row *r) { (void)r; }
static void no_row_taps(const struct alt_kern_taps *t) { (void)t; }
static void no_widen(const struct alt_kern_widen *w) { (void)w; }
static void no_narrow(const struct alt_kern_narrow *p) { (void)p; }
static void no_dot(const struct alt_kern_dot *d) { (void)d; }
static void no_short(const struct alt_kern_short *s) { (void)s; }
static void no_add_sums(const void *s, int64_t n, bool first, int32_t *acc) { (void)s, (void)n, (void)first, (void)acc; }

#define FOUND_OUT(kernel, nothing) \
    do { \
        struct alt_kern t32 = *f32[0], t64 = *f64[0]; \
        t32.kernel = t64.kernel = nothing; \
        assert_string_equal(alt_kern_name(alt_kern_differs(&t32, f32[0], sizeof(float))), #kernel); \
        assert_string_equal(alt_kern_name(alt_kern_differs(&t64, f64[0], sizeof(double))), #kernel); \
    } while (0)

#define FOUND_OUT_INT(kernel, title, nothing) \
    do { \
        struct alt_kern_int t = *i8[0]; \
        t.kernel = nothing; \
        assert_string_equal(alt_kern_name(alt_kern_int_differs(&t, i8[0])), #title); \
    } while (0)

static void each_kernel_is_checked(void **state)
{
    (void)state;
    FOUND_OUT(gemm, no_gemm);
    FOUND_OUT(pack, no_pack);
    FOUND_OUT(gather, no_gather);
    FOUND_OUT(conv, no_conv);
    FOUND_OUT(depthwise, no_depthwise);
    FOUND_OUT(row_multiply, no_row_multiply);
    FOUND_OUT(row_max, no_row);
    FOUND_OUT(row_add, no_row);
    FOUND_OUT(row_taps, no_row_taps);
    FOUND_OUT(widen, no_widen);
    FOUND_OUT(add_sums, no_add_sums);
    FOUND_OUT_INT(dot, dot, no_dot);
    FOUND_OUT_INT(widen, shorten, no_short);
    FOUND_OUT_INT(weave, weave, no_short);
    FOUND_OUT_INT(narrow, narrow, no_narrow);
}

static void *ask(void *isa)
{
    *(enum alt_isa *)isa = alt_cpu_isa();
    return NULL;
}

static void the_next_level_is_used(void **state)
{
    (void)state;
    if (highest() == ALT_ISA_BASE)
        skip();
    enum { ASKERS = 4 };
    pthread_t thread[ASKERS];
    enum alt_isa isa[ASKERS];
    char text[160];
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask, &isa[i]), 0);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(isa[i], highest() - 1);
    assert_ptr_equal(alt_kern_f32(), f32[highest() - 1]);
    assert_true(alt_cpu_refusal(text, sizeof text));
    assert_non_null(strstr(text, alt_isa_name(highest())));
    assert_non_null(strstr(text, "gemm"));
    assert_non_null(strstr(text, alt_isa_name(highest() - 1)));
}

static void count_warnings(void *context, alt_log_level level, const char *text)
{
    if (level == ALT_LOG_WARNING && strstr(text, "gemm"))
        ++*(int *)context;
}

/* Ones times ones: each element is their number. */
static void whoever_loads_a_model_is_told_and_answers_are_right(void **state)
{
    (void)state;
    if (highest() == ALT_ISA_BASE)
        skip();
    enum { SIDE = 8 };
    int warnings = 0;
    struct graph_bytes g;
    alt_model *model;
    alt_session *session;
    const alt_model_options options = {.size = sizeof options, .log = count_warnings, .log_context = &warnings};
    graph_bytes_open(&g, 2);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "8,8");
    graph_bytes_node(&g, "MatMul", "x,x", "y", NULL);
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_finish(&g, 14);
    assert_int_equal(alt_model_load_memory(g.model.data, g.model.size, &options, &model, NULL), ALT_OK);
    assert_int_equal(warnings, 1);
    assert_int_equal(alt_session_create(model, NULL, &session, NULL), ALT_OK);

    alt_value *x, *y = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 2, (int64_t[]){SIDE, SIDE}, &x), ALT_OK);
    for (int i = 0; i < SIDE * SIDE; i++)
        ((float *)alt_value_data(x))[i] = 1;
    const alt_value *in[] = {x};
    assert_int_equal(alt_session_run(session, NULL, in, 1, &y, 1, NULL), ALT_OK);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_true(((const float *)alt_value_data(y))[i] == SIDE);
    alt_value_release(x);
    alt_value_release(y);
    alt_session_free(session);
    alt_model_free(model);
    graph_bytes_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_of_this_machine_agree),
        cmocka_unit_test(each_kernel_is_checked),
        cmocka_unit_test(the_next_level_is_used),
        cmocka_unit_test(whoever_loads_a_model_is_told_and_answers_are_right),
    };
    unsetenv("ALT_ISA");
    wrong = *f32[highest()];
    wrong.gemm = wrong_gemm;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
