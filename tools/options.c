/* options.c: the command line of alt_run, from one table: how an option is read, and what --help says of it.
 *
 * Bundles and reports are part of the command's contract, but this version cannot do them: their options are refused
 * with a line that says what works instead, never ignored. */
#include "tools/options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, TEXT, WHOLE, NUMBER, NAMED, CHOICE, REFUSED };

#define AT(member) offsetof(struct run_options, member)
#define NOWHERE SIZE_MAX
/* name, argument, kind, where it goes, first line of help; CHOICE: the words accepted; then REFUSED and CHOICE: why not. */
static const struct row {
    const char *name, *argument;
    enum kind kind;
    size_t at;
    const char *help, *accepted, *refusal;
} rows[] = {
    {"input", "NAME=SPEC", NAMED, AT(inputs), "FILE.npy, FILE.pb, value:V or random[:SEED]; default random:0", NULL,
     NULL},
    {"shape", "NAME=AxBxC", NAMED, AT(shapes), "shape of an input; wins over --dim", NULL, NULL},
    {"dim", "NAME=N", NAMED, AT(dims), "value of a symbolic dimension; default 1", NULL, NULL},
    {"runs", "N", WHOLE, AT(runs), "end after N runs", NULL, NULL},
    {"seconds", "S", NUMBER, AT(seconds), "end after S seconds; default: when tuning has ended", NULL, NULL},
    {"threads", "N", WHOLE, AT(threads), "compute threads; default: the cores this process may use", NULL, NULL},
    {"tune", "MODE", CHOICE, AT(tune),
     "off; replay: what is remembered; online: tune behind the runs (default); now: tune first",
     "off|replay|online|now", "write --tune off, replay, online or now"},
    {"budget", "S", NUMBER, AT(budget), "seconds of tuning at most; default 120", NULL, NULL},
    {"numerics", "exact|fast", CHOICE, AT(numerics), "exact: the default plan's bits; default fast", "exact|fast",
     "write --numerics exact or --numerics fast"},
    {"cache", "DIR|none", TEXT, AT(cache), "records and kernels; default: the user's cache folder", NULL, NULL},
    {"bundle", "FILE", REFUSED, NOWHERE, NULL, NULL, "this version has no bundles yet; give the ONNX file"},
    {"export-bundle", "FILE", REFUSED, NOWHERE, NULL, NULL, "this version has no bundles yet; ship the ONNX file"},
    {"check", "DIR", TEXT, AT(check), "feed the ONNX test data of a folder and compare; exit 1 on a mismatch", NULL,
     NULL},
    {"rtol", "R", NUMBER, AT(rtol), "relative tolerance of --check for floats; default 1e-3", NULL, NULL},
    {"atol", "A", NUMBER, AT(atol), "absolute tolerance of --check; default 1e-5", NULL, NULL},
    {"save-outputs", "DIR", TEXT, AT(save_outputs), "write each output as .npy", NULL, NULL},
    {"profile", "FILE", TEXT, AT(profile), "write when each step of the last 10 runs ran, for ui.perfetto.dev", NULL,
     NULL},
    {"report", "FILE", REFUSED, NOWHERE, NULL, NULL, "this version writes no reports yet; --json gives latencies"},
    {"json", NULL, FLAG, AT(json), "one JSON object on stdout at the end, nothing else there", NULL, NULL},
    {"quiet", NULL, FLAG, AT(quiet), "no progress on stderr", NULL, NULL},
    {"list-ops", NULL, FLAG, AT(list_ops), "the supported operators with their opsets", NULL, NULL},
    {"inspect", NULL, FLAG, AT(inspect), "the model's inputs, outputs, dimensions, opsets and size", NULL, NULL},
    {"version", NULL, FLAG, AT(version), "version, instruction set, counters", NULL, NULL},
    {"help", NULL, FLAG, AT(help), "this text", NULL, NULL},
};
enum { ROWS = sizeof rows / sizeof rows[0] };
_Static_assert(ROWS < '?', "getopt_long answers with a row's index or with '?'");

static bool read_number(const char *option, const char *text, double *out)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < 0) {
        complain("--%s %s: give a number, 0 or more", option, text);
        return false;
    }
    *out = value;
    return true;
}

/* `text` is one of the words of "a|b". */
static bool accepted(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = words; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (length == strcspn(at, "|") && strncmp(at, text, length) == 0)
            return true;
    return false;
}

static bool read_option(const struct row *row, const char *text, struct run_options *out)
{
    void *place = row->at == NOWHERE ? NULL : (char *)out + row->at;
    switch (row->kind) {
    case FLAG:
        *(bool *)place = true;
        return true;
    case TEXT:
        *(const char **)place = text;
        return true;
    case WHOLE:
        return parse_whole(row->name, text, 1, place);
    case NUMBER:
        return read_number(row->name, text, place);
    case NAMED:
        return named_add(place, row->name, text);
    case CHOICE:
        if (accepted(row->accepted, text)) {
            if (place)
                *(const char **)place = text;
            return true;
        }
        complain("--%s %s: %s", row->name, text, row->refusal);
        return false;
    case REFUSED:
        complain("--%s: %s", row->name, row->refusal);
        return false;
    }
    return false;
}

/* What the options mean together. */
static enum outcome check_together(const struct run_options *o)
{
    bool about_alt = o->list_ops || o->version || o->help;
    if (!o->model && !about_alt)
        return fail(OUTCOME_USAGE, "no model given: alt_run MODEL.onnx (alt_run --help lists the options)");
    if (o->check && (o->inputs.count || o->shapes.count || o->dims.count))
        return fail(OUTCOME_USAGE, "--check feeds the inputs of its folder: leave out --input, --shape and --dim");
    if (o->budget <= 0)
        return fail(OUTCOME_USAGE, "--budget: give seconds above 0 (--tune replay explores nothing)");
    if (o->cache && !*o->cache)
        return fail(OUTCOME_USAGE, "--cache: give a folder, or none");
    if (o->threads > 4096)
        return fail(OUTCOME_USAGE, "--threads %lld: give at most 4096", (long long)o->threads);
    return OUTCOME_DONE;
}

enum outcome run_options_parse(int argc, char **argv, struct run_options *out)
{
    struct option table[ROWS + 1] = {{0}};
    for (int i = 0; i < ROWS; i++)
        table[i] = (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, i};
    *out = (struct run_options){.seconds = -1, .budget = 120, .rtol = 1e-3, .atol = 1e-5};
    for (int code; (code = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (code >= ROWS) { /* '?': getopt has said what is wrong */
            complain("alt_run --help lists the options");
            return OUTCOME_USAGE;
        }
        if (!read_option(&rows[code], optarg, out))
            return OUTCOME_USAGE;
    }
    out->model = optind < argc ? argv[optind] : NULL;
    if (optind + 1 < argc)
        return fail(OUTCOME_USAGE, "one model at a time: %s and %s were given", argv[optind], argv[optind + 1]);
    return check_together(out);
}

void run_options_free(struct run_options *options)
{
    named_free(&options->inputs);
    named_free(&options->shapes);
    named_free(&options->dims);
}

void run_options_help(void)
{
    printf("usage: alt_run MODEL.onnx [options]\n\n");
    for (int i = 0; i < ROWS; i++) {
        char left[40];
        if (!rows[i].help)
            continue;
        snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].argument ? rows[i].argument : "");
        printf("  %-24s %s\n", left, rows[i].help);
    }
    printf("\n--profile writes a trace in the Chrome format (chrome://tracing opens it too): an event for each run "
           "and, within it,\n"
           "for each step, a fused one as a whole, with kernel, shapes, operations and bytes; steps of subgraphs (If, "
           "Loop, Scan,\n"
           "SequenceMap) lie within the one that runs them, and are left out where they make a run longer than 10000 "
           "steps. Views\n"
           "take no time and are no steps. Watching costs some microseconds a step, most of them between steps.\n"
           "Random inputs: floats uniform in [0,1), integers and bools 0 or 1, strings empty.\n"
           "Exit status: 0 done, 1 --check found a mismatch, 2 usage, 3 the model cannot be used, 4 a run failed.\n");
}
