/* desc.c: fuzz target: descriptors of regions as text. What parses prints as text that parses to the same, and can be asked
 * for everything that a descriptor is asked for. */
#include "jit/desc.h"
#include "jit/variant.h"
#include "runtime/cpu.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), printed[1024];
    struct alt_desc d, again;
    enum alt_desc_role role[ALT_DESC_MAX_OPERANDS];
    struct alt_variant list[ALT_VARIANT_MOST];
    if (alt_desc_parse(text, &d) == ALT_OK) {
        fuzz_expect(alt_desc_print(&d, printed, sizeof printed) < sizeof printed, "the text fits");
        fuzz_expect(alt_desc_parse(printed, &again) == ALT_OK && alt_desc_equal(&d, &again), "the text reads back");
        fuzz_expect(alt_desc_flops(&d) >= 0, "work is not negative");
        fuzz_expect(alt_desc_operands(&d, role) <= ALT_DESC_MAX_OPERANDS, "operands fit");
        for (int isa = 0; isa < ALT_ISA_COUNT; isa++) {
            int n = alt_variant_list(&d, (enum alt_isa)isa, list);
            for (int i = 0; i < n; i++)
                fuzz_expect(alt_variant_check(&d, (enum alt_isa)isa, &list[i]) == ALT_OK, "listed variants are legal");
        }
    }
    free(text);
    return 0;
}
