/* input.h: the inputs of a run, from --input, --shape and --dim. */
#ifndef ALT_TOOLS_INPUT_H
#define ALT_TOOLS_INPUT_H

#include <alt/model.h>

#include "tools/options.h"

/* Makes `values` (alt_model_input_count places, all NULL), in model order. An input with a default value that is not
 * named stays NULL. Says what is wrong and returns OUTCOME_USAGE when something is; then too the places hold owned values.
 *
 * A symbolic dimension has the value that --dim gives it, else the one it has in an input given as a file or by --shape,
 * else 1. */
enum outcome inputs_make(const alt_model *model, const struct run_options *options, alt_value **values);
/* Values for the symbolic dimensions alone, "NAME=N" checked against the model: what alt_dump needs. */
enum outcome inputs_check_names(const alt_model *model, const struct named_list *list, const char *option,
                                bool symbols);
/* Parses "1x3x224x224" ("" is a scalar). False, after a message, when it is none. */
bool shape_parse(const char *name, const char *text, int *rank, int64_t *dims);

#endif
