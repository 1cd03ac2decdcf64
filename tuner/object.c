/* object.c: see object.h. */
#include "tuner/object.h"

#include "jit/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char PREFIX[] = "alt_kernel_";

void alt_object_symbol(int index, char *out, size_t size) { snprintf(out, size, "%s%d", PREFIX, index); }

static bool index_of(const char *symbol, int *index)
{
    int64_t number;
    if (!alt_scan_field(&symbol, PREFIX, &number) || !alt_scan_end(&symbol) || number < 0 || number > INT_MAX)
        return false;
    *index = (int)number;
    return true;
}

static alt_status load(const struct alt_object *object, const struct alt_desc *desc, struct alt_mem *mem,
                       struct alt_code **out, struct alt_diag *diag)
{
    struct alt_code_spec spec = {.desc = *desc, .isa = alt_cpu_isa()};
    uint64_t tag = 0;
    int index = 0;
    if (object->path[0] != '/' || !index_of(object->symbol, &index))
        return alt_diag_add(diag, ALT_E_MALFORMED, "no absolute path or no kernel's name");
    if (alt_variant_parse(object->variant, &spec.variant) != ALT_OK)
        return alt_diag_add(diag, ALT_E_MALFORMED, "no variant: %s", object->variant);
    alt_status status = alt_code_tag(&spec, mem, &tag);
    if (status != ALT_OK)
        return alt_diag_add(diag, status, "no legal variant of the region: %s", object->variant);
    if (tag != object->tag)
        return alt_diag_add(diag, ALT_E_MALFORMED, "made by another version, or for something else");
    return alt_code_load(object->path, index, &spec, mem, out, diag);
}

alt_status alt_object_load(const struct alt_object *object, const struct alt_desc *desc, struct alt_mem *mem,
                           struct alt_code **out, char *why, size_t why_size)
{
    struct alt_diag diag = {0};
    alt_status status = load(object, desc, mem, out, &diag);
    if (status != ALT_OK)
        snprintf(why, why_size, "%s", diag.text ? diag.text : alt_status_text(status));
    alt_diag_clear(&diag);
    return status;
}
