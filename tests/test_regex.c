/* test_regex.c: regular expressions: what matches as a whole, what is refused, and patterns that would take others forever. */
#include "runtime/mem.h"
#include "runtime/ops/regex.h"
#include "tests/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static void *allocate(void *context, size_t bytes) { return alt_arena_alloc(context, bytes); }

/* Compiles in an arena and matches; -1: refused. */
static int match(const char *pattern, const char *text)
{
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_regex regex;
    int result = -1;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    assert_true(alt_regex_compile(&regex, &(alt_string){pattern, strlen(pattern)}, allocate, &arena));
    if (!regex.fault) {
        void *memory = alt_arena_alloc(&arena, alt_regex_memory(&regex));
        assert_non_null(memory);
        result = alt_regex_match(&regex, &(alt_string){text, strlen(text)}, memory);
    }
    alt_arena_free(&arena);
    return result;
}

static void whole_texts(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *yes, *no;
    } table[] = {
        {"abc", "abc", "abcd"},
        {"", "", "a"},
        {"a|bc|", "bc", "abc"},
        {"a*b+c?", "aabb", "c"},
        {"(ab){2,3}", "ababab", "abababab"},
        {"a{2}", "aa", "a"},
        {"a{2,}", "aaaaa", "a"},
        {"a{,2}", "a{,2}", "aa"},
        {"x{0}y", "y", "xy"},
        {"[a-c^]+", "ab^c", "d"},
        {"[^a-c\\n]", "d", "b"},
        {"[]a]+", "]a]", "b"},
        {"[\\w.-]+", "a_9.-", "a b"},
        {"[[:alpha:][:digit:]]+", "a1", "a-"},
        {"[[:^space:]]+", "ab", "a b"},
        {"\\d\\D\\s\\S\\W", "1a x!", "1a xx"},
        {".", "\xc3\xa9", "\n"},
        {"(?s).", "\n", "aa"},
        {"(?i)Straight", "sTRAIGHT", "strait"},
        {"(?i:a)b", "Ab", "AB"},
        {"a(?i)b|c", "C", "A"},
        {"\\bfoo\\b.*", "foo bar", "food"},
        {"a\\Bb", "ab", "a b"},
        {"^a$", "a", "a\n"},
        {"(?m)a$\n^b", "a\nb", "ab"},
        {"\\Aa\\z", "a", "b"},
        {"(?P<name>a)(?:b)", "ab", "a"},
        {"\\Qa.b*\\E+", "a.b**", "aab"},
        {"\\x41\\x{e9}\\101\\.",
         "A\xc3\xa9"
         "A.",
         "AeA."},
        {"(a*)*b", "aaab", "aaa"},
        {"(a|b)*?c", "abbac", "abba"},
        {"\xd0\xb6+", "\xd0\xb6\xd0\xb6", "\xd0\xb7"},
        {"(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)", "a.b@gmail.com", "a@mail.com"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (match(table[i].pattern, table[i].yes) != 1)
            fail_msg("%s does not match %s", table[i].pattern, table[i].yes);
        if (match(table[i].pattern, table[i].no) != 0)
            fail_msg("%s matches %s", table[i].pattern, table[i].no);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(",
                                           ")",
                                           "a)",
                                           "(a",
                                           "[",
                                           "[a",
                                           "[b-a]",
                                           "*",
                                           "a**",
                                           "a{2}{3}+",
                                           "\\",
                                           "\\1",
                                           "\\pL",
                                           "(?=a)",
                                           "(?<!a)",
                                           "(?",
                                           "(?P",
                                           "[[:nothing:]]",
                                           "\\x{110000}",
                                           "\\xg",
                                           "a{1001}",
                                           "a{3,2}",
                                           "\\C",
                                           "((a{1000}){1000}){1000}",
                                           "((){1000}){1000}",
                                           "[\\",
                                           "[a-\\d]"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (match(patterns[i], "a") != -1)
            fail_msg("%s is not refused", patterns[i]);
}

static void long_ones(void **state)
{
    (void)state;
    static char text[20001], deep[2001];
    memset(text, 'a', 20000);
    assert_int_equal(match("(a?){100}(a*)*(a|aa)+b", text), 0);
    assert_int_equal(match("(a|a)*", text), 1);
    memset(deep, '(', 1000);
    memset(deep + 1000, ')', 1000);
    assert_int_equal(match(deep, ""), -1);
}

/* Any bytes are a pattern or are refused. */
static void any_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "ab()[]{}|*+?\\^$.-,:?P<>dwQEx019\xc3\xa9\n";
    uint64_t random = 1;
    for (int i = 0; i < 200000; i++) {
        char pattern[13];
        int n = 0;
        for (; n < 12; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            pattern[n] = alphabet[(random >> 33) % (sizeof alphabet - 1)];
        }
        pattern[n] = 0;
        match(pattern + (random >> 40) % 12, "ab(1.a");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_texts),
        cmocka_unit_test(refused),
        cmocka_unit_test(long_ones),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
