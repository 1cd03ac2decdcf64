/* einsum_read.c: reads the equation of Einsum: "ij,jk->ik", "...ij,...jk", "bii->b". */
#include "runtime/ops/einsum.h"

#include <string.h>

/* Codes of labels before they are numbered: letters, then the axes of the ellipsis. */
enum { LETTERS = 52, CODES = LETTERS + ALT_MAX_RANK };

/* One term: its codes in order; ELLIPSIS stands for all its axes. */
enum { ELLIPSIS = CODES, TERM = 64 };
struct term {
    int count, letters;
    bool ellipsis;
    int code[TERM];
};

static const char *read_term(const char **at, struct term *t)
{
    memset(t, 0, sizeof *t);
    for (; **at && **at != ',' && strncmp(*at, "->", 2) != 0; (*at)++) {
        const char c = **at;
        if (c == ' ')
            continue;
        if (t->count == TERM)
            return "a term of the equation is too long";
        if (c >= 'A' && c <= 'Z') {
            t->code[t->count++] = c - 'A';
            t->letters++;
        } else if (c >= 'a' && c <= 'z') {
            t->code[t->count++] = c - 'a' + 26;
            t->letters++;
        } else if (strncmp(*at, "...", 3) == 0 && !t->ellipsis) {
            t->code[t->count++] = ELLIPSIS;
            t->ellipsis = true;
            *at += 2;
        } else {
            return "the equation may hold letters, commas, one ellipsis a term and one arrow";
        }
    }
    return NULL;
}

/* The equation while it is read. */
struct reading {
    struct alt_einsum *e;
    int code[ALT_EINSUM_INPUTS][ALT_MAX_RANK];
    int seen[CODES]; /* how often each code stands on the left */
    int hidden;      /* axes of the longest ellipsis */
    int number[CODES]; /* of each code, -1: none yet */
};

/* Codes of every axis of input i. */
static const char *place_term(struct reading *r, int i, const struct term *t, int rank)
{
    const int hidden = rank - t->letters;
    int axis = 0;
    if (hidden < 0 || (hidden > 0 && !t->ellipsis))
        return "a term of the equation has not as many labels as its input has axes";
    r->hidden = hidden > r->hidden ? hidden : r->hidden;
    r->e->rank[i] = rank;
    for (int k = 0; k < t->count; k++) {
        if (t->code[k] != ELLIPSIS) {
            r->seen[t->code[k]]++;
            r->code[i][axis++] = t->code[k];
            continue;
        }
        /* Aligned at the end: the last hidden axis of every input is the last code. */
        for (int h = 0; h < hidden; h++)
            r->code[i][axis++] = CODES - hidden + h;
    }
    return NULL;
}

static const char *number(struct reading *r, int code)
{
    if (r->number[code] >= 0)
        return NULL;
    if (r->e->labels == ALT_EINSUM_LABELS)
        return "the equation has too many labels";
    r->number[code] = r->e->labels++;
    return NULL;
}

static const char *number_hidden(struct reading *r)
{
    const char *fault = NULL;
    for (int h = 0; h < r->hidden && !fault; h++)
        fault = number(r, CODES - r->hidden + h);
    return fault;
}

/* Output labels as the right side says. */
static const char *read_output(struct reading *r, const char *at)
{
    struct term t;
    const char *fault = read_term(&at, &t);
    if (!fault && *at)
        return "the equation goes on behind its output";
    for (int k = 0; k < t.count && !fault; k++) {
        if (t.code[k] == ELLIPSIS)
            fault = number_hidden(r);
        else if (!r->seen[t.code[k]] || r->number[t.code[k]] >= 0)
            return "every label of the output must stand in an input, and once in the output";
        else
            fault = number(r, t.code[k]);
    }
    return fault;
}

/* Without a right side: the ellipsis, then the letters that appear once, in alphabetical order. */
static const char *imply_output(struct reading *r)
{
    const char *fault = number_hidden(r);
    for (int code = 0; code < LETTERS && !fault; code++)
        if (r->seen[code] == 1)
            fault = number(r, code);
    return fault;
}

const char *alt_einsum_read(const char *equation, int inputs, const int *rank, struct alt_einsum *e)
{
    struct reading r = {.e = e};
    const char *fault = NULL, *at = equation;
    memset(e, 0, sizeof *e);
    memset(r.number, -1, sizeof r.number);
    if (inputs < 1 || inputs > ALT_EINSUM_INPUTS)
        return "there must be 1 to 16 inputs";
    e->inputs = inputs;
    for (int i = 0; i < inputs && !fault; i++) {
        struct term t;
        if (i && *at++ != ',')
            return "the equation has not as many terms as there are inputs";
        fault = read_term(&at, &t);
        if (!fault)
            fault = place_term(&r, i, &t, rank[i]);
    }
    if (fault)
        return fault;
    if (*at == ',')
        return "the equation has not as many terms as there are inputs";
    fault = *at ? read_output(&r, at + 2) : imply_output(&r);
    e->outputs = e->labels;
    if (!fault && e->outputs > ALT_MAX_RANK)
        return "the output has too many axes";
    for (int i = 0; i < inputs && !fault; i++)
        for (int a = 0; a < rank[i] && !fault; a++) {
            fault = number(&r, r.code[i][a]);
            e->label[i][a] = r.number[r.code[i][a]];
        }
    return fault;
}
