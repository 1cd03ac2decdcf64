/* desc_text.c: descriptors as text and back; the grammar is in desc.h. */
#include "jit/desc.h"
#include "jit/text.h"

static void put_axes(struct alt_text *t, const char *name, int rank, const int64_t *value)
{
    alt_text_put(t, name);
    if (rank == 2) {
        alt_text_number(t, value[0]);
        alt_text_put(t, "x");
    }
    alt_text_number(t, value[1]);
}

static void put_conv(struct alt_text *t, const struct alt_conv_desc *c)
{
    alt_text_field(t, c->any ? "conv f32 n=*" : "conv f32 n=", c->n);
    alt_text_field(t, " c=", c->c);
    put_axes(t, " i=", c->rank, c->in);
    alt_text_field(t, " o=", c->o);
    put_axes(t, " k=", c->rank, c->kernel);
    put_axes(t, " s=", c->rank, c->stride);
    alt_text_put(t, " p=");
    for (int i = 2 - c->rank; i < 2; i++)
        alt_text_field(t, i > 2 - c->rank ? "," : "", c->begin[i]);
    for (int i = 2 - c->rank; i < 2; i++)
        alt_text_field(t, ",", c->end[i]);
    put_axes(t, " d=", c->rank, c->dilation);
}

static void put_product(struct alt_text *t, const struct alt_product_desc *p)
{
    alt_text_field(t, "product f32 batch=", p->batch);
    alt_text_field(t, p->any ? " m=*" : " m=", p->m);
    alt_text_field(t, " k=", p->k);
    alt_text_field(t, " n=", p->n);
    alt_text_put(t, p->transposed ? " b=nk" : " b=kn");
    alt_text_put(t, p->constant ? ",const" : "");
}

size_t alt_desc_print(const struct alt_desc *d, char *out, size_t size)
{
    struct alt_text t = alt_text_begin(out, size);

    if (d->kind == ALT_DESC_CONV)
        put_conv(&t, &d->conv);
    else
        put_product(&t, &d->product);
    alt_text_put(&t, d->epilogue.bias ? " +bias" : "");
    alt_text_put(&t, d->epilogue.add ? " +add" : "");
    alt_text_put(&t, d->epilogue.activation == ALT_ACT_RELU ? " +relu" : "");
    if (d->epilogue.activation == ALT_ACT_CLIP) {
        alt_text_put(&t, " +clip=");
        alt_text_float(&t, d->epilogue.lo);
        alt_text_put(&t, ",");
        alt_text_float(&t, d->epilogue.hi);
    }
    return t.length;
}

/* "name=3x3", or "name=3" when there is one axis. The first list decides how many there are. */
static bool take_axes(const char **at, const char *name, int *rank, int64_t *value)
{
    if (!alt_scan_field(at, name, &value[1]))
        return false;
    const bool two = alt_scan_word(at, "x");
    if (*rank != 0 && *rank != 1 + two)
        return false;
    *rank = 1 + two;
    value[0] = value[1];
    return !two || alt_scan_number(at, &value[1]);
}

static bool take_pads(const char **at, struct alt_conv_desc *c)
{
    bool ok = alt_scan_word(at, "p=");
    for (int i = 2 - c->rank; i < 2; i++)
        ok = ok && (i == 2 - c->rank || alt_scan_word(at, ",")) && alt_scan_number(at, &c->begin[i]);
    for (int i = 2 - c->rank; i < 2; i++)
        ok = ok && alt_scan_word(at, ",") && alt_scan_number(at, &c->end[i]);
    return ok;
}

static bool take_any(const char **at, const char *name, bool *any, int64_t *typical)
{
    if (!alt_scan_word(at, name))
        return false;
    *any = alt_scan_word(at, "*");
    return alt_scan_number(at, typical);
}

static bool take_conv(const char **at, struct alt_conv_desc *c)
{
    const bool ok = take_any(at, "n=", &c->any, &c->n) && alt_scan_field(at, "c=", &c->c) &&
                    take_axes(at, "i=", &c->rank, c->in) && alt_scan_field(at, "o=", &c->o) &&
                    take_axes(at, "k=", &c->rank, c->kernel) && take_axes(at, "s=", &c->rank, c->stride) &&
                    take_pads(at, c) && take_axes(at, "d=", &c->rank, c->dilation);
    if (ok && c->rank == 1)
        c->in[0] = c->kernel[0] = c->stride[0] = c->dilation[0] = 1;
    return ok;
}

static bool take_product(const char **at, struct alt_product_desc *p)
{
    if (!alt_scan_field(at, "batch=", &p->batch) || !take_any(at, "m=", &p->any, &p->m) ||
        !alt_scan_field(at, "k=", &p->k) || !alt_scan_field(at, "n=", &p->n))
        return false;
    p->transposed = alt_scan_word(at, "b=nk");
    if (!p->transposed && !alt_scan_word(at, "b=kn"))
        return false;
    p->constant = alt_scan_word(at, ",const");
    return true;
}

static bool take_epilogue(const char **at, struct alt_epilogue *e)
{
    e->bias = alt_scan_word(at, "+bias");
    e->add = alt_scan_word(at, "+add");
    if (alt_scan_word(at, "+relu")) {
        e->activation = ALT_ACT_RELU;
    } else if (alt_scan_word(at, "+clip=")) {
        e->activation = ALT_ACT_CLIP;
        return alt_scan_float(at, &e->lo) && alt_scan_word(at, ",") && alt_scan_float(at, &e->hi);
    }
    return true;
}

alt_status alt_desc_parse(const char *text, struct alt_desc *out)
{
    struct alt_desc d = {0};
    const char *at = text;
    bool ok = false;

    if (alt_scan_word(&at, "conv f32 ")) {
        d.kind = ALT_DESC_CONV;
        ok = take_conv(&at, &d.conv);
    } else if (alt_scan_word(&at, "product f32 ")) {
        d.kind = ALT_DESC_PRODUCT;
        ok = take_product(&at, &d.product);
    }
    if (!ok || !take_epilogue(&at, &d.epilogue) || !alt_scan_end(&at))
        return ALT_E_MALFORMED;
    const alt_status status = alt_desc_check(&d);
    if (status == ALT_OK)
        *out = d;
    return status;
}
