/* graph_text.c: reads graphs written as text; see graph_text.h. */
#include "tests/graph_text.h"

#include "runtime/half.h"
#include "tests/cmocka_all.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

struct reader {
    struct graph_text *t;
    const char *at;
};

static void blanks(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

static bool take(struct reader *r, char c)
{
    blanks(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static void expect(struct reader *r, char c)
{
    if (!take(r, c))
        fail_msg("'%c' expected before: %.30s", c, r->at);
}

/* A name; arena. NULL: no memory. */
static const char *word(struct reader *r)
{
    blanks(r);
    const size_t n = strcspn(r->at, " ,()=[]\n");
    const char *text = alt_arena_text(&r->t->arena, r->at, n);
    r->at += n;
    return text;
}

static struct alt_gvalue *find(struct reader *r, const char *name)
{
    const struct alt_graph *g = r->t->graph;
    for (int i = 0; i < g->n_values; i++)
        if (g->values[i] && strcmp(g->values[i]->name, name) == 0)
            return g->values[i];
    fail_msg("no value %s", name);
    return NULL;
}

static bool read_type(struct reader *r, alt_dtype *dtype, struct alt_shape *shape)
{
    const char *name = word(r);
    if (!name)
        return false;
    *dtype = ALT_NONE;
    for (int d = 1; d <= ALT_INT2; d++)
        if (strcmp(alt_dtype_name((alt_dtype)d), name) == 0)
            *dtype = (alt_dtype)d;
    assert_int_not_equal(*dtype, ALT_NONE);
    shape->rank = 0;
    expect(r, '[');
    while (!take(r, ']')) {
        const char *dim = word(r);
        if (!dim)
            return false;
        shape->dim[shape->rank++] = isdigit((unsigned char)*dim) ? atoll(dim) : alt_dim_symbol(&r->t->dims, dim);
        take(r, ',');
    }
    return true;
}

static void store(alt_dtype dtype, char *to, double number)
{
    const float single = (float)number;
    const uint16_t half = alt_f32_to_f16(single);
    const int64_t wide = (int64_t)number;
    const int32_t narrow = (int32_t)number;
    const uint8_t byte = (uint8_t)narrow;

    switch (dtype) {
    case ALT_FLOAT32: memcpy(to, &single, 4); break;
    case ALT_FLOAT64: memcpy(to, &number, 8); break;
    case ALT_FLOAT16: memcpy(to, &half, 2); break;
    case ALT_INT64: memcpy(to, &wide, 8); break;
    case ALT_INT32: memcpy(to, &narrow, 4); break;
    case ALT_BOOL:
    case ALT_INT8:
    case ALT_UINT8: memcpy(to, &byte, 1); break;
    default: fail_msg("constants of %s cannot be written", alt_dtype_name(dtype));
    }
}

static bool read_const(struct reader *r)
{
    struct alt_tensor t = {0};
    struct alt_shape shape;
    const char *name = word(r);
    if (!name || !read_type(r, &t.dtype, &shape))
        return false;
    t.rank = shape.rank;
    memcpy(t.dim, shape.dim, sizeof t.dim);
    t.bytes = alt_dtype_bytes(t.dtype, alt_tensor_count(&t));
    char *data = alt_arena_data(&r->t->arena, t.bytes);
    if (!data)
        return false;
    t.data = data;
    double number = 0;
    for (int64_t i = 0; i < alt_tensor_count(&t); i++) {
        blanks(r);
        if (*r->at != '\n') {
            char *end;
            number = strtod(r->at, &end);
            assert_ptr_not_equal(end, r->at);
            r->at = end;
        }
        store(t.dtype, data + (size_t)i * alt_dtype_size(t.dtype), number);
    }
    return alt_graph_add_const(r->t->graph, name, &t) != NULL;
}

static bool read_input(struct reader *r)
{
    struct alt_graph *g = r->t->graph;
    const char *name = word(r);
    struct alt_gvalue *v = name ? alt_graph_add_value(g, ALT_GV_INPUT, name) : NULL;
    struct alt_gvalue **all = alt_arena_array(&r->t->arena, (size_t)g->n_inputs + 1, sizeof *all);
    if (!v || !all || !read_type(r, &v->type.dtype, &v->type.shape))
        return false;
    if (g->n_inputs)
        memcpy(all, g->inputs, (size_t)g->n_inputs * sizeof *all);
    all[g->n_inputs++] = v;
    g->inputs = all;
    return true;
}

static bool read_output(struct reader *r)
{
    struct alt_graph *g = r->t->graph;
    const char *name = word(r);
    struct alt_gvalue **all = alt_arena_array(&r->t->arena, (size_t)g->n_outputs + 1, sizeof *all);
    if (!name || !all)
        return false;
    if (g->n_outputs)
        memcpy(all, g->outputs, (size_t)g->n_outputs * sizeof *all);
    all[g->n_outputs] = find(r, name);
    all[g->n_outputs++]->n_outputs++;
    g->outputs = all;
    return true;
}

/* One attribute; false: no memory. */
static bool read_attr(struct reader *r, struct alt_attr *a)
{
    int64_t *ints = alt_arena_array(&r->t->arena, MOST, sizeof *ints);
    float *real = alt_arena_alloc(&r->t->arena, sizeof *real);
    alt_string *string = alt_arena_alloc(&r->t->arena, sizeof *string);
    a->name = word(r);
    if (!ints || !real || !string || !a->name)
        return false;
    expect(r, '=');
    a->count = 1;
    if (take(r, '[')) {
        a->type = ALT_ATTR_INTS;
        a->ints = ints;
        for (a->count = 0; !take(r, ']'); take(r, ','))
            ints[a->count++] = strtoll(r->at, (char **)&r->at, 10);
        return true;
    }
    const char *text = word(r);
    if (!text)
        return false;
    if (*text == '"') {
        a->type = ALT_ATTR_STRING;
        *string = (alt_string){text + 1, strlen(text) - 2};
        a->strings = string;
    } else if (strchr(text, '.')) {
        a->type = ALT_ATTR_FLOAT;
        *real = strtof(text, NULL);
        a->floats = real;
    } else {
        a->type = ALT_ATTR_INT;
        ints[0] = atoll(text);
        a->ints = ints;
    }
    return true;
}

static bool read_node(struct reader *r)
{
    struct alt_graph *g = r->t->graph;
    struct alt_gvalue *in[MOST], *out[MOST];
    int n_in = 0, n_out = 0, n_attr = 0;
    struct alt_attr *attr = alt_arena_array(&r->t->arena, MOST, sizeof *attr);
    if (!attr)
        return false;
    do {
        const char *name = word(r);
        struct alt_gvalue *v = name && strcmp(name, "_") != 0 ? alt_graph_add_value(g, ALT_GV_TEMP, name) : NULL;
        if (!name || (!v && strcmp(name, "_") != 0))
            return false;
        out[n_out++] = v;
    } while (take(r, ','));
    expect(r, '=');
    char *name = (char *)(uintptr_t)word(r);
    if (!name)
        return false;
    char *dash = strrchr(name, '-');
    assert_non_null(dash);
    *dash = '\0';
    const enum alt_op op = alt_op_find(name, "");
    assert_int_not_equal(op, ALT_OP_COUNT);
    expect(r, '(');
    while (!take(r, ')')) {
        const char *operand = word(r);
        if (!operand)
            return false;
        in[n_in++] = strcmp(operand, "_") == 0 ? NULL : find(r, operand);
        take(r, ',');
    }
    struct alt_node *n = alt_graph_add_node(g, NULL, op, atoll(dash + 1), n_in, in, n_out, out);
    if (!n)
        return false;
    for (blanks(r); *r->at != '\n'; blanks(r))
        if (!read_attr(r, &attr[n_attr++]))
            return false;
    alt_node_set_attrs(n, attr, n_attr);
    return true;
}

static bool read_line(struct reader *r)
{
    static const struct {
        const char *word;
        bool (*read)(struct reader *);
    } kinds[] = {{"input ", read_input}, {"const ", read_const}, {"output ", read_output}};
    blanks(r);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(r->at, kinds[i].word, strlen(kinds[i].word)) == 0) {
            r->at += strlen(kinds[i].word);
            return kinds[i].read(r);
        }
    return read_node(r);
}

alt_status graph_text_open(struct graph_text *t, const alt_allocator *hooks, const char *text)
{
    struct reader r = {t, text};
    memset(t, 0, sizeof *t);
    alt_mem_init(&t->mem, hooks, 0);
    alt_arena_init(&t->arena, &t->mem);
    alt_dimtab_init(&t->dims, &t->arena);
    t->graph = alt_graph_create(&t->arena, &t->dims, "g");
    if (!t->graph)
        return ALT_E_NOMEM;
    while (*r.at) {
        if (!read_line(&r))
            return ALT_E_NOMEM;
        expect(&r, '\n');
    }
    return ALT_OK;
}

void graph_text_close(struct graph_text *t)
{
    alt_diag_clear(&t->diag);
    alt_arena_free(&t->arena);
}

static void append(void *context, const char *text)
{
    struct graph_text *t = context;
    const size_t used = strlen(t->printed);
    snprintf(t->printed + used, sizeof t->printed - used, "%s", text);
}

const char *graph_text_print(struct graph_text *t)
{
    t->printed[0] = '\0';
    alt_graph_print(t->graph, append, t);
    char *end = strrchr(t->printed, '}'), *first = strchr(t->printed, '\n');
    assert_true(end && first && end > first);
    *end = '\0';
    return first + 1;
}
