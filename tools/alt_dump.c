/* alt_dump.c: shows what alt makes of a model: its graph, its regions, its plan, what its steps reach. Reads internal interfaces,
 * prints text. */
#include "runtime/model.h"
#include "runtime/pass.h"
#include "runtime/region.h"
#include "runtime/session.h"
#include "tools/input.h"
#include "tools/roofline.h"
#include "tools/say.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dump_options {
    const char *model, *pass;
    bool graph, regions, plan, roofline, help;
    struct run_options inputs; /* for --plan and --roofline: inputs, shapes, dims and threads */
};

enum { GRAPH, REGIONS, PLAN, PASS, ROOFLINE, INPUT, SHAPE, DIM, THREADS, HELP, REFUSED };
static const struct option table[] = {
    {"graph", no_argument, NULL, GRAPH},
    {"regions", no_argument, NULL, REGIONS},
    {"plan", no_argument, NULL, PLAN},
    {"roofline", no_argument, NULL, ROOFLINE},
    {"input", required_argument, NULL, INPUT},
    {"shape", required_argument, NULL, SHAPE},
    {"dim", required_argument, NULL, DIM},
    {"threads", required_argument, NULL, THREADS},
    {"help", no_argument, NULL, HELP},
    {"pass", required_argument, NULL, PASS},
    {"region", required_argument, NULL, REFUSED},
    {"nest", no_argument, NULL, REFUSED},
    {"trace", no_argument, NULL, REFUSED},
    {"asm", no_argument, NULL, REFUSED},
    {"records", no_argument, NULL, REFUSED},
    {"export", required_argument, NULL, REFUSED},
    {"import", required_argument, NULL, REFUSED},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: alt_dump MODEL.onnx --graph [--pass NAME]\n"
    "                                       the graph as text, after all passes or after one\n"
    "       alt_dump MODEL.onnx --regions   regions and their alternatives\n"
    "       alt_dump MODEL.onnx --plan [--shape NAME=AxBxC] [--dim NAME=N] [--input NAME=SPEC]\n"
    "                                       steps, kernels, layouts and places in memory\n"
    "       alt_dump MODEL.onnx --roofline [--shape NAME=AxBxC] [--dim NAME=N] [--input NAME=SPEC] [--threads N]\n"
    "                                       what each step of the default plan takes and reaches, beside what the "
    "same\n"
    "                                       threads of this machine can do, measured in the same minute\n"
    "\n"
    "The columns of --roofline: thr, threads that the step may use; us, its median time; time%, its share of all "
    "steps; GFLOP/s\n"
    "and peak%, the share of float32 multiply-adds in registers; MB, of inputs, constants and outputs; GB/s and "
    "memory%, the\n"
    "share of what memory gives, or for up to 128 KiB a thread of what a cache gives. What binds: the larger share, or "
    "overhead\n"
    "where both are below 10 %. A fused step is one row, and so is one that runs subgraphs (If, Loop, Scan, "
    "SequenceMap), whose operations are not\n"
    "counted.\n";

/* "infer" is what stands before the first pass. */
static bool is_pass(const char *name)
{
    bool known = strcmp(name, "infer") == 0;
    for (int i = 0; i < ALT_PASS_COUNT && !known; i++)
        known = strcmp(name, alt_pass_table[i].name) == 0;
    if (known)
        return true;
    complain("--pass %s: there is no such pass; in order there are:", name);
    fprintf(stderr, "  infer");
    for (int i = 0; i < ALT_PASS_COUNT; i++)
        fprintf(stderr, " %s", alt_pass_table[i].name);
    fputc('\n', stderr);
    return false;
}

static bool read_option(struct dump_options *o, int index, const char *text)
{
    switch (table[index].val) {
    case GRAPH:
        return o->graph = true;
    case REGIONS:
        return o->regions = true;
    case PLAN:
        return o->plan = true;
    case ROOFLINE:
        return o->roofline = true;
    case HELP:
        return o->help = true;
    case PASS:
        o->pass = text;
        return is_pass(text);
    case INPUT:
        return named_add(&o->inputs.inputs, "input", text);
    case SHAPE:
        return named_add(&o->inputs.shapes, "shape", text);
    case DIM:
        return named_add(&o->inputs.dims, "dim", text);
    case THREADS:
        return parse_whole("threads", text, 1, &o->inputs.threads);
    default:
        complain("--%s: this version cannot show that yet; it has --graph, --regions, --plan and --roofline",
                 table[index].name);
        return false;
    }
}

static enum outcome parse(int argc, char **argv, struct dump_options *o)
{
    int index = -1;
    for (int code; (code = getopt_long(argc, argv, "", table, &index)) != -1;)
        if (code == '?' || !read_option(o, index, optarg))
            return OUTCOME_USAGE;
    o->model = optind < argc ? argv[optind] : NULL;
    if (o->help)
        return OUTCOME_DONE;
    if (!o->model || optind + 1 < argc)
        return fail(OUTCOME_USAGE, "give one model: alt_dump MODEL.onnx --graph (alt_dump --help)");
    if (o->graph + o->regions + o->plan + o->roofline != 1)
        return fail(OUTCOME_USAGE, "say what to show: --graph, --regions, --plan or --roofline (alt_dump --help)");
    if (o->inputs.threads > 4096)
        return fail(OUTCOME_USAGE, "--threads %lld: give at most 4096", (long long)o->inputs.threads);
    if (o->pass && !o->graph)
        return fail(OUTCOME_USAGE, "--pass %s says after which pass to show the graph: write --graph --pass %s",
                    o->pass, o->pass);
    return OUTCOME_DONE;
}

static void put(void *context, const char *text) { fputs(text, context); }

static enum outcome show_regions(const struct alt_model *model)
{
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_regions regions;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    alt_status status = alt_regions_find(model->graph, &arena, &regions);
    if (status == ALT_OK)
        alt_regions_print(model->graph, &regions, put, stdout);
    else
        complain("%s", alt_status_text(status));
    alt_arena_free(&arena);
    return status == ALT_OK ? OUTCOME_DONE : OUTCOME_MODEL;
}

/* Every segment that the run bound: the first, then what was bound once the data of the one before was there. */
static void print_segments(const struct alt_program *program, const struct alt_bindings *cache)
{
    for (const struct alt_binding *b = cache->first; b; b = b->older) {
        alt_binding_print(program, b, put, stdout);
        print_segments(program, &b->next);
    }
}

/* Runs once, so that shapes which depend on data are known too, and prints what was bound. */
static enum outcome plan(const alt_model *model, alt_session *session, alt_value *const *inputs)
{
    const size_t output_count = alt_model_output_count(model);
    alt_error *error = NULL;
    alt_value **outputs = calloc(output_count + 1, sizeof *outputs);
    if (!outputs)
        return fail(OUTCOME_RUN, "no memory");
    alt_status status = alt_session_run(session, NULL, (const alt_value *const *)inputs, alt_model_input_count(model),
                                        outputs, output_count, &error);
    if (status == ALT_OK)
        print_segments(session->plan->program, &session->plan->bindings);
    for (size_t i = 0; i < output_count; i++)
        alt_value_release(outputs[i]);
    free(outputs);
    return status == ALT_OK ? OUTCOME_DONE : fail_with(OUTCOME_RUN, status, &error);
}

typedef enum outcome look(const alt_model *model, alt_session *session, alt_value *const *inputs);

/* With a session and the inputs of a run. */
static enum outcome show_running(alt_model *model, const struct run_options *options, look *show)
{
    const alt_session_options so = {.size = sizeof so, .threads = (int)options->threads};
    size_t count = alt_model_input_count(model);
    alt_value **inputs = calloc(count + 1, sizeof *inputs);
    alt_session *session = NULL;
    alt_error *error = NULL;
    enum outcome outcome = inputs ? inputs_make(model, options, inputs) : fail(OUTCOME_RUN, "no memory");
    if (outcome == OUTCOME_DONE) {
        alt_status status = alt_session_create(model, &so, &session, &error);
        outcome = status == ALT_OK ? show(model, session, inputs) : fail_with(OUTCOME_MODEL, status, &error);
    }
    for (size_t i = 0; inputs && i < count; i++)
        alt_value_release(inputs[i]);
    free(inputs);
    alt_session_free(session);
    return outcome;
}

static enum outcome show(const struct dump_options *o)
{
    alt_model *model = NULL;
    alt_error *error = NULL;
    enum outcome outcome = OUTCOME_DONE;
    alt_status status = alt_model_load_until(o->model, NULL, o->pass, &model, &error);
    if (status != ALT_OK)
        return fail_with(OUTCOME_MODEL, status, &error);
    if (o->graph)
        alt_graph_print(model->graph, put, stdout);
    else if (o->regions)
        outcome = show_regions(model);
    else
        outcome = show_running(model, &o->inputs, o->roofline ? roofline : plan);
    alt_model_free(model);
    return outcome;
}

int main(int argc, char **argv)
{
    struct dump_options o = {0};
    enum outcome outcome = parse(argc, argv, &o);
    if (outcome == OUTCOME_DONE && o.help)
        fputs(usage, stdout);
    else if (outcome == OUTCOME_DONE)
        outcome = show(&o);
    named_free(&o.inputs.inputs);
    named_free(&o.inputs.shapes);
    named_free(&o.inputs.dims);
    if (fflush(stdout) != 0 && outcome == OUTCOME_DONE)
        outcome = fail(OUTCOME_RUN, "cannot write to standard output");
    return (int)outcome;
}
