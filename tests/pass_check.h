/* pass_check.h: graph text before and after a pass. */
#ifndef ALT_TESTS_PASS_CHECK_H
#define ALT_TESTS_PASS_CHECK_H

#include "runtime/pass.h"

/* Infers `before`, runs one pass and compares with `after`, which NULL says is `before`; the pass must say whether it changed
 * something, and the graph must be sound. */
void pass_check(enum alt_pass pass, const char *before, const char *after);
/* The same; what the pass made useless is taken away before the comparison. */
void pass_check_tidy(enum alt_pass pass, const char *before, const char *after);
/* Runs all passes on `text` with each allocation refused in turn: ALT_E_NOMEM, and nothing is left. */
void pass_check_memory(const char *text);

#endif
