/* string_split.c: StringSplit: the parts of each string between delimiters, padded to the most parts of any; without a
 * delimiter, between runs of white space (of ASCII, and the other spaces of Unicode). The parts share the input's bytes: what is
 * given out is copied by its owner. */
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_STRING));
    struct alt_shape out = inf->in[0]->shape;
    if (inf->n_out > 1)
        alt_infer_set(inf, 1, ALT_INT64, &out);
    if (out.rank == ALT_MAX_RANK)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "the output would have more than %d axes", ALT_MAX_RANK);
    if (out.rank >= 0)
        out.dim[out.rank++] = alt_dim_unknown(inf->dims);
    alt_infer_set(inf, 0, ALT_STRING, &out);
    return ALT_OK;
}

/* Bytes of the white space at the start of the text; 0: there is none. */
static size_t space_length(const char *text, size_t length)
{
    static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
                                       "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
                                       "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
                                       "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    if (length == 0)
        return 0;
    if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r') || (text[0] >= 0x1c && text[0] <= 0x1f))
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        const size_t n = strlen(wide[i]);
        if (n <= length && memcmp(text, wide[i], n) == 0)
            return n;
    }
    return 0;
}

struct splitting {
    alt_string delimiter; /* empty: white space */
    int64_t most;         /* splits; INT64_MAX: any number */
};

/* Bytes of the delimiter at the start of the text. */
static size_t delimiter_length(const struct splitting *s, const char *text, size_t length)
{
    if (!s->delimiter.length)
        return space_length(text, length);
    return length >= s->delimiter.length && memcmp(text, s->delimiter.data, s->delimiter.length) == 0
               ? s->delimiter.length
               : 0;
}

static size_t skip_spaces(const alt_string *text, size_t at)
{
    for (size_t n; (n = space_length(text->data + at, text->length - at)) > 0;)
        at += n;
    return at;
}

/* Length of the text without the white space at its end, but not below `from`. */
static size_t trimmed(const alt_string *text, size_t from)
{
    size_t end = from;
    for (size_t at = from, n; at < text->length; at += n ? n : 1) {
        n = space_length(text->data + at, text->length - at);
        if (!n)
            end = at + 1;
    }
    return end;
}

/* The parts of a text, written to `out` unless NULL; how many there are. */
static int64_t split(const struct splitting *s, const alt_string *text, alt_string *out)
{
    const bool spaces = s->delimiter.length == 0;
    size_t at = spaces ? skip_spaces(text, 0) : 0;
    int64_t parts = 0;
    if (spaces && at == text->length)
        return 0;
    for (size_t from = at;;) {
        const bool last = parts >= s->most;
        size_t n = last || at == text->length ? 0 : delimiter_length(s, text->data + at, text->length - at);
        if (last)
            at = spaces ? trimmed(text, from) : text->length;
        if (n == 0 && !last && at < text->length) {
            at++;
            continue;
        }
        if (out)
            out[parts] = (alt_string){text->data + from, at - from};
        parts++;
        at = from = spaces && n ? skip_spaces(text, at + n) : at + n;
        if (n == 0 || (spaces && at == text->length))
            return parts;
    }
}

static struct splitting read_attributes(const struct alt_node *n)
{
    const struct alt_attr *a = alt_attr_find(n, "delimiter");
    struct splitting s = {.most = alt_attr_int(n, "maxsplit", INT64_MAX)};
    if (a && a->type == ALT_ATTR_STRING)
        s.delimiter = a->strings[0];
    if (s.most < 0)
        s.most = INT64_MAX;
    return s;
}

static alt_status eval(struct alt_eval *e)
{
    const struct alt_tensor *in = e->in[0];
    const struct splitting s = read_attributes(e->node);
    const alt_string *text = in->data;
    const int64_t count = alt_tensor_count(in);
    int64_t dims[ALT_MAX_RANK], most = 0;
    int64_t *parts = e->n_out > 1 && e->node->out[1] ? alt_eval_output(e, 1, ALT_INT64, in->rank, in->dim)
                                                     : alt_eval_alloc(e, alt_dtype_bytes(ALT_INT64, count));
    if (!parts)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < count; i++) {
        parts[i] = split(&s, &text[i], NULL);
        most = parts[i] > most ? parts[i] : most;
    }
    memcpy(dims, in->dim, (size_t)in->rank * sizeof *dims);
    dims[in->rank] = most;
    alt_string *out = alt_eval_output(e, 0, ALT_STRING, in->rank + 1, dims);
    if (!out)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < count; i++) {
        split(&s, &text[i], out + i * most);
        for (int64_t k = parts[i]; k < most; k++)
            out[i * most + k] = (alt_string){"", 0};
    }
    return ALT_OK;
}

const struct alt_op_impl alt_op_string_split = {.infer = infer, .eval = eval};
