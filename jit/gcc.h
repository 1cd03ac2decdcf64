/* gcc.h: nests become loadable kernels, through libgccjit and binutils. For the worker and tests alone: libgccjit
 * changes signal handlers, may end its process and must never run inside a host.
 *
 * A batch of nests becomes one assembler text, that one object, that one shared object without libc. Function number i
 * is `alt_kernel_<i>`, called as runtime/kernel.h says; beside it lies the 64-bit variable `alt_kernel_<i>_tag`.
 */
#ifndef ALT_JIT_GCC_H
#define ALT_JIT_GCC_H

#include "runtime/cpu.h"
#include "runtime/error.h"

struct alt_nest;

struct alt_gcc_unit {
    const struct alt_nest *nest; /* verified */
    uint64_t tag;
};

/* Whether the compiler can make code for the level on this machine's architecture. */
bool alt_gcc_can(enum alt_isa isa);
/* Version of libgccjit and the options that a level is compiled with: part of what identifies a kernel. Cut off at
 * `size`. */
void alt_gcc_describe(enum alt_isa isa, char *out, size_t size);

/* Writes the assembler text of `count` nests to the file `path`. ALT_E_UNSUPPORTED for a level that cannot be compiled,
 * ALT_E_INTERNAL with the compiler's message. One thread at a time in a process. */
alt_status alt_gcc_assembly(const struct alt_gcc_unit *unit, int count, enum alt_isa isa, const char *path,
                            struct alt_diag *diag);
/* Assembles and links it: writes `object` on the way and leaves the shared object at `path`, which must not exist: a
 * file that was ever loaded must not be written again. ALT_E_SYSTEM. */
alt_status alt_gcc_link(const char *assembly, const char *object, const char *path, struct alt_diag *diag);
/* Both, with the steps between beside `path` and removed afterwards. */
alt_status alt_gcc_build(const struct alt_gcc_unit *unit, int count, enum alt_isa isa, const char *path,
                         struct alt_diag *diag);

#endif
