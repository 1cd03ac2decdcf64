/* variant_text.c: variants as text and back; the form is in variant.h. */
#include "jit/text.h"
#include "jit/variant.h"

#include <limits.h>

static void put_block(struct alt_text *t, const char *name, int block)
{
    alt_text_put(t, name);
    if (block == 0)
        alt_text_put(t, "plain");
    else
        alt_text_field(t, "blocked", block);
}

size_t alt_variant_print(const struct alt_variant *v, char *out, size_t size)
{
    struct alt_text t = alt_text_begin(out, size);

    put_block(&t, "in=", v->in);
    put_block(&t, " w=", v->w);
    put_block(&t, " out=", v->out);
    alt_text_field(&t, " lanes=", v->lanes);
    alt_text_field(&t, " tile=", v->rows);
    alt_text_field(&t, "x", v->vectors);
    alt_text_field(&t, " unroll=", v->unroll);
    alt_text_put(&t, v->order == ALT_ORDER_WEIGHTS ? " order=weights" : " order=data");
    alt_text_put(&t, v->prefetch ? " prefetch=panel" : " prefetch=none");
    return t.length;
}

static bool take_int(const char **at, const char *word, int *out)
{
    int64_t number;
    if (!alt_scan_field(at, word, &number) || number < 1 || number > INT_MAX)
        return false;
    *out = (int)number;
    return true;
}

static bool take_block(const char **at, const char *name, int *block)
{
    if (!alt_scan_word(at, name))
        return false;
    *block = 0;
    return alt_scan_word(at, "plain") || take_int(at, "blocked", block);
}

static bool take_order(const char **at, enum alt_variant_order *order)
{
    *order = alt_scan_word(at, "order=weights") ? ALT_ORDER_WEIGHTS : ALT_ORDER_DATA;
    return *order == ALT_ORDER_WEIGHTS || alt_scan_word(at, "order=data");
}

static bool take_prefetch(const char **at, bool *prefetch)
{
    *prefetch = alt_scan_word(at, "prefetch=panel");
    return *prefetch || alt_scan_word(at, "prefetch=none");
}

alt_status alt_variant_parse(const char *text, struct alt_variant *out)
{
    struct alt_variant v = {0};
    const char *at = text;

    if (!take_block(&at, "in=", &v.in) || !take_block(&at, "w=", &v.w) || !take_block(&at, "out=", &v.out) ||
        !take_int(&at, "lanes=", &v.lanes) || !take_int(&at, "tile=", &v.rows) || !take_int(&at, "x", &v.vectors) ||
        !take_int(&at, "unroll=", &v.unroll) || !take_order(&at, &v.order) || !take_prefetch(&at, &v.prefetch) ||
        !alt_scan_end(&at))
        return ALT_E_MALFORMED;
    *out = v;
    return ALT_OK;
}
