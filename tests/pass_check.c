/* pass_check.c: see pass_check.h. */
#include "tests/pass_check.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/graph_text.h"

#include <string.h>

static struct graph_text text;

static void check(enum alt_pass pass, const char *before, const char *after, bool tidy)
{
    bool changed = false, tidied = false;
    char unchanged[sizeof text.printed];

    assert_int_equal(graph_text_open(&text, NULL, before), ALT_OK);
    assert_int_equal(alt_graph_verify(text.graph, &text.diag), ALT_OK);
    assert_int_equal(alt_graph_infer(text.graph, &text.diag), ALT_OK);
    strcpy(unchanged, graph_text_print(&text));
    assert_int_equal(alt_pass_table[pass].fn(text.graph, &text.diag, &changed), ALT_OK);
    if (alt_graph_verify(text.graph, &text.diag) != ALT_OK)
        fail_msg("%s", text.diag.text);
    if (tidy && after)
        assert_int_equal(alt_pass_dce(text.graph, &text.diag, &tidied), ALT_OK);
    assert_string_equal(graph_text_print(&text), after ? after : unchanged);
    assert_int_equal(changed, after != NULL);
    graph_text_close(&text);
}

void pass_check(enum alt_pass pass, const char *before, const char *after) { check(pass, before, after, false); }

void pass_check_tidy(enum alt_pass pass, const char *before, const char *after) { check(pass, before, after, true); }

static alt_status run_all(const alt_allocator *hooks, void *source)
{
    alt_status status = graph_text_open(&text, hooks, source);
    if (status == ALT_OK)
        status = alt_passes_run(text.graph, NULL, NULL);
    graph_text_close(&text);
    return status;
}

void pass_check_memory(const char *source)
{
    const char *why = NULL;
    if (fail_alloc_sweep(run_all, (void *)source, &why) == 0)
        fail_msg("%s", why);
}
