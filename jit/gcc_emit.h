/* gcc_emit.h: one nest becomes one function of a libgccjit context. */
#ifndef ALT_JIT_GCC_EMIT_H
#define ALT_JIT_GCC_EMIT_H

#include <libgccjit.h>

#include "jit/gcc_isa.h"

#include <alt/base.h>

struct alt_nest;

/* Adds the exported function `name`. ALT_E_NOMEM, ALT_E_ILLEGAL (more different accesses than there is room for);
 * libgccjit's own complaints stay in the context. */
alt_status alt_gcc_emit(gcc_jit_context *ctxt, const struct alt_gcc_isa *isa, const struct alt_nest *nest,
                        const char *name) __attribute__((warn_unused_result));

#endif
