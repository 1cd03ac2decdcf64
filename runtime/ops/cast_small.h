/* cast_small.h: Cast where one side is float8, float4 or an integer below a byte. */
#ifndef ALT_RUNTIME_OPS_CAST_SMALL_H
#define ALT_RUNTIME_OPS_CAST_SMALL_H

#include "runtime/step.h"

/* The kernel for in[0] to out[0]; ALT_E_UNSUPPORTED when there is none. */
alt_status alt_cast_small_select(struct alt_select *sel, const struct alt_kernel **out);

#endif
