/* code.h: a compiled kernel, loaded. Needs the dynamic linker alone, no compiler. */
#ifndef ALT_JIT_CODE_H
#define ALT_JIT_CODE_H

#include "jit/desc.h"
#include "jit/variant.h"
#include "runtime/error.h"
#include "runtime/kernel.h"

struct alt_mem;
struct alt_code;

/* What a kernel was made for. */
struct alt_code_spec {
    struct alt_desc desc;
    struct alt_variant variant;
    enum alt_isa isa;
};

/* What both sides must agree on: kernel ABI, nest format, instruction set, descriptor, variant and the nest itself,
 * hashed. Compiled into the kernel beside its function (gcc.h). ALT_E_ILLEGAL, ALT_E_NOMEM. */
alt_status alt_code_tag(const struct alt_code_spec *spec, struct alt_mem *mem, uint64_t *tag)
    __attribute__((warn_unused_result));

/* Loads function `index` of the shared object at `path`, an absolute path that no other object was ever loaded from:
 * the dynamic linker knows objects by name. ALT_E_MALFORMED: the file is no kernel, or not this one; ALT_E_UNSUPPORTED:
 * this machine cannot run it; ALT_E_ILLEGAL, ALT_E_NOMEM. The caller owns one reference; `mem` must outlive the last. */
alt_status alt_code_load(const char *path, int index, const struct alt_code_spec *spec, struct alt_mem *mem,
                         struct alt_code **out, struct alt_diag *diag) __attribute__((warn_unused_result));
/* References may be taken and dropped by any thread; the last one unloads. NULL is ignored. */
struct alt_code *alt_code_hold(struct alt_code *code);
void alt_code_release(struct alt_code *code);

/* The kernel, as long as a reference is held. Its bind() takes operands in the order of alt_desc_operands and refuses,
 * with ALT_E_ILLEGAL and without words, types, shapes and layouts that it was not made for. */
const struct alt_kernel *alt_code_kernel(const struct alt_code *code);
const struct alt_code_spec *alt_code_spec(const struct alt_code *code);
/* The code that a kernel belongs to, for kernels from alt_code_kernel. */
const struct alt_code *alt_code_of(const struct alt_kernel *kernel);

#endif
