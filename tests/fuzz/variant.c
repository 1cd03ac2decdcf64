/* variant.c: fuzz target: a variant's text, and behind a line end the descriptor that it is for. A legal one has layouts and
 * a nest that the verifier takes. */
#include "jit/desc.h"
#include "jit/nest.h"
#include "jit/variant.h"
#include "runtime/cpu.h"
#include "runtime/layout.h"
#include "runtime/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

static void build(const struct alt_desc *d, const struct alt_variant *v, enum alt_isa isa)
{
    struct alt_mem mem;
    struct alt_arena arena;
    const struct alt_layout *layout[ALT_DESC_MAX_OPERANDS];
    struct alt_nest *nest;
    alt_mem_init(&mem, NULL, (size_t)64 << 20);
    alt_arena_init(&arena, &mem);
    alt_status status = alt_variant_layouts(d, v, &arena, layout);
    fuzz_expect(status == ALT_OK || status == ALT_E_ILLEGAL || status == ALT_E_NOMEM, "layouts are had or refused");
    status = alt_variant_nest(d, v, isa, &arena, &nest);
    fuzz_expect(status == ALT_OK || status == ALT_E_ILLEGAL || status == ALT_E_NOMEM, "a nest is had or refused");
    if (status == ALT_OK)
        fuzz_expect(alt_nest_verify(nest, NULL) == ALT_OK, "nests of variants are verified");
    alt_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = strchr(text, '\n'), printed[512];
    struct alt_variant v, again;
    struct alt_desc d;
    if (rest)
        *rest++ = 0;
    if (alt_variant_parse(text, &v) == ALT_OK) {
        fuzz_expect(alt_variant_print(&v, printed, sizeof printed) < sizeof printed, "the text fits");
        fuzz_expect(alt_variant_parse(printed, &again) == ALT_OK && alt_variant_equal(&v, &again),
                    "the text reads back");
        if (rest && alt_desc_parse(rest, &d) == ALT_OK)
            for (int isa = 0; isa < ALT_ISA_COUNT; isa++)
                if (alt_variant_check(&d, (enum alt_isa)isa, &v) == ALT_OK)
                    build(&d, &v, (enum alt_isa)isa);
    }
    free(text);
    return 0;
}
