/* input.c: the inputs of a run. Two passes over the model's inputs: what is given (files, shapes) settles the symbolic
 * dimensions, then the rest is made to fit. */
#include "tools/input.h"

#include "tools/fill.h"
#include "tools/npy.h"
#include "tools/testdata.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct symbol {
    const char *name; /* borrowed from the model */
    int64_t value;
};
struct made_from {
    const alt_model *model;
    const struct run_options *options;
    struct symbol *symbol; /* owned: symbolic dimensions seen in files and shapes */
    size_t symbol_count;
};

bool shape_parse(const char *name, const char *text, int *rank, int64_t *dims)
{
    *rank = 0;
    for (const char *at = text; *at; (*rank)++) {
        char *end = NULL;
        errno = 0;
        long long extent = strtoll(at, &end, 10);
        bool last = *end == '\0';
        if (*rank == ALT_MAX_RANK || end == at || errno || extent < 0 || (!last && *end != 'x') || (!last && !end[1])) {
            complain("--shape %s=%s: write extents with x between them, 1x3x224x224, at most %d", name, text,
                     ALT_MAX_RANK);
            return false;
        }
        dims[*rank] = extent;
        at = last ? end : end + 1;
    }
    return true;
}

/* Says that the model has no such name, and which it has. */
static enum outcome no_such(const alt_model *model, const char *option, const char *name, bool symbols)
{
    char *text = NULL;
    size_t size = 0, i = 0;
    FILE *list = open_memstream(&text, &size);
    if (!list)
        return fail(OUTCOME_USAGE, "--%s %s: the model has no such %s", option, name, symbols ? "dimension" : "input");
    for (const char *own;; i++) {
        const alt_port *port = symbols ? NULL : alt_model_input(model, i);
        own = symbols ? alt_model_symbol(model, i) : port ? port->name : NULL;
        if (!own)
            break;
        fprintf(list, "%s%s", i ? ", " : "", own);
    }
    fclose(list);
    const char *what = symbols ? "symbolic dimension" : "input";
    complain("--%s %s: the model has no such %s; it has %s", option, name, what, i ? text : "none");
    free(text);
    return OUTCOME_USAGE;
}

static bool has_symbol(const alt_model *model, const char *name)
{
    const char *own;
    for (size_t i = 0; (own = alt_model_symbol(model, i)); i++)
        if (strcmp(own, name) == 0)
            return true;
    return false;
}

enum outcome inputs_check_names(const alt_model *model, const struct named_list *list, const char *option, bool symbols)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->item[i].name;
        int64_t value = 0;
        if (symbols ? !has_symbol(model, name) : alt_model_find_input(model, name) < 0)
            return no_such(model, option, name, symbols);
        if (symbols && !parse_whole(option, list->item[i].value, 0, &value))
            return OUTCOME_USAGE;
    }
    return OUTCOME_DONE;
}

static bool learn(struct made_from *from, const char *name, int64_t value)
{
    struct symbol *grown = realloc(from->symbol, (from->symbol_count + 1) * sizeof *grown);
    if (!grown) {
        complain("no memory");
        return false;
    }
    from->symbol = grown;
    from->symbol[from->symbol_count++] = (struct symbol){name, value};
    return true;
}

/* Holds a given shape against the port, and learns the symbolic dimensions from it. */
static bool take_shape(struct made_from *from, const alt_port *port, int rank, const int64_t *dims)
{
    if (port->rank >= 0 && port->rank != rank) {
        complain("input %s has %d dimensions in the model; %d were given", port->name, port->rank, rank);
        return false;
    }
    for (int i = 0; i < port->rank; i++) {
        if (port->dims[i] >= 0 && port->dims[i] != dims[i]) {
            complain("input %s has extent %" PRId64 " in dimension %d; %" PRId64 " was given", port->name,
                     port->dims[i], i, dims[i]);
            return false;
        }
        if (port->dim_names[i] && !learn(from, port->dim_names[i], dims[i]))
            return false;
    }
    return true;
}

static int64_t symbol_value(const struct made_from *from, const char *name)
{
    if (!name)
        return 1;
    const char *text = named_find(&from->options->dims, name);
    if (text)
        return strtoll(text, NULL, 10);
    for (size_t i = 0; i < from->symbol_count; i++)
        if (strcmp(from->symbol[i].name, name) == 0)
            return from->symbol[i].value;
    return 1;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t a = strlen(text), b = strlen(suffix);
    return a >= b && strcmp(text + a - b, suffix) == 0;
}

static bool is_file(const char *spec)
{
    return spec && strncmp(spec, "value:", 6) != 0 && strncmp(spec, "random:", 7) != 0 && strcmp(spec, "random") != 0;
}

static bool read_file(struct made_from *from, const alt_port *port, const char *path, alt_value **out)
{
    if (has_suffix(path, ".pb")) {
        if (!testdata_read(path, port, out, NULL))
            return false;
    } else if (!has_suffix(path, ".npy")) {
        complain("--input %s=%s: give FILE.npy, FILE.pb, value:V or random[:SEED]", port->name, path);
        return false;
    } else if (port->kind != ALT_TENSOR) {
        complain("--input %s=%s: the input is no tensor; give a .pb file", port->name, path);
        return false;
    } else if (!npy_read(path, port->dtype, out)) {
        return false;
    }
    if (port->kind != ALT_TENSOR)
        return true;
    if (alt_value_dtype(*out) != port->dtype) {
        complain("%s holds %s; input %s takes %s", path, alt_dtype_name(alt_value_dtype(*out)), port->name,
                 alt_dtype_name(port->dtype));
        return false;
    }
    return take_shape(from, port, (int)alt_value_rank(*out), alt_value_dims(*out));
}

/* The shape of an input that is made up. */
static bool wanted_shape(struct made_from *from, const alt_port *port, int *rank, int64_t *dims)
{
    const char *text = named_find(&from->options->shapes, port->name);
    if (text)
        return shape_parse(port->name, text, rank, dims);
    *rank = port->rank;
    for (int i = 0; i < port->rank; i++)
        dims[i] = port->dims[i] >= 0 ? port->dims[i] : symbol_value(from, port->dim_names[i]);
    if (port->rank < 0)
        complain("input %s may have any number of dimensions: give --shape %s=AxBxC or a file", port->name, port->name);
    return port->rank >= 0;
}

/* Fills from value:V or random[:SEED]. */
static bool fill_from(const alt_port *port, const char *spec, alt_value *value)
{
    char *end = NULL;
    errno = 0;
    if (strncmp(spec, "value:", 6) == 0) {
        double x = strtod(spec + 6, &end);
        if (end == spec + 6 || *end) {
            complain("--input %s=%s: %s is no number", port->name, spec, spec + 6);
            return false;
        }
        if (!fill_constant(value, x)) {
            complain("--input %s=%s: cannot fill a %s so; give a file", port->name, spec, alt_dtype_name(port->dtype));
            return false;
        }
        return true;
    }
    const char *text = spec[6] == ':' ? spec + 7 : "0";
    uint64_t seed = strtoull(text, &end, 10);
    if (end == text || *end || errno) {
        complain("--input %s=%s: write random or random:SEED with a whole number", port->name, spec);
        return false;
    }
    if (!fill_random(value, seed)) {
        complain("input %s: cannot fill a %s at random; give a file", port->name, alt_dtype_name(port->dtype));
        return false;
    }
    return true;
}

static bool make_up(struct made_from *from, const alt_port *port, const char *spec, alt_value **out)
{
    int rank = 0;
    int64_t dims[ALT_MAX_RANK] = {0};
    if (port->kind == ALT_OPTIONAL && !spec)
        return alt_value_optional(NULL, NULL, out) == ALT_OK;
    if (port->kind != ALT_TENSOR) {
        complain("input %s is a %s: give --input %s=FILE.pb", port->name,
                 port->kind == ALT_SEQUENCE ? "sequence" : "optional", port->name);
        return false;
    }
    if (!wanted_shape(from, port, &rank, dims))
        return false;
    alt_status status = alt_value_tensor(NULL, port->dtype, (size_t)rank, dims, out);
    if (status != ALT_OK) {
        complain("input %s: %s (its shape comes from --shape and --dim)", port->name, alt_status_text(status));
        return false;
    }
    return fill_from(port, spec ? spec : "random", *out);
}

/* First pass: files, and the symbolic dimensions that files and --shape settle. */
static bool take_given(struct made_from *from, alt_value **values)
{
    const alt_port *port;
    for (size_t i = 0; (port = alt_model_input(from->model, i)); i++) {
        const char *spec = named_find(&from->options->inputs, port->name);
        const char *shape = named_find(&from->options->shapes, port->name);
        int rank = 0;
        int64_t dims[ALT_MAX_RANK] = {0};
        if (is_file(spec) && !read_file(from, port, spec, &values[i]))
            return false;
        if (shape && (!shape_parse(port->name, shape, &rank, dims) || !take_shape(from, port, rank, dims)))
            return false;
    }
    return true;
}

static bool make_rest(struct made_from *from, alt_value **values)
{
    const alt_port *port;
    for (size_t i = 0; (port = alt_model_input(from->model, i)); i++) {
        const char *spec = named_find(&from->options->inputs, port->name);
        bool named = spec || named_find(&from->options->shapes, port->name);
        if (values[i] || (!named && alt_model_input_optional(from->model, i)))
            continue;
        if (!make_up(from, port, spec, &values[i]))
            return false;
    }
    return true;
}

enum outcome inputs_make(const alt_model *model, const struct run_options *options, alt_value **values)
{
    struct made_from from = {model, options, NULL, 0};
    enum outcome outcome = inputs_check_names(model, &options->inputs, "input", false);
    if (outcome == OUTCOME_DONE)
        outcome = inputs_check_names(model, &options->shapes, "shape", false);
    if (outcome == OUTCOME_DONE)
        outcome = inputs_check_names(model, &options->dims, "dim", true);
    if (outcome == OUTCOME_DONE && !(take_given(&from, values) && make_rest(&from, values)))
        outcome = OUTCOME_USAGE;
    free(from.symbol);
    return outcome;
}
