/* roofline.h: what each step of a model reaches of what the machine can do, and what binds it. */
#ifndef ALT_TOOLS_ROOFLINE_H
#define ALT_TOOLS_ROOFLINE_H

#include <alt/session.h>

#include "tools/say.h"

/* Runs the session some times on these inputs, measures the machine's peaks and prints a table on stdout. */
enum outcome roofline(const alt_model *model, alt_session *session, alt_value *const *inputs);

#endif
