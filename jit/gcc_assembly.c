/* gcc_assembly.c: a batch of nests becomes assembler text: one libgccjit context, all functions in it.
 *
 * Only the text is asked for: whole compilation inside libgccjit would run a driver, and change the process' signal
 * handlers and environment. The garbage collector's parameters keep a long-lived worker from growing. -O2, no
 * reassociation and no contraction: the nest says what is vectorised, unrolled and fused. Identical functions stay
 * apart, since each has its own tag; nothing may become a call of memset.
 */
#include "jit/gcc.h"
#include "jit/gcc_emit.h"
#include "jit/gcc_isa.h"
#include "jit/nest.h"

#include <stdio.h>
#include <string.h>

static const char *const options[] = {
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-strict-aliasing",
    "-fno-ipa-icf",
    "-fno-tree-loop-distribute-patterns",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-fno-ident",
    "--param=ggc-min-expand=10",
    "--param=ggc-min-heapsize=16384",
};
enum { OPTIONS = sizeof options / sizeof *options };

bool alt_gcc_can(enum alt_isa isa) { return alt_gcc_isa(isa) != NULL; }

void alt_gcc_describe(enum alt_isa isa, char *out, size_t size)
{
    const struct alt_gcc_isa *how = alt_gcc_isa(isa);
    int at = snprintf(out, size, "libgccjit %d.%d.%d -O2 %s %s%s%s", gcc_jit_version_major(), gcc_jit_version_minor(),
                      gcc_jit_version_patchlevel(), how ? how->march : "", how ? how->mtune : "",
                      how && how->width ? " " : "", how && how->width ? how->width : "");
    for (int i = 0; i < OPTIONS && at >= 0 && (size_t)at < size; i++)
        at += snprintf(out + at, size - (size_t)at, " %s", options[i]);
}

static void set_options(gcc_jit_context *ctxt, const struct alt_gcc_isa *isa)
{
    gcc_jit_context_set_int_option(ctxt, GCC_JIT_INT_OPTION_OPTIMIZATION_LEVEL, 2);
    gcc_jit_context_set_bool_option(ctxt, GCC_JIT_BOOL_OPTION_DEBUGINFO, 0);
    gcc_jit_context_set_bool_print_errors_to_stderr(ctxt, 0);
    for (int i = 0; i < OPTIONS; i++)
        gcc_jit_context_add_command_line_option(ctxt, options[i]);
    gcc_jit_context_add_command_line_option(ctxt, isa->march);
    gcc_jit_context_add_command_line_option(ctxt, isa->mtune);
    if (isa->width)
        gcc_jit_context_add_command_line_option(ctxt, isa->width);
}

static void add_tag(gcc_jit_context *ctxt, uint64_t tag, const char *name)
{
    /* Only arrays take bytes. */
    gcc_jit_type *type =
        gcc_jit_context_new_array_type(ctxt, NULL, gcc_jit_context_get_int_type(ctxt, sizeof tag, 0), 1);
    gcc_jit_lvalue *global = gcc_jit_context_new_global(ctxt, NULL, GCC_JIT_GLOBAL_EXPORTED, type, name);
    gcc_jit_global_set_initializer(global, &tag, sizeof tag);
}

static alt_status add_unit(gcc_jit_context *ctxt, const struct alt_gcc_isa *isa, const struct alt_gcc_unit *unit, int i)
{
    char name[48];

    snprintf(name, sizeof name, "alt_kernel_%d_tag", i);
    add_tag(ctxt, unit->tag, name);
    snprintf(name, sizeof name, "alt_kernel_%d", i);
    return alt_gcc_emit(ctxt, isa, unit->nest, name);
}

alt_status alt_gcc_assembly(const struct alt_gcc_unit *unit, int count, enum alt_isa isa, const char *path,
                            struct alt_diag *diag)
{
    const struct alt_gcc_isa *how = alt_gcc_isa(isa);
    gcc_jit_context *ctxt = NULL;
    alt_status status = ALT_OK;

    for (int i = 0; i < count && how; i++)
        if (unit[i].nest->fused && !how->fma)
            how = NULL;
    if (!how)
        return alt_diag_add(diag, ALT_E_UNSUPPORTED, "no code can be made for %s here", alt_isa_name(isa));
    ctxt = gcc_jit_context_acquire();
    if (!ctxt)
        return alt_diag_add(diag, ALT_E_NOMEM, "libgccjit gave no context");
    set_options(ctxt, how);
    for (int i = 0; i < count && status == ALT_OK; i++)
        status = add_unit(ctxt, how, &unit[i], i);
    if (status != ALT_OK) {
        alt_diag_add(diag, status, "a nest could not be translated");
        goto done;
    }
    gcc_jit_context_compile_to_file(ctxt, GCC_JIT_OUTPUT_KIND_ASSEMBLER, path);
    const char *error = gcc_jit_context_get_first_error(ctxt);
    if (error)
        status = alt_diag_add(diag, ALT_E_INTERNAL, "libgccjit: %s", error);
done:
    gcc_jit_context_release(ctxt);
    return status;
}
