/* string_normalizer.c: StringNormalizer: leaves out stop words, then changes case.
 *
 * Case is that of Unicode's simple mappings for ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic, in UTF-8, whatever the
 * process's locale and the attribute `locale` say; other letters stay as they are. */
#include "runtime/ops/data.h"

#include <string.h>

enum change { KEEP, LOWER, UPPER };

/* Letters that have a partner: first..last, `step` apart, the lower one `distance` above the upper one. */
static const struct letters {
    uint32_t first, last; /* upper case */
    uint32_t step, distance;
} table[] = {
    {0x41, 0x5a, 1, 32},   {0xc0, 0xd6, 1, 32},   {0xd8, 0xde, 1, 32},   {0x100, 0x12e, 2, 1},  {0x132, 0x136, 2, 1},
    {0x139, 0x147, 2, 1},  {0x14a, 0x176, 2, 1},  {0x179, 0x17d, 2, 1},  {0x388, 0x38a, 1, 37}, {0x391, 0x3a1, 1, 32},
    {0x3a3, 0x3ab, 1, 32}, {0x400, 0x40f, 1, 80}, {0x410, 0x42f, 1, 32}, {0x460, 0x480, 2, 1},  {0x48a, 0x4be, 2, 1},
    {0x4c1, 0x4cd, 2, 1},  {0x4d0, 0x52e, 2, 1},
};

static uint32_t change_letter(enum change change, uint32_t c)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct letters *t = &table[i];
        const uint32_t upper = change == LOWER ? c : c - t->distance;
        if (upper >= t->first && upper <= t->last && (upper - t->first) % t->step == 0 && upper <= c)
            return change == LOWER ? c + t->distance : upper;
    }
    return change == UPPER && c == 0x3c2 ? 0x3a3 : c; /* the sigma at the end of words */
}

/* Changes the letters of a text in place; partners have as many bytes in UTF-8. */
static void change_case(enum change change, char *text, size_t length)
{
    for (size_t i = 0; change != KEEP && i < length; i++) {
        const unsigned char a = (unsigned char)text[i], b = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        if (a < 0x80) {
            text[i] = (char)change_letter(change, a);
        } else if (a >= 0xc2 && a < 0xe0 && (b & 0xc0) == 0x80) {
            const uint32_t c = change_letter(change, (uint32_t)(a & 0x1f) << 6 | (b & 0x3f));
            text[i++] = (char)(0xc0 | c >> 6);
            text[i] = (char)(0x80 | (c & 0x3f));
        }
    }
}

static bool read_change(const struct alt_node *n, enum change *out)
{
    static const char *const names[] = {"NONE", "LOWER", "UPPER"};
    const char *name = alt_attr_text(n, "case_change_action", "NONE");
    int i = 0;
    while (i < 3 && strcmp(names[i], name) != 0)
        i++;
    *out = (enum change)i;
    return i < 3;
}

static alt_status infer(struct alt_infer *inf)
{
    enum change change;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_STRING));
    struct alt_shape out = inf->in[0]->shape;
    if (!read_change(inf->node, &change))
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute case_change_action must be NONE, LOWER or UPPER");
    if (out.rank == 0 || out.rank > 2 || (out.rank == 2 && alt_dim_known(out.dim[0]) && out.dim[0] != 1))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must be [C] or [1, C]");
    if (out.rank > 0)
        out.dim[out.rank - 1] = alt_dim_unknown(inf->dims);
    alt_infer_set(inf, 0, ALT_STRING, &out);
    return ALT_OK;
}

static alt_status copy_changed(struct alt_eval *e, enum change change, const alt_string *from, alt_string *out)
{
    char *text = alt_eval_alloc(e, from->length);
    if (!text)
        return ALT_E_NOMEM;
    if (from->length)
        memcpy(text, from->data, from->length);
    change_case(change, text, from->length);
    *out = (alt_string){text, from->length};
    return ALT_OK;
}

static bool equal(const alt_string *a, const alt_string *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

/* Stop words as they are compared: in lower case unless case counts. */
static alt_status read_stopwords(struct alt_eval *e, enum change compared, alt_string **words, int64_t *count)
{
    const struct alt_attr *a = alt_attr_find(e->node, "stopwords");
    *count = a && a->type == ALT_ATTR_STRINGS ? a->count : 0;
    *words = alt_eval_alloc(e, alt_dtype_bytes(ALT_STRING, *count));
    if (!*words)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < *count; i++)
        ALT_CHECK(copy_changed(e, compared, &a->strings[i], &(*words)[i]));
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    const struct alt_tensor *in = e->in[0];
    const enum change compared = alt_attr_int(e->node, "is_case_sensitive", 0) ? KEEP : LOWER;
    const int64_t count = alt_tensor_count(in);
    enum change change;
    alt_string *stop, *kept = alt_eval_alloc(e, alt_dtype_bytes(ALT_STRING, count));
    int64_t stops, n = 0, dims[2] = {1, 1};
    read_change(e->node, &change);
    if (in->rank == 2 && in->dim[0] != 1)
        return alt_eval_fail(e, ALT_E_SHAPE, "the input must be [C] or [1, C]");
    if (!kept)
        return ALT_E_NOMEM;
    ALT_CHECK(read_stopwords(e, compared, &stop, &stops));
    for (int64_t i = 0; i < count; i++) {
        const alt_string *text = (const alt_string *)in->data + i;
        alt_string word;
        int64_t k = 0;
        ALT_CHECK(copy_changed(e, compared, text, &word));
        while (k < stops && !equal(&word, &stop[k]))
            k++;
        if (k == stops)
            ALT_CHECK(copy_changed(e, change, text, &kept[n++]));
    }
    dims[in->rank - 1] = n > 0 ? n : 1;
    alt_string *out = alt_eval_output(e, 0, ALT_STRING, in->rank, dims);
    if (!out)
        return ALT_E_NOMEM;
    out[0] = (alt_string){"", 0};
    if (n > 0)
        memcpy(out, kept, (size_t)n * sizeof *out);
    return ALT_OK;
}

const struct alt_op_impl alt_op_string_normalizer = {.infer = infer, .eval = eval};
