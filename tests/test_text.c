/* test_text.c: operators on strings and categories: white space, letters beyond ASCII, skips, repeated keys, NaN. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

#include <string.h>

static alt_string *strings_of(struct test_node *t, int count, const char *const *texts)
{
    alt_string *list = alt_arena_array(&t->arena, (size_t)count, sizeof *list);
    assert_non_null(list);
    for (int i = 0; i < count; i++)
        list[i] = (alt_string){texts[i], strlen(texts[i])};
    return list;
}

/* An input of strings that may hold spaces or be empty. */
static void string_in(struct test_node *t, int count, const char *const *texts)
{
    struct alt_tensor *tensor = alt_arena_alloc(&t->arena, sizeof *tensor);
    assert_non_null(tensor);
    *tensor = (struct alt_tensor){.dtype = ALT_STRING, .rank = 1, .dim = {count}, .data = strings_of(t, count, texts)};
    tensor->bytes = alt_dtype_bytes(ALT_STRING, count);
    t->type[t->n_in] = (struct alt_type){.dtype = ALT_STRING, .shape = {1, {count}}, .known = tensor};
    t->present[t->n_in++] = true;
}

static void string_list(struct test_node *t, const char *name, int count, const char *const *texts)
{
    t->attr[t->n_attr++] = (struct alt_attr){
        .name = name, .type = ALT_ATTR_STRINGS, .count = count, .strings = strings_of(t, count, texts)};
}

static void float_list(struct test_node *t, const char *name, int count, const float *floats)
{
    t->attr[t->n_attr++] = (struct alt_attr){.name = name, .type = ALT_ATTR_FLOATS, .count = count, .floats = floats};
}

static void expect_strings(const struct test_node *t, int count, const char *const *texts)
{
    assert_int_equal(alt_tensor_count(&t->out[0]), count);
    for (int i = 0; i < count; i++) {
        const alt_string *have = (const alt_string *)t->out[0].data + i;
        assert_int_equal(have->length, strlen(texts[i]));
        assert_memory_equal(have->data, texts[i], have->length);
    }
}

static void splits(void **state)
{
    (void)state;
    static const char *const in[] = {"  a \t b\xe3\x80\x80"
                                     "c  ",
                                     "", "   ", "one"};
    static const char *const words[] = {"a", "b", "c", "", "", "", "", "", "", "one", "", ""};
    static const char *const two[] = {"a",
                                      "b\xe3\x80\x80"
                                      "c",
                                      "",
                                      "",
                                      "",
                                      "",
                                      "one",
                                      ""};
    struct test_node t;
    node_open(&t, ALT_OP_STRING_SPLIT, 20);
    t.n_out = 2;
    string_in(&t, 4, in);
    assert_int_equal(node_run(&t), ALT_OK);
    expect_strings(&t, 12, words);
    node_expect(&t, 1, "int64[4] 3 0 0 1");
    node_close(&t);
    node_open(&t, ALT_OP_STRING_SPLIT, 20);
    t.n_out = 2;
    node_int(&t, "maxsplit", 1);
    string_in(&t, 4, in);
    assert_int_equal(node_run(&t), ALT_OK);
    expect_strings(&t, 8, two);
    node_close(&t);
}

static void splits_at_delimiters(void **state)
{
    (void)state;
    static const char *const in[] = {"a--b", "--", "", "a---b"};
    static const char *const parts[] = {"a", "b", "", "", "", "", "a", "-b"};
    struct test_node t;
    node_open(&t, ALT_OP_STRING_SPLIT, 20);
    t.n_out = 2;
    node_text(&t, "delimiter", "--");
    string_in(&t, 4, in);
    assert_int_equal(node_run(&t), ALT_OK);
    expect_strings(&t, 8, parts);
    node_expect(&t, 1, "int64[4] 2 2 1 2");
    node_close(&t);
}

static void letters(void **state)
{
    (void)state;
    static const char *const in[] = {"Stra\xc3\x9f"
                                     "e \xc3\x89t\xc3\xa9",
                                     "\xce\xa3\xcf\x82", "\xd0\x96\xd1\x8f \xd1\x91", "the"};
    static const char *const upper[] = {"STRA\xc3\x9f"
                                        "E \xc3\x89T\xc3\x89",
                                        "\xce\xa3\xce\xa3", "\xd0\x96\xd0\xaf \xd0\x81"};
    static const char *const stop[] = {"THE"};
    struct test_node t;
    node_open(&t, ALT_OP_STRING_NORMALIZER, 10);
    node_text(&t, "case_change_action", "UPPER");
    string_list(&t, "stopwords", 1, stop);
    string_in(&t, 4, in);
    assert_int_equal(node_run(&t), ALT_OK);
    expect_strings(&t, 3, upper);
    node_close(&t);
}

static void labels(void **state)
{
    (void)state;
    static const float keys[] = {1, 0, 1}, nan[] = {__builtin_nanf("")};
    static const float values[] = {10, 20, 30};
    struct test_node t;
    node_open(&t, ALT_OP_LABEL_ENCODER, 4);
    float_list(&t, "keys_floats", 3, keys);
    float_list(&t, "values_floats", 3, values);
    node_float(&t, "default_float", 7);
    node_in(&t, "float32[4] 1 -0 nan 5");
    node_expect(&t, 0, "float32[4] 30 20 7 7"); /* of two equal keys the last counts */
    node_close(&t);
    node_open(&t, ALT_OP_LABEL_ENCODER, 4);
    float_list(&t, "keys_floats", 1, nan);
    float_list(&t, "values_floats", 1, values);
    node_in(&t, "float32[2] nan 5");
    node_expect(&t, 0, "float32[2] 10 -0");
    node_close(&t);
}

static void one_hot(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_ONE_HOT_ENCODER, 1);
    node_ints(&t, "cats_int64s", 3, (int64_t[]){4, 7, 9});
    node_in(&t, "float32[2] 7.9 5");
    node_expect(&t, 0, "float32[2,3] 0 1 0 0 0 0");
    node_close(&t);
    node_open(&t, ALT_OP_ONE_HOT_ENCODER, 1);
    node_ints(&t, "cats_int64s", 1, (int64_t[]){4});
    node_int(&t, "zeros", 0);
    node_in(&t, "int64[1] 5");
    assert_int_not_equal(node_run(&t), ALT_OK); /* no category */
    node_close(&t);
}

/* One pair one apart and one pair two apart, and a weight for each column. */
static void grams(void **state)
{
    (void)state;
    static const float weights[] = {2, 3, 5};
    struct test_node t;
    node_open(&t, ALT_OP_TFIDF_VECTORIZER, 9);
    node_text(&t, "mode", "TFIDF");
    node_int(&t, "min_gram_length", 1);
    node_int(&t, "max_gram_length", 2);
    node_int(&t, "max_skip_count", 1);
    node_ints(&t, "ngram_counts", 2, (int64_t[]){0, 1});
    node_ints(&t, "ngram_indexes", 3, (int64_t[]){2, 0, 1});
    node_ints(&t, "pool_int64s", 5, (int64_t[]){1, 1, 2, 2, 1});
    float_list(&t, "weights", 3, weights);
    node_in(&t, "int64[2,4] 1 2 1 2 3 3 3 3");
    node_expect(&t, 0, "float32[2,3] 4 3 10 0 0 0");
    node_close(&t);
}

static void bad_pools(void **state)
{
    (void)state;
    static const int64_t counts[][2] = {{0, 9}, {-1, 1}, {0, 2}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_TFIDF_VECTORIZER, 9);
        node_text(&t, "mode", "TF");
        node_ints(&t, "ngram_counts", 2, counts[i]);
        node_ints(&t, "ngram_indexes", 3, (int64_t[]){2, 0, 1});
        node_ints(&t, "pool_int64s", 5, (int64_t[]){1, 1, 2, 2, 1});
        node_in(&t, "int64[4] 1 2 1 2");
        assert_int_equal(node_run(&t), ALT_E_MODEL);
        node_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),    cmocka_unit_test(splits_at_delimiters),
        cmocka_unit_test(letters),   cmocka_unit_test(labels),
        cmocka_unit_test(one_hot),   cmocka_unit_test(grams),
        cmocka_unit_test(bad_pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
