/* test_error.c: status names, and how findings become the caller's error. */
#include "runtime/error.h"
#include "tests/cmocka_all.h"

#include <string.h>

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(alt_status_name(ALT_E_NOMEM), "no-memory");
    assert_string_equal(alt_status_text(ALT_OK), "done");
    assert_string_equal(alt_status_name((alt_status)99), "unknown");
    assert_string_equal(alt_status_name((alt_status)-1), "unknown");
    assert_string_equal(alt_version(), "0.1.0");
}

static void findings_become_lines(void **state)
{
    (void)state;
    struct alt_diag diag = {0};
    alt_error *error = NULL;
    assert_int_equal(alt_diag_add(&diag, ALT_E_MODEL, "node \"%s\"", "a"), ALT_E_MODEL);
    assert_int_equal(alt_diag_add(&diag, ALT_E_SHAPE, "node \"%s\"", "b"), ALT_E_SHAPE);
    assert_int_equal(diag.status, ALT_E_MODEL);
    assert_int_equal(alt_diag_finish(&diag, ALT_E_MODEL, &error), ALT_E_MODEL);
    assert_int_equal(alt_error_status(error), ALT_E_MODEL);
    assert_string_equal(alt_error_text(error), "node \"a\"\nnode \"b\"");
    alt_error_free(error);
}

static void success_drops_findings(void **state)
{
    (void)state;
    struct alt_diag diag = {0};
    int dummy = 0;
    alt_error *error = (alt_error *)&dummy;
    (void)alt_diag_add(&diag, ALT_E_MODEL, "not in the end");
    assert_int_equal(alt_diag_finish(&diag, ALT_OK, &error), ALT_OK);
    assert_null(error);
    assert_int_equal(alt_error_status(NULL), ALT_OK);
    assert_string_equal(alt_error_text(NULL), "");
    alt_error_free(NULL);
}

static void a_failure_without_findings_has_a_text(void **state)
{
    (void)state;
    struct alt_diag diag = {0};
    alt_error *error = NULL;
    assert_int_equal(alt_diag_finish(&diag, ALT_E_IO, &error), ALT_E_IO);
    assert_int_equal(alt_error_status(error), ALT_E_IO);
    assert_string_equal(alt_error_text(error), alt_status_text(ALT_E_IO));
    alt_error_free(error);
    assert_int_equal(alt_diag_finish(&diag, ALT_E_IO, NULL), ALT_E_IO);
}

static void text_is_bounded(void **state)
{
    (void)state;
    struct alt_diag diag = {0};
    alt_error *error = NULL;
    for (int i = 0; i < 100000; i++)
        (void)alt_diag_add(&diag, ALT_E_UNSUPPORTED, "line %d", i);
    (void)alt_diag_finish(&diag, ALT_E_UNSUPPORTED, &error);
    assert_in_range(strlen(alt_error_text(error)), 1000, 64 * 1024);
    assert_memory_equal(alt_error_text(error), "line 0\nline 1\n", 14);
    alt_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_have_names),    cmocka_unit_test(findings_become_lines),
        cmocka_unit_test(success_drops_findings), cmocka_unit_test(a_failure_without_findings_has_a_text),
        cmocka_unit_test(text_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
