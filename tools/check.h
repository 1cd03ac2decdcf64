/* check.h: alt_run --check: feeds ONNX test data and compares the answers. */
#ifndef ALT_TOOLS_CHECK_H
#define ALT_TOOLS_CHECK_H

#include "tools/summary.h"

/* Runs every data set of `options->check`, once or as often and as long as the options say, and compares every answer.
 * OUTCOME_MISMATCH when an output differs; messages name the data set. */
enum outcome check_folder(struct measure *m, const alt_model *model, const struct run_options *options,
                          struct check_result *result);

#endif
