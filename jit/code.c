/* code.c: see code.h. */
#include "jit/code.h"

#include "jit/nest.h"
#include "jit/text.h"
#include "runtime/layout.h"
#include "runtime/mem.h"
#include "runtime/step.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct alt_code {
    struct alt_kernel kernel;
    struct alt_code_spec spec;
    struct alt_mem *mem;    /* borrowed */
    struct alt_arena arena; /* layouts */
    void *handle;           /* owned */
    _Atomic int references; /* the last release pairs with those before it */
    struct alt_nest_range range; /* its body is gone */
    size_t scratch;              /* bytes a thread */
    char name[160]; /* of the kernel */
    enum alt_desc_role role[ALT_DESC_MAX_OPERANDS];
    const struct alt_layout *layout[ALT_DESC_MAX_OPERANDS];
    int n_operands;
};

/* ---- the tag ---- */

static uint64_t hash_text(uint64_t seed, const char *text) { return alt_text_hash(seed, text, strlen(text) + 1); }

static alt_status tag_of(const struct alt_code_spec *spec, const struct alt_nest *nest, struct alt_arena *arena,
                         uint64_t *tag)
{
    const size_t length = alt_nest_print(nest, NULL, 0);
    char *text = alt_arena_alloc(arena, length + 1), words[512];
    uint64_t hash = ALT_HASH_START;

    if (!text)
        return ALT_E_NOMEM;
    snprintf(words, sizeof words, "alt kernel abi %d nest %d %s", ALT_KERNEL_ABI, ALT_NEST_FORMAT,
             alt_isa_name(spec->isa));
    hash = hash_text(hash, words);
    alt_desc_print(&spec->desc, words, sizeof words);
    hash = hash_text(hash, words);
    alt_variant_print(&spec->variant, words, sizeof words);
    hash = hash_text(hash, words);
    alt_nest_print(nest, text, length + 1);
    *tag = hash_text(hash, text);
    return ALT_OK;
}

/* The tag, the parallel loops, and scratch. */
static alt_status derive(const struct alt_code_spec *spec, struct alt_mem *mem, uint64_t *tag,
                         struct alt_nest_range *range, size_t *scratch)
{
    struct alt_arena arena;
    struct alt_nest *nest;
    alt_status status;

    alt_arena_init(&arena, mem);
    ALT_TRY(alt_variant_nest(&spec->desc, &spec->variant, spec->isa, &arena, &nest));
    alt_nest_range(nest, range);
    range->body = NULL;
    ALT_TRY(tag_of(spec, nest, &arena, tag));
    *scratch = alt_nest_scratch(nest, NULL);
done:
    alt_arena_free(&arena);
    return status;
}

alt_status alt_code_tag(const struct alt_code_spec *spec, struct alt_mem *mem, uint64_t *tag)
{
    struct alt_nest_range range;
    size_t scratch;
    return derive(spec, mem, tag, &range, &scratch);
}

/* ---- binding ---- */

const struct alt_code *alt_code_of(const struct alt_kernel *kernel)
{
    return (const struct alt_code *)(const void *)((const char *)kernel - offsetof(struct alt_code, kernel));
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_code *code = alt_code_of(b->kernel);

    if (b->n_out != 1 || b->n_in + 1 != code->n_operands)
        return ALT_E_ILLEGAL;
    const int64_t any = alt_desc_any(&code->spec.desc, b->in[0].rank, b->in[0].dim);
    const struct alt_desc desc = alt_desc_at(&code->spec.desc, any);
    if (any > ALT_DESC_ANY_MOST || alt_desc_check(&desc) != ALT_OK)
        return ALT_E_ILLEGAL;
    for (int i = 0; i < code->n_operands; i++) {
        const struct alt_operand *op = i < b->n_in ? &b->in[i] : &b->out[0];
        if (op->dtype != ALT_FLOAT32 || !alt_desc_fits(&desc, code->role[i], op->rank, op->dim) ||
            !alt_layout_equal(op->layout, code->layout[i]))
            return ALT_E_ILLEGAL;
    }
    b->params = NULL;
    if (any) {
        int64_t *extent = alt_arena_array(b->arena, 1, sizeof *extent);
        if (!extent)
            return ALT_E_NOMEM;
        *extent = any;
        b->extent = extent;
    }
    b->range = alt_nest_tiles(&code->range, any);
    b->flops = alt_desc_flops(&desc);
    b->scratch = code->scratch;
    return ALT_OK;
}

/* ---- loading ---- */

static void destroy(struct alt_code *code)
{
    if (code->handle)
        dlclose(code->handle);
    alt_arena_free(&code->arena);
    alt_mem_free(code->mem, code, sizeof *code);
}

static alt_status find_function(struct alt_code *code, const char *path, int index, uint64_t tag, struct alt_diag *diag)
{
    char name[48];

    code->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!code->handle)
        return alt_diag_add(diag, ALT_E_MALFORMED, "%s cannot be loaded: %s", path, dlerror());
    snprintf(name, sizeof name, "alt_kernel_%d", index);
    void *function = dlsym(code->handle, name);
    snprintf(name, sizeof name, "alt_kernel_%d_tag", index);
    const uint64_t *found = dlsym(code->handle, name);
    if (!function || !found)
        return alt_diag_add(diag, ALT_E_MALFORMED, "%s has no kernel %d", path, index);
    if (*found != tag)
        return alt_diag_add(diag, ALT_E_MALFORMED, "kernel %d of %s was made for something else, or by another version",
                            index, path);
    memcpy(&code->kernel.fn, &function,
           sizeof function); /* POSIX: a pointer to a function has dlsym's representation */
    return ALT_OK;
}

static alt_status describe(struct alt_code *code, const struct alt_code_spec *spec)
{
    code->spec = *spec;
    alt_variant_print(&spec->variant, code->name, sizeof code->name);
    code->kernel = (struct alt_kernel){
        .name = code->name, .bind = bind, .numerics = alt_variant_numerics(&spec->desc, &spec->variant)};
    code->n_operands = alt_desc_operands(&spec->desc, code->role);
    return alt_variant_layouts(&spec->desc, &spec->variant, &code->arena, code->layout);
}

alt_status alt_code_load(const char *path, int index, const struct alt_code_spec *spec, struct alt_mem *mem,
                         struct alt_code **out, struct alt_diag *diag)
{
    struct alt_code *code = NULL;
    struct alt_nest_range range = {.count = 0};
    size_t scratch = 0;
    uint64_t tag = 0;
    alt_status status;

    if (spec->isa > alt_cpu_isa())
        return alt_diag_add(diag, ALT_E_UNSUPPORTED, "%s needs %s", path, alt_isa_name(spec->isa));
    ALT_CHECK(derive(spec, mem, &tag, &range, &scratch));
    code = alt_mem_zalloc(mem, sizeof *code);
    if (!code)
        return ALT_E_NOMEM;
    code->mem = mem;
    code->range = range;
    code->scratch = scratch;
    alt_arena_init(&code->arena, mem);
    atomic_init(&code->references, 1);
    ALT_TRY(describe(code, spec));
    ALT_TRY(find_function(code, path, index, tag, diag));
    *out = code;
    code = NULL;
done:
    if (code)
        destroy(code);
    return status;
}

struct alt_code *alt_code_hold(struct alt_code *code)
{
    atomic_fetch_add_explicit(&code->references, 1, memory_order_relaxed);
    return code;
}

void alt_code_release(struct alt_code *code)
{
    if (code && atomic_fetch_sub_explicit(&code->references, 1, memory_order_acq_rel) == 1)
        destroy(code);
}

const struct alt_kernel *alt_code_kernel(const struct alt_code *code) { return &code->kernel; }
const struct alt_code_spec *alt_code_spec(const struct alt_code *code) { return &code->spec; }
