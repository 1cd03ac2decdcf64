/* test_record.c: what is remembered comes back, for the same key only; folders and files that are not safe or not whole are
 * not used. */
#include "tests/cmocka_all.h"
#include "tuner/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64], kernel[128], why[256];
    struct alt_record_key key;
};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->dir, "/tmp/alt-record-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->kernel, sizeof f->kernel, "%s/made.so", f->dir);
    write_file(f->kernel, "an object file");
    f->key = (struct alt_record_key){.region = "conv f32", .isa = "avx2", .compiler = "gcc 12", .kernel_abi = 1,
                                     .nest_format = 1, .cpu = "cpu", .threads = 2};
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static struct alt_records *open_records(struct fixture *f)
{
    struct alt_records *r = NULL;
    if (alt_records_open(f->dir, &r, f->why, sizeof f->why) != ALT_OK)
        fail_msg("%s", f->why);
    return r;
}

static struct alt_record measured(const struct fixture *f, const char *variant, double ratio, uint64_t tag)
{
    struct alt_record r = {.tag = tag, .default_us = 100, .candidate_us = 100 / ratio, .ratio = ratio,
                           .ratio_low = ratio - 0.1, .ratio_high = ratio + 0.1, .pairs = 30, .exact = true};
    snprintf(r.variant, sizeof r.variant, "%s", variant);
    strcpy(r.symbol, "k");
    snprintf(r.path, sizeof r.path, "%s", f->kernel);
    return r;
}

static bool find(struct fixture *f, struct alt_records *records, const struct alt_record_key *key, bool adopted,
                 struct alt_record *out)
{
    bool found;
    assert_int_equal(alt_records_find(records, key, adopted, out, &found, f->why, sizeof f->why), ALT_OK);
    return found;
}

static void the_best_comes_back_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct alt_records *records = open_records(f);
    struct alt_record a = measured(f, "tile=4", 1.2, 4), b = measured(f, "tile=6", 1.5, 6), out;
    assert_int_equal(alt_records_add(records, &f->key, &a), ALT_OK);
    assert_int_equal(alt_records_add(records, &f->key, &b), ALT_OK);
    assert_string_not_equal(b.path, f->kernel);
    assert_false(find(f, records, &f->key, true, &out));
    assert_int_equal(alt_records_adopt(records, &f->key, "tile=4"), ALT_OK);
    alt_records_close(records);
    assert_int_equal(unlink(f->kernel), 0); /* the copy is what counts */
    records = open_records(f);
    assert_true(find(f, records, &f->key, true, &out));
    assert_string_equal(out.variant, "tile=4");
    assert_true(out.tag == 4 && out.ratio == 1.2 && out.exact && out.adopted);
    assert_int_equal(alt_records_adopt(records, &f->key, NULL), ALT_OK);
    assert_false(find(f, records, &f->key, true, &out));
    assert_true(find(f, records, &f->key, false, &out));
    assert_string_equal(out.variant, "tile=6");
    assert_int_equal(alt_records_ban(records, 6, "crashed"), ALT_OK);
    assert_true(find(f, records, &f->key, false, &out));
    assert_string_equal(out.variant, "tile=4");
    alt_records_close(records);
}

static void every_part_of_the_key_counts(void **state)
{
    struct fixture *f = *state;
    struct alt_records *records = open_records(f);
    struct alt_record a = measured(f, "tile=4", 1.2, 4), out;
    assert_int_equal(alt_records_add(records, &f->key, &a), ALT_OK);
    for (int i = 0; i < 7; i++) {
        struct alt_record_key key = f->key;
        const char **text[] = {&key.region, &key.isa, &key.compiler, &key.cpu};
        uint32_t *number[] = {&key.kernel_abi, &key.nest_format, &key.threads};
        if (i < 4)
            *text[i] = "other";
        else
            (*number[i - 4])++;
        assert_false(find(f, records, &key, false, &out));
        assert_true(f->why[0]);
    }
    alt_records_close(records);
}

static void changed_kernels_are_not_used(void **state)
{
    struct fixture *f = *state;
    struct alt_records *records = open_records(f);
    struct alt_record a = measured(f, "tile=4", 1.2, 4), out;
    assert_int_equal(alt_records_add(records, &f->key, &a), ALT_OK);
    write_file(a.path, "an object fill");
    assert_false(find(f, records, &f->key, false, &out));
    assert_non_null(strstr(f->why, a.path));
    assert_int_equal(unlink(a.path), 0);
    assert_false(find(f, records, &f->key, false, &out));
    alt_records_close(records);
}

static void unsafe_folders_are_refused(void **state)
{
    struct fixture *f = *state;
    struct alt_records *r = NULL;
    assert_int_equal(chmod(f->dir, 0777), 0);
    assert_int_equal(alt_records_open(f->dir, &r, f->why, sizeof f->why), ALT_E_IO);
    assert_non_null(strstr(f->why, "written to by others"));
    assert_int_equal(chmod(f->dir, 0700), 0);
    char link[128];
    snprintf(link, sizeof link, "%s/link", f->dir);
    assert_int_equal(symlink("/tmp", link), 0);
    assert_int_equal(alt_records_open(link, &r, f->why, sizeof f->why), ALT_E_IO);
    assert_int_equal(alt_records_open(f->kernel, &r, f->why, sizeof f->why), ALT_E_IO);
    assert_null(r);
}

static void a_broken_file_is_set_aside(void **state)
{
    struct fixture *f = *state;
    char path[128], command[256];
    snprintf(path, sizeof path, "%s/records.sqlite", f->dir);
    write_file(path, "this is no database, and long enough to be told from an empty one ....................");
    struct alt_records *records = open_records(f);
    struct alt_record a = measured(f, "tile=4", 1.2, 4), out;
    assert_int_equal(alt_records_add(records, &f->key, &a), ALT_OK);
    assert_true(find(f, records, &f->key, false, &out));
    alt_records_close(records);
    snprintf(command, sizeof command, "ls '%s' | grep -q records.sqlite.aside", f->dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_best_comes_back_after_a_restart, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(every_part_of_the_key_counts, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(changed_kernels_are_not_used, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(unsafe_folders_are_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_broken_file_is_set_aside, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
