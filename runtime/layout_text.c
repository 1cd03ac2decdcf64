/* layout_text.c: layouts as text and back: what traces and records hold.
 *
 *   layout = "plain" | rank ":" { " " primitive }+
 *   primitive = name "(" axis "," arguments ")", where the arguments of split and reorder stand in brackets and reorder
 *   has no axis. Blanks may stand anywhere between two tokens.
 */
#include "runtime/layout.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool axis, list;
    int count; /* of the arguments outside of a list */
} form[ALT_LAYOUT_OP_COUNT] = {
#define ALT_LAYOUT_ROW(suffix, name, axis, list, count) {name, axis, list, count},
    ALT_LAYOUT_OP_TABLE(ALT_LAYOUT_ROW)
#undef ALT_LAYOUT_ROW
};

/* Text that is cut off at `size` but counted in full. */
struct text {
    char *out;
    size_t size, length;
};

static void put(struct text *t, const char *piece)
{
    const size_t n = strlen(piece);

    if (t->length + 1 < t->size) {
        const size_t room = t->size - t->length - 1, take = n < room ? n : room;
        memcpy(t->out + t->length, piece, take);
        t->out[t->length + take] = '\0';
    }
    t->length += n;
}

static void put_number(struct text *t, int64_t number)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%" PRId64, number);
    put(t, digits);
}

static void put_prim(struct text *t, const struct alt_layout_prim *p)
{
    put(t, " ");
    put(t, form[p->op].name);
    put(t, "(");
    if (form[p->op].axis) {
        put_number(t, p->axis);
        put(t, ",");
    }
    for (int i = 0; i < p->count; i++) {
        put(t, i > 0 ? "," : form[p->op].list ? "[" : "");
        put_number(t, p->arg[i]);
    }
    put(t, form[p->op].list ? "])" : ")");
}

size_t alt_layout_print(const struct alt_layout *layout, char *out, size_t size)
{
    struct text t = {out, size, 0};

    if (size > 0)
        out[0] = '\0';
    if (!layout) {
        put(&t, "plain");
        return t.length;
    }
    put_number(&t, layout->rank);
    put(&t, ":");
    for (int i = 0; i < layout->count; i++)
        put_prim(&t, &layout->prim[i]);
    return t.length;
}

static void skip_blanks(const char **at)
{
    while (isspace((unsigned char)**at))
        ++*at;
}

static bool take(const char **at, char c)
{
    skip_blanks(at);
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static bool take_number(const char **at, int64_t *number)
{
    char *end;

    skip_blanks(at);
    if (**at != '-' && !isdigit((unsigned char)**at))
        return false;
    errno = 0;
    const intmax_t value = strtoimax(*at, &end, 10);
    if (end == *at || errno != 0 || value > INT64_MAX || value < INT64_MIN)
        return false;
    *at = end;
    *number = value;
    return true;
}

static bool take_name(const char **at, enum alt_layout_op *op)
{
    skip_blanks(at);
    const size_t length = strspn(*at, "abcdefghijklmnopqrstuvwxyz_");
    for (int i = 0; i < ALT_LAYOUT_OP_COUNT; i++)
        if (strlen(form[i].name) == length && memcmp(form[i].name, *at, length) == 0) {
            *op = (enum alt_layout_op)i;
            *at += length;
            return true;
        }
    return false;
}

static bool take_list(const char **at, struct alt_layout_prim *p)
{
    if (!take(at, '['))
        return false;
    do {
        if (p->count == ALT_MAX_PHYSICAL_RANK || !take_number(at, &p->arg[p->count++]))
            return false;
    } while (take(at, ','));
    return take(at, ']');
}

static bool take_prim(const char **at, struct alt_layout_prim *p)
{
    int64_t axis = 0;

    *p = (struct alt_layout_prim){0};
    if (!take_name(at, &p->op) || !take(at, '('))
        return false;
    if (form[p->op].axis && (!take_number(at, &axis) || axis < 0 || axis > ALT_MAX_PHYSICAL_RANK || !take(at, ',')))
        return false;
    p->axis = (int)axis;
    if (form[p->op].list) {
        if (!take_list(at, p))
            return false;
    } else {
        for (; p->count < form[p->op].count; p->count++)
            if ((p->count > 0 && !take(at, ',')) || !take_number(at, &p->arg[p->count]))
                return false;
    }
    return take(at, ')');
}

alt_status alt_layout_parse(struct alt_arena *arena, const char *text, const struct alt_layout **out)
{
    struct alt_extents shape = {0};
    const struct alt_layout *layout = NULL;
    struct alt_layout_prim prim;
    int64_t rank;

    skip_blanks(&text);
    if (strncmp(text, "plain", 5) == 0) {
        text += 5;
        skip_blanks(&text);
        if (*text)
            return ALT_E_MALFORMED;
        *out = NULL;
        return ALT_OK;
    }
    if (!take_number(&text, &rank) || rank < 0 || rank > ALT_MAX_RANK || !take(&text, ':'))
        return ALT_E_MALFORMED;
    shape.rank = (int)rank;
    for (int i = 0; i < shape.rank; i++)
        shape.extent[i] = -1;
    do {
        if (!take_prim(&text, &prim))
            return ALT_E_MALFORMED;
        const alt_status status = alt_layout_append(arena, layout, &shape, &prim, &layout);
        if (status != ALT_OK)
            return status;
        skip_blanks(&text);
    } while (*text);
    *out = layout;
    return ALT_OK;
}
