/* test_model.c: models from files: paths, external data and its limits, what can be asked about a model, memory. */
#include <alt/session.h>

#include "runtime/graph.h"
#include "runtime/model.h"

#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/onnx_build.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own for each test, with "model" and "outside" in it. */
struct place {
    char folder[32], model[96], outside[96], file[128];
};

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p)
        return -1;
    snprintf(p->folder, sizeof p->folder, "/tmp/alt-test-XXXXXX");
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->model, sizeof p->model, "%s/model", p->folder);
    snprintf(p->outside, sizeof p->outside, "%s/outside", p->folder);
    snprintf(p->file, sizeof p->file, "%s/a.onnx", p->model);
    *state = p;
    return mkdir(p->model, 0700) || mkdir(p->outside, 0700);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    snprintf(command, sizeof command, "chmod -R u+rwx '%s' && rm -rf '%s'", p->folder, p->folder);
    int failed = system(command);
    free(p);
    return failed;
}

static void external_entry(struct pb *tensor, const char *key, const char *value)
{
    struct pb entry = {0};
    pb_text(&entry, 1, key);
    pb_text(&entry, 2, value);
    pb_message(tensor, 13, &entry);
}

/* y = Concat(x, w); w is 3 floats in another file. `offset` and `length` may be NULL. */
static struct pb external_model(const char *location, const char *offset, const char *length)
{
    struct pb graph = {0}, tensor = build_tensor("w", ALT_FLOAT32, 1, (const int64_t[]){3});
    external_entry(&tensor, "location", location);
    if (offset)
        external_entry(&tensor, "offset", offset);
    if (length)
        external_entry(&tensor, "length", length);
    pb_int(&tensor, 14, 1);
    pb_message(&graph, GRAPH_INITIALIZER, &tensor);
    struct pb node = build_node("Concat", "join", "x,w", "y");
    add_int(&node, "axis", 0);
    pb_message(&graph, GRAPH_NODE, &node);
    add_port(&graph, GRAPH_INPUT, "x");
    const int64_t six[] = {6};
    struct pb out = build_port("y", ALT_FLOAT32, 1, six);
    pb_message(&graph, GRAPH_OUTPUT, &out);
    return build_model(&graph);
}

static void save(struct pb *model, const char *path)
{
    write_file(path, model->data, model->size);
    pb_free(model);
}

static alt_model *load(const char *path, const alt_model_options *options)
{
    alt_model *model = NULL;
    alt_error *error = NULL;
    if (alt_model_load(path, options, &model, &error) != ALT_OK)
        fail_msg("refused: %s", alt_error_text(error));
    return model;
}

/* Fails the test unless loading ends with `status` and the text holds both words. */
static void refuse(const char *path, alt_status status, const char *word, const char *other)
{
    alt_model *model = NULL;
    alt_error *error = NULL;
    alt_status got = alt_model_load(path, NULL, &model, &error);
    const char *text = alt_error_text(error);
    if (got != status || !strstr(text, word) || !strstr(text, other))
        fail_msg("status %s and \"%s\"; expected %s, \"%s\" and \"%s\"", alt_status_name(got), text, alt_status_name(status),
                 word, other);
    assert_null(model);
    alt_error_free(error);
}

static void expect_weights(const alt_model *model, const float *want)
{
    for (int i = 0; i < model->graph->n_values; i++) {
        const struct alt_gvalue *v = model->graph->values[i];
        if (v && strcmp(v->name, "w") == 0) {
            assert_memory_equal(v->type.known->data, want, 12);
            return;
        }
    }
    fail_msg("no weights");
}

static void paths_that_are_no_models(void **state)
{
    struct place *p = *state;
    char path[160];
    snprintf(path, sizeof path, "%s/none.onnx", p->model);
    refuse(path, ALT_E_IO, path, "check the path");
    refuse(p->model, ALT_E_IO, p->model, "is a folder");
    snprintf(path, sizeof path, "%s/a.onnx/b", p->model);
    write_file(p->file, "", 0);
    refuse(path, ALT_E_IO, path, "no folder");
    refuse(p->file, ALT_E_IO, p->file, "is empty");
    write_file(p->file, "this is a text, not a model", 27);
    refuse(p->file, ALT_E_MALFORMED, p->file, "not an ONNX");
    snprintf(path, sizeof path, "%s/pipe", p->model);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse(path, ALT_E_IO, path, "no regular file");
    assert_int_equal(alt_model_load(NULL, NULL, NULL, NULL), ALT_E_ARGUMENT);
}

static void a_file_that_may_not_be_read(void **state)
{
    struct place *p = *state;
    if (geteuid() == 0)
        skip(); /* root may read everything */
    write_file(p->file, "x", 1);
    assert_int_equal(chmod(p->file, 0), 0);
    refuse(p->file, ALT_E_IO, p->file, "permissions");
}

static const float weights[] = {1.5f, -2.5f, 3.5f};

static void external_data(void **state)
{
    struct place *p = *state;
    char path[160];
    uint8_t bytes[64] = {0};
    memcpy(bytes + 7, weights, 12);
    snprintf(path, sizeof path, "%s/sub", p->model);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/sub/w.bin", p->model);
    write_file(path, bytes, sizeof bytes);
    for (int i = 0; i < 4; i++) {
        struct pb model = external_model(i == 3 ? "sub/../sub/w.bin" : "sub/w.bin", "7", i ? "12" : NULL);
        save(&model, p->file);
        alt_model_options options = {.size = sizeof options, .copy_file = i == 2};
        if (i == 3) {
            refuse(p->file, ALT_E_MODEL, "location \"sub/../sub/w.bin\" is not acceptable", "within the model's folder");
            continue;
        }
        alt_model *loaded = load(p->file, &options);
        expect_weights(loaded, weights);
        alt_model_free(loaded);
    }
    /* A link that stays within the folder is followed. */
    snprintf(path, sizeof path, "%s/link", p->model);
    assert_int_equal(symlink("sub/w.bin", path), 0);
    struct pb model = external_model("link", "7", NULL);
    save(&model, p->file);
    alt_model *loaded = load(p->file, NULL);
    expect_weights(loaded, weights);
    alt_model_free(loaded);
}

static void external_data_outside_the_folder(void **state)
{
    struct place *p = *state;
    char path[160], link[160];
    snprintf(path, sizeof path, "%s/w.bin", p->outside);
    write_file(path, weights, sizeof weights);
    snprintf(link, sizeof link, "%s/file", p->model);
    assert_int_equal(symlink(path, link), 0);
    snprintf(link, sizeof link, "%s/folder", p->model);
    assert_int_equal(symlink("../outside", link), 0);
    const char *const locations[] = {path, "../outside/w.bin", "..", "a/../../outside/w.bin", "", "file", "folder/w.bin"};
    for (size_t i = 0; i < sizeof locations / sizeof locations[0]; i++) {
        struct pb model = external_model(locations[i], NULL, NULL);
        save(&model, p->file);
        refuse(p->file, ALT_E_MODEL, "tensor \"w\"", "folder");
    }
}

static void external_data_that_are_not_there(void **state)
{
    struct place *p = *state;
    char path[160];
    snprintf(path, sizeof path, "%s/w.bin", p->model);
    write_file(path, weights, sizeof weights);
    static const struct {
        const char *location, *offset, *length, *word;
        alt_status status;
    } cases[] = {
        {"none.bin", NULL, NULL, "check the path", ALT_E_IO},
        {"w.bin", "4", NULL, "it has 8 bytes of data", ALT_E_MODEL},
        {"w.bin", "13", NULL, "end outside", ALT_E_MODEL},
        {"w.bin", "4", "12", "end outside", ALT_E_MODEL},
        {"w.bin", "18446744073709551615", "2", "end outside", ALT_E_MODEL},
        {"w.bin", "2", "18446744073709551615", "end outside", ALT_E_MODEL},
        {"w.bin", "0", "11", "it has 11 bytes of data", ALT_E_MODEL},
        {"w.bin", "-1", NULL, "is no number", ALT_E_MODEL},
        {"w.bin", "1x", NULL, "is no number", ALT_E_MODEL},
        {"w.bin", "99999999999999999999", NULL, "is no number", ALT_E_MODEL},
        {".", NULL, NULL, "is a folder", ALT_E_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pb model = external_model(cases[i].location, cases[i].offset, cases[i].length);
        save(&model, p->file);
        refuse(p->file, cases[i].status, "tensor \"w\"", cases[i].word);
    }
}

static void models_from_memory(void **state)
{
    struct place *p = *state;
    char path[160];
    alt_model *model = NULL;
    alt_error *error = NULL;
    snprintf(path, sizeof path, "%s/w.bin", p->model);
    write_file(path, weights, sizeof weights);
    struct pb bytes = external_model("w.bin", NULL, NULL);
    assert_int_equal(alt_model_load_memory(bytes.data, bytes.size, NULL, &model, &error), ALT_E_UNSUPPORTED);
    assert_non_null(strstr(alt_error_text(error), "no folder was given"));
    alt_error_free(error);
    alt_model_options options = {.size = sizeof options, .folder = p->model, .copy_file = true};
    assert_int_equal(alt_model_load_memory(bytes.data, bytes.size, &options, &model, &error), ALT_OK);
    assert_null(error);
    pb_free(&bytes); /* it was copied */
    expect_weights(model, weights);
    assert_string_equal(alt_model_input(model, 0)->name, "x");
    alt_model_free(model);
}

/* A caller built against an alt whose options ended behind `memory_limit`. */
static void options_of_an_older_caller(void **state)
{
    struct place *p = *state;
    struct pb graph = {0};
    add_port(&graph, GRAPH_INPUT, "x");
    struct pb model = build_model(&graph);
    save(&model, p->file);
    alt_model_options options;
    memset(&options, 0xff, sizeof options); /* what lies behind its own fields is not the caller's to set */
    options.size = offsetof(alt_model_options, log);
    options.allocator = NULL;
    options.memory_limit = 0;
    alt_model *loaded = load(p->file, &options);
    assert_true(loaded->file.mapped);
    assert_null(loaded->log);
    alt_model_free(loaded);
    alt_model *none = NULL;
    options.size = 3;
    assert_int_equal(alt_model_load(p->file, &options, &none, NULL), ALT_E_ARGUMENT);
    options.size = offsetof(alt_model_options, log);
    options.memory_limit = 2000;
    assert_int_equal(alt_model_load(p->file, &options, &none, NULL), ALT_E_NOMEM);
}

static void what_a_model_says_of_itself(void **state)
{
    struct place *p = *state;
    struct pb graph = {0}, entry = {0};
    struct pb info = build_port("x", ALT_FLOAT32, 3, (const int64_t[]){-1, 4, -2});
    pb_message(&graph, GRAPH_INPUT, &info);
    add_port(&graph, GRAPH_INPUT, "w");
    add_floats(&graph, "w", 3);
    info = build_port("s", ALT_FLOAT32, 1, (const int64_t[]){-1});
    pb_message(&graph, GRAPH_INPUT, &info);
    add_node(&graph, GRAPH_NODE, "Identity", "x", "y");
    info = build_port("y", ALT_FLOAT32, 3, (const int64_t[]){-7, 4, -8});
    pb_message(&graph, GRAPH_OUTPUT, &info);
    pb_text(&graph, 2, "the graph");
    struct pb bytes = build_model(&graph);
    pb_text(&bytes, 2, "a producer");
    pb_text(&entry, 1, "key");
    pb_text(&entry, 2, "value");
    pb_message(&bytes, 14, &entry);
    save(&bytes, p->file);

    alt_model *m = load(p->file, NULL);
    assert_int_equal(alt_model_input_count(m), 3);
    const alt_port *x = alt_model_input(m, 0), *y = alt_model_output(m, 0);
    assert_string_equal(x->name, "x");
    assert_int_equal(x->rank, 3);
    assert_int_equal(x->dims[0], -1);
    assert_int_equal(x->dims[1], 4);
    assert_string_equal(x->dim_names[0], "n1");
    assert_null(x->dim_names[1]);
    assert_string_equal(y->dim_names[2], "n2"); /* as inferred, not as declared */
    assert_string_equal(alt_model_input(m, 2)->name, "w");
    assert_true(alt_model_input_optional(m, 2));
    assert_false(alt_model_input_optional(m, 1));
    assert_null(alt_model_input(m, 3));
    assert_null(alt_model_output(m, 1));
    assert_int_equal(alt_model_find_input(m, "s"), 1);
    assert_int_equal(alt_model_find_input(m, "y"), -1);
    assert_int_equal(alt_model_find_output(m, "y"), 0);
    assert_string_equal(alt_model_symbol(m, 1), "n2");
    assert_null(alt_model_symbol(m, 2));
    const char *key, *value;
    int64_t version;
    assert_true(alt_model_opset(m, 0, &key, &version));
    assert_string_equal(key, "");
    assert_int_equal(version, 18);
    assert_false(alt_model_opset(m, 2, &key, &version));
    static const char *const said[][2] = {{"producer_name", "a producer"}, {"graph_name", "the graph"}, {"key", "value"}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(alt_model_metadata(m, i, &key, &value));
        assert_string_equal(key, said[i][0]);
        assert_string_equal(value, said[i][1]);
    }
    assert_false(alt_model_metadata(m, 3, &key, &value));
    alt_model_free(alt_model_retain(m)); /* a session's share */
    assert_int_equal(alt_model_output_count(m), 1);
    alt_model_free(m);
    alt_model_free(NULL);
}

/* y = Concat(x, w), run with x = 7, 8, 9 and `w`, which may be NULL; the answer must be x and then `want`. */
static void run_concat(alt_session *session, alt_value *x, alt_value *w, const float *want)
{
    const alt_value *const inputs[] = {x, w};
    alt_value *y = NULL;
    alt_error *error = NULL;
    if (alt_session_run(session, NULL, inputs, w ? 2 : 1, &y, 1, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    assert_int_equal(alt_value_count(y), 6);
    assert_memory_equal((const float *)alt_value_data_const(y) + 3, want, 12);
    alt_value_release(y);
}

/* Whoever gives a value for a weight that is listed as an input gets the answer with it, and the others get theirs. */
static void default_values_that_a_run_replaces(void **state)
{
    struct place *p = *state;
    struct pb graph = {0}, node = build_node("Concat", "join", "x,w", "y");
    float x[] = {7, 8, 9}, other[] = {-1, -2, -3};
    static const float own[] = {0, 1, 2};
    const int64_t three[] = {3}, six[] = {6};
    alt_value *vx = NULL, *vw = NULL;
    alt_session *session = NULL;
    add_port(&graph, GRAPH_INPUT, "w");
    add_port(&graph, GRAPH_INPUT, "x");
    add_floats(&graph, "w", 3);
    add_int(&node, "axis", 0);
    pb_message(&graph, GRAPH_NODE, &node);
    struct pb info = build_port("y", ALT_FLOAT32, 1, six);
    pb_message(&graph, GRAPH_OUTPUT, &info);
    struct pb bytes = build_model(&graph);
    save(&bytes, p->file);
    alt_model *model = load(p->file, NULL);
    assert_int_equal(alt_session_create(model, NULL, &session, NULL), ALT_OK);
    assert_int_equal(alt_value_wrap(ALT_FLOAT32, 1, three, x, sizeof x, &vx), ALT_OK);
    assert_int_equal(alt_value_wrap(ALT_FLOAT32, 1, three, other, sizeof other, &vw), ALT_OK);
    for (int i = 0; i < 2; i++) {
        run_concat(session, vx, NULL, own);
        run_concat(session, vx, vw, other);
    }
    alt_value_release(vx);
    alt_value_release(vw);
    alt_session_free(session);
    alt_model_free(model);
}

static void an_output_that_is_declared_wrongly(void **state)
{
    struct place *p = *state;
    struct pb graph = {0};
    add_port(&graph, GRAPH_INPUT, "x");
    add_node(&graph, GRAPH_NODE, "Identity", "x", "y");
    struct pb info = build_port("y", ALT_INT64, 1, (const int64_t[]){3});
    pb_message(&graph, GRAPH_OUTPUT, &info);
    struct pb model = build_model(&graph);
    save(&model, p->file);
    refuse(p->file, ALT_E_MODEL, "output \"y\" is declared int64", "makes float32");
}

static alt_status load_failing(const alt_allocator *hooks, void *context)
{
    alt_model *model = NULL;
    const alt_model_options *given = context;
    alt_model_options options = *given;
    options.allocator = hooks;
    alt_status status = alt_model_load(given->log_context, &options, &model, NULL);
    alt_model_free(model);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    struct place *p = *state;
    char path[160];
    const char *why = "";
    snprintf(path, sizeof path, "%s/w.bin", p->model);
    write_file(path, weights, sizeof weights);
    struct pb model = external_model("w.bin", NULL, NULL);
    save(&model, p->file);
    for (int copy = 0; copy < 2; copy++) {
        alt_model_options options = {.size = sizeof options, .log_context = p->file, .copy_file = copy};
        if (fail_alloc_sweep(load_failing, &options, &why) < 5)
            fail_msg("%s", why);
    }
}

/* Pages of this process in memory, private and of files (proc(5), statm); 0 where /proc is not mounted. */
static size_t resident_bytes(void)
{
    unsigned long all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f)
        return 0;
    assert_int_equal(fscanf(f, "%lu %lu", &all, &resident), 2);
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void weights_stay_in_the_file(void **state)
{
    struct place *p = *state;
    const size_t count = 16u << 20; /* 64 MiB of float32 */
    if (resident_bytes() == 0) {
        print_message("/proc is not mounted: resident memory cannot be read\n");
        skip();
    }
    struct pb graph = {0};
    add_port(&graph, GRAPH_INPUT, "x");
    add_floats(&graph, "big", count);
    struct pb model = build_model(&graph);
    save(&model, p->file);
    size_t before = resident_bytes();
    alt_model *loaded = load(p->file, NULL);
    size_t after = resident_bytes();
    if (after > before + (4u << 20))
        fail_msg("loading 64 MiB of weights made %zu bytes more resident", after - before);
    assert_true(loaded->mem.peak < 1u << 20);
    alt_model_free(loaded);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(paths_that_are_no_models),
        TEST(a_file_that_may_not_be_read),
        TEST(external_data),
        TEST(external_data_outside_the_folder),
        TEST(external_data_that_are_not_there),
        TEST(models_from_memory),
        TEST(options_of_an_older_caller),
        TEST(what_a_model_says_of_itself),
        TEST(default_values_that_a_run_replaces),
        TEST(an_output_that_is_declared_wrongly),
        TEST(every_allocation_may_fail),
        TEST(weights_stay_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
