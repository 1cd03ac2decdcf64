/* test_value.c: tensors, sequences and optionals as callers use them, and as a session's pool does. */
#include "runtime/value.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"

#include <string.h>

static void a_tensor_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct fail_alloc fail;
    fail_alloc_init(&fail, 0, false);
    alt_value *v = NULL;
    assert_int_equal(alt_value_tensor(&fail.hooks, ALT_FLOAT32, 3, (int64_t[]){2, 3, 5}, &v), ALT_OK);
    assert_int_equal(alt_value_kind(v), ALT_TENSOR);
    assert_int_equal(alt_value_dtype(v), ALT_FLOAT32);
    assert_int_equal(alt_value_rank(v), 3);
    assert_int_equal(alt_value_dims(v)[2], 5);
    assert_int_equal(alt_value_count(v), 30);
    assert_int_equal(alt_value_bytes(v), 120);
    assert_int_equal((uintptr_t)alt_value_data(v) % 64, 0);
    for (int i = 0; i < 30; i++)
        assert_true(((float *)alt_value_data(v))[i] == 0);
    assert_null(alt_value_element(v, 0));
    alt_value_release(v);
    assert_int_equal(fail.blocks, 0);
    assert_int_equal(fail.faults, 0);
}

static void odd_tensors(void **state)
{
    (void)state;
    alt_value *v = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_INT4, 1, (int64_t[]){3}, &v), ALT_OK);
    assert_int_equal(alt_value_bytes(v), 2);
    alt_value_release(v);
    assert_int_equal(alt_value_tensor(NULL, ALT_INT64, 0, NULL, &v), ALT_OK);
    assert_int_equal(alt_value_count(v), 1);
    alt_value_release(v);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT64, 2, (int64_t[]){0, 7}, &v), ALT_OK);
    assert_int_equal(alt_value_count(v), 0);
    assert_non_null(alt_value_data(v));
    alt_value_release(v);
}

static void unacceptable_arguments_are_refused(void **state)
{
    (void)state;
    alt_value *v = NULL;
    double data[2] = {1, 2};
    int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_int_equal(alt_value_tensor(NULL, ALT_NONE, 0, NULL, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_tensor(NULL, (alt_dtype)99, 0, NULL, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 9, nine, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 1, (int64_t[]){-1}, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 2, (int64_t[]){INT64_MAX, 2}, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 1, (int64_t[]){INT64_MAX / 2}, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 1, NULL, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 0, NULL, NULL), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_wrap(ALT_FLOAT64, 1, (int64_t[]){2}, data, 15, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_wrap(ALT_FLOAT64, 1, (int64_t[]){1}, (char *)data + 1, 8, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_wrap(ALT_FLOAT64, 1, (int64_t[]){1}, NULL, 8, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_wrap(ALT_STRING, 1, (int64_t[]){1}, data, 16, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_strings(NULL, 1, (int64_t[]){1}, NULL, &v), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_sequence(NULL, 1, NULL, &v), ALT_E_ARGUMENT);
    assert_null(v);
}

static void wrapped_memory_stays_the_callers(void **state)
{
    (void)state;
    float data[] = {1, 2, 3};
    alt_value *v = NULL;
    assert_int_equal(alt_value_wrap(ALT_FLOAT32, 1, (int64_t[]){3}, data, sizeof data, &v), ALT_OK);
    assert_ptr_equal(alt_value_data(v), data);
    assert_ptr_equal(alt_value_data_const(v), data);
    ((float *)alt_value_data(v))[1] = 7;
    alt_value_release(v);
    assert_true(data[1] == 7);
    assert_int_equal(alt_value_wrap(ALT_FLOAT32, 1, (int64_t[]){0}, NULL, 0, &v), ALT_OK);
    alt_value_release(v);
}

static void strings_are_copied_and_replaced(void **state)
{
    (void)state;
    struct fail_alloc fail;
    fail_alloc_init(&fail, 0, false);
    char text[] = "abc";
    alt_value *v = NULL;
    alt_string in[] = {{text, 3}, {NULL, 0}};
    assert_int_equal(alt_value_strings(&fail.hooks, 1, (int64_t[]){2}, in, &v), ALT_OK);
    text[0] = 'X';
    const alt_string *s = alt_value_data_const(v);
    assert_int_equal(s[0].length, 3);
    assert_memory_equal(s[0].data, "abc", 3);
    assert_int_equal(s[1].length, 0);
    assert_int_equal(alt_value_set_string(v, 0, s[0]), ALT_OK); /* by itself */
    assert_memory_equal(s[0].data, "abc", 3);
    assert_int_equal(alt_value_set_string(v, 1, (alt_string){"a\0b", 3}), ALT_OK);
    assert_memory_equal(s[1].data, "a\0b", 3);
    assert_int_equal(alt_value_set_string(v, 0, (alt_string){NULL, 0}), ALT_OK);
    assert_int_equal(s[0].length, 0);
    assert_int_equal(alt_value_set_string(v, 2, (alt_string){"a", 1}), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_set_string(v, 1, (alt_string){NULL, 1}), ALT_E_ARGUMENT);
    alt_value_release(v);
    assert_int_equal(fail.blocks, 0);
    assert_int_equal(fail.faults, 0);
}

static void sequences_share_their_elements(void **state)
{
    (void)state;
    alt_value *a = NULL, *b = NULL, *ints = NULL, *seq = NULL, *opt = NULL, *bad = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 1, (int64_t[]){2}, &a), ALT_OK);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 2, (int64_t[]){2, 3}, &b), ALT_OK);
    assert_int_equal(alt_value_tensor(NULL, ALT_INT32, 0, NULL, &ints), ALT_OK);
    assert_int_equal(alt_value_sequence(NULL, 2, (alt_value *[]){a, ints}, &bad), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_sequence(NULL, 2, (alt_value *[]){a, NULL}, &bad), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_sequence(NULL, 2, (alt_value *[]){a, b}, &seq), ALT_OK);
    assert_int_equal(alt_value_sequence(NULL, 2, (alt_value *[]){a, seq}, &bad), ALT_E_ARGUMENT);
    assert_int_equal(alt_value_optional(NULL, seq, &opt), ALT_OK);
    alt_value_release(a);
    alt_value_release(b);
    alt_value_release(ints);
    alt_value_release(seq);
    assert_null(bad);
    assert_int_equal(alt_value_kind(opt), ALT_OPTIONAL);
    assert_int_equal(alt_value_count(opt), 1);
    assert_int_equal(alt_value_dtype(opt), ALT_NONE); /* of sequences, not of tensors */
    seq = alt_value_element(opt, 0);
    assert_int_equal(alt_value_dtype(seq), ALT_FLOAT32);
    assert_int_equal(alt_value_count(seq), 2);
    assert_int_equal(alt_value_rank(alt_value_element(seq, 1)), 2);
    assert_null(alt_value_element(seq, 2));
    assert_null(alt_value_data(seq));
    alt_value *kept = alt_value_retain(alt_value_element(seq, 1));
    alt_value_release(opt);
    assert_int_equal(alt_value_count(kept), 6);
    alt_value_release(kept);
}

static void empty_containers(void **state)
{
    (void)state;
    alt_value *v = NULL;
    assert_int_equal(alt_value_optional(NULL, NULL, &v), ALT_OK);
    assert_int_equal(alt_value_count(v), 0);
    assert_null(alt_value_element(v, 0));
    alt_value_release(v);
    assert_int_equal(alt_value_sequence(NULL, 0, NULL, &v), ALT_OK);
    assert_int_equal(alt_value_count(v), 0);
    assert_int_equal(alt_value_dtype(v), ALT_NONE);
    alt_value_release(v);
    alt_value_release(NULL);
    assert_null(alt_value_retain(NULL));
}

struct pool {
    alt_value *kept;
    int times;
};

static void keep(struct alt_value *value, void *context)
{
    struct pool *pool = context;
    pool->kept = value;
    pool->times++;
}

/* What a session does: the last release brings the value back, which then becomes another tensor in the same memory. */
static void the_last_release_recycles(void **state)
{
    (void)state;
    struct alt_mem mem;
    struct pool pool = {0};
    alt_mem_init(&mem, NULL, 0);
    alt_value *v = NULL;
    assert_int_equal(alt_value_tensor_in(&mem, ALT_FLOAT32, 1, (int64_t[]){8}, 100, &v), ALT_OK);
    v->recycle = keep;
    v->recycle_context = &pool;
    void *data = alt_value_data(v);
    alt_value_retain(v);
    alt_value_release(v);
    assert_null(pool.kept);
    alt_value_release(v);
    assert_ptr_equal(pool.kept, v);
    assert_false(alt_value_reset(v, ALT_FLOAT64, 1, (int64_t[]){13}));
    assert_false(alt_value_reset(v, ALT_STRING, 1, (int64_t[]){1}));
    assert_false(alt_value_reset(v, ALT_FLOAT32, 1, (int64_t[]){-1}));
    assert_int_equal(alt_value_count(v), 8);
    assert_true(alt_value_reset(v, ALT_FLOAT64, 2, (int64_t[]){4, 3}));
    assert_ptr_equal(alt_value_data(v), data);
    assert_int_equal(alt_value_bytes(v), 96);
    alt_value_release(v);
    assert_int_equal(pool.times, 2);
    assert_true(mem.used > 0);
    alt_value_destroy(v);
    assert_int_equal(mem.used, 0);
}

static alt_status make_everything(const alt_allocator *hooks, void *context)
{
    (void)context;
    alt_value *t = NULL, *s = NULL, *seq = NULL, *opt = NULL;
    alt_string text[] = {{"one", 3}, {"three", 5}};
    alt_status status = alt_value_tensor(hooks, ALT_INT16, 2, (int64_t[]){3, 4}, &t);
    if (status == ALT_OK)
        status = alt_value_strings(hooks, 1, (int64_t[]){2}, text, &s);
    if (status == ALT_OK)
        status = alt_value_set_string(s, 0, (alt_string){"another", 7});
    if (status == ALT_OK)
        status = alt_value_sequence(hooks, 2, (alt_value *[]){s, s}, &seq);
    if (status == ALT_OK)
        status = alt_value_optional(hooks, t, &opt);
    alt_value_release(t);
    alt_value_release(s);
    alt_value_release(seq);
    alt_value_release(opt);
    return status;
}

static void each_failure_leaks_nothing(void **state)
{
    (void)state;
    const char *why = NULL;
    uint64_t requests = fail_alloc_sweep(make_everything, NULL, &why);
    assert_null(why);
    assert_int_equal(requests, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tensor_is_zeroed_and_aligned),
        cmocka_unit_test(odd_tensors),
        cmocka_unit_test(unacceptable_arguments_are_refused),
        cmocka_unit_test(wrapped_memory_stays_the_callers),
        cmocka_unit_test(strings_are_copied_and_replaced),
        cmocka_unit_test(sequences_share_their_elements),
        cmocka_unit_test(empty_containers),
        cmocka_unit_test(the_last_release_recycles),
        cmocka_unit_test(each_failure_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
