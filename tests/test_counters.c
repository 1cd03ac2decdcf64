/* test_counters.c: what counters.c makes of a PAPI that lies. PAPI is replaced by a fake that knows the ways in which events
 * fail on real machines: cannot be added, cannot be started, read zero, run backwards, do not fit into a group. */
#include "tests/cmocka_all.h"
#include "tuner/trial/counters.h"

#include <math.h>
#include <papi.h>
#include <stdio.h>
#include <string.h>

enum kind { GOOD, NO_ADD, NO_START, ZERO, BACKWARDS };
enum { SETS = 64, MOST = 8 };

static struct fake {
    int version;            /* what initialisation returns */
    const char *special[8]; /* events that are not of the kind `others` */
    enum kind kind[8], others;
    int fits;          /* events that a set takes */
    bool dead_batches; /* sets that start count nothing in batches */
    /* Work done so far by side, in units; cycles = 2 a unit for the default, 1 for the candidate. */
    double units;
    bool probing;
    struct {
        bool used, running;
        int count;
        enum kind of[MOST];
        double begin;
    } set[SETS];
    int open_sets;
} fake;

static enum kind kind_of(const char *name)
{
    for (int i = 0; i < 8 && fake.special[i]; i++)
        if (strcmp(fake.special[i], name) == 0)
            return fake.kind[i];
    return fake.others;
}

int PAPI_library_init(int version) { return fake.version ? fake.version : version; }

void PAPI_shutdown(void) {}

char *PAPI_strerror(int code)
{
    return code == PAPI_ENOEVNT ? (char *)(uintptr_t) "Event does not exist" : (char *)(uintptr_t) "Other error";
}

int PAPI_create_eventset(int *set)
{
    for (int i = 0; i < SETS; i++)
        if (!fake.set[i].used) {
            memset(&fake.set[i], 0, sizeof fake.set[i]);
            fake.set[i].used = true;
            fake.open_sets++;
            *set = i;
            return PAPI_OK;
        }
    return PAPI_ENOMEM;
}

int PAPI_add_named_event(int set, const char *name)
{
    enum kind kind = kind_of(name);
    if (kind == NO_ADD)
        return PAPI_ENOEVNT;
    if (fake.set[set].count == fake.fits)
        return PAPI_ECNFLCT;
    fake.set[set].of[fake.set[set].count++] = kind;
    return PAPI_OK;
}

int PAPI_start(int set)
{
    for (int i = 0; i < fake.set[set].count; i++)
        if (fake.set[set].of[i] == NO_START)
            return PAPI_ENOCMP;
    assert_false(fake.set[set].running);
    fake.set[set].running = true;
    fake.set[set].begin = fake.units;
    return PAPI_OK;
}

/* Every read while probing is some work further. */
int PAPI_read(int set, long long *values)
{
    if (fake.probing)
        fake.units += 1000;
    double done = fake.units - fake.set[set].begin;
    for (int i = 0; i < fake.set[set].count; i++) {
        enum kind kind = fake.set[set].of[i];
        values[i] = kind == ZERO || (!fake.probing && fake.dead_batches) ? 0
                    : kind == BACKWARDS                                  ? (long long)(1e6 - done)
                                                                         : (long long)done;
    }
    return PAPI_OK;
}

int PAPI_stop(int set, long long *values)
{
    fake.set[set].running = false;
    return PAPI_read(set, values);
}

int PAPI_cleanup_eventset(int set)
{
    fake.set[set].count = 0;
    return PAPI_OK;
}

int PAPI_destroy_eventset(int *set)
{
    fake.set[*set].used = false;
    fake.open_sets--;
    *set = PAPI_NULL;
    return PAPI_OK;
}

static bool work(void *context, bool candidate)
{
    int *left = context;
    fake.units += candidate ? 300 : 400;
    return (*left)-- > 0;
}

static struct counters *open_fake(char name[16], char why[128])
{
    fake.probing = true;
    struct counters *c = counters_open(name, why);
    fake.probing = false;
    return c;
}

static int reset(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.fits = MOST;
    return 0;
}

static void all_events_give_ratios(void **state)
{
    (void)state;
    char name[16], why[128];
    double ratio[ALT_COUNTER_COUNT];
    int left = 1000;
    struct counters *c = open_fake(name, why);
    assert_non_null(c);
    assert_string_equal(name, "hardware");
    assert_string_equal(why, "");
    assert_true(counters_compare(c, work, &left, ratio));
    for (int i = 0; i < ALT_COUNTER_COUNT; i++)
        assert_float_equal(ratio[i], 0.75, 1e-9);
    for (int i = 0; i < SETS; i++)
        assert_true(!fake.set[i].used || fake.set[i].count <= 4);
    counters_close(c);
    assert_int_equal(fake.open_sets, 0);
}

static void small_groups_still_count_everything(void **state)
{
    (void)state;
    char name[16], why[128];
    double ratio[ALT_COUNTER_COUNT];
    int left = 1000;
    fake.fits = 2;
    struct counters *c = open_fake(name, why);
    assert_true(counters_compare(c, work, &left, ratio));
    for (int i = 0; i < ALT_COUNTER_COUNT; i++)
        assert_float_equal(ratio[i], 0.75, 1e-9);
    counters_close(c);
    assert_int_equal(fake.open_sets, 0);
}

static void events_that_lie_are_not_counted(void **state)
{
    (void)state;
    static const enum kind lies[] = {NO_ADD, NO_START, ZERO, BACKWARDS};
    for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
        char name[16], why[128];
        double ratio[ALT_COUNTER_COUNT];
        int left = 1000;
        reset(NULL);
        fake.special[0] = "PAPI_L2_DCM";
        fake.special[1] = "PAPI_L2_TCM";
        fake.special[2] = "PAPI_L1_DCM"; /* has another name that works */
        fake.kind[0] = fake.kind[1] = fake.kind[2] = lies[k];
        struct counters *c = open_fake(name, why);
        assert_string_equal(name, "hardware");
        assert_true(strstr(why, "PAPI_L1_DCM: ") == why);
        assert_true(counters_compare(c, work, &left, ratio));
        for (int i = 0; i < ALT_COUNTER_COUNT; i++)
            assert_int_equal(isnan(ratio[i]) != 0, i == ALT_COUNTER_L2_MISSES);
        counters_close(c);
        assert_int_equal(fake.open_sets, 0);
    }
}

static void without_cycles_software_is_left(void **state)
{
    (void)state;
    char name[16], why[128];
    double ratio[ALT_COUNTER_COUNT];
    int left = 1000;
    fake.others = NO_ADD;
    fake.special[0] = "perf::TASK-CLOCK";
    fake.kind[0] = GOOD;
    struct counters *c = open_fake(name, why);
    assert_string_equal(name, "software");
    assert_true(strstr(why, "PAPI_TOT_CYC: Event does not exist") == why);
    assert_true(counters_compare(c, work, &left, ratio));
    assert_float_equal(ratio[ALT_COUNTER_CPU_TIME], 0.75, 1e-9);
    assert_true(isnan(ratio[ALT_COUNTER_CYCLES]));
    counters_close(c);
}

static void nothing_is_none_and_compares_to_nothing(void **state)
{
    (void)state;
    char name[16], why[128];
    double ratio[ALT_COUNTER_COUNT];
    int left = 1000;
    fake.others = ZERO;
    struct counters *c = open_fake(name, why);
    assert_null(c);
    assert_string_equal(name, "none");
    assert_non_null(strstr(why, "reads zero"));
    assert_true(counters_compare(c, work, &left, ratio));
    assert_true(isnan(ratio[ALT_COUNTER_CPU_TIME]));
    fake.version = 1;
    assert_null(open_fake(name, why));
    assert_string_equal(name, "none");
    assert_non_null(strstr(why, "another version"));
    assert_int_equal(fake.open_sets, 0);
}

static void a_group_without_cycles_counts_nothing(void **state)
{
    (void)state;
    char name[16], why[128];
    double ratio[ALT_COUNTER_COUNT];
    int left = 1000;
    struct counters *c = open_fake(name, why);
    fake.dead_batches = true;
    assert_true(counters_compare(c, work, &left, ratio));
    for (int i = 0; i < ALT_COUNTER_COUNT; i++)
        assert_true(isnan(ratio[i]));
    counters_close(c);
}

static void work_that_fails_leaves_no_ratios(void **state)
{
    (void)state;
    char name[16], why[128];
    double ratio[ALT_COUNTER_COUNT];
    struct counters *c = open_fake(name, why);
    for (int first = 0; first < 8; first++) {
        int left = first;
        assert_false(counters_compare(c, work, &left, ratio));
        for (int i = 0; i < ALT_COUNTER_COUNT; i++)
            assert_true(isnan(ratio[i]));
    }
    counters_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_events_give_ratios, reset),
        cmocka_unit_test_setup(small_groups_still_count_everything, reset),
        cmocka_unit_test_setup(events_that_lie_are_not_counted, reset),
        cmocka_unit_test_setup(without_cycles_software_is_left, reset),
        cmocka_unit_test_setup(nothing_is_none_and_compares_to_nothing, reset),
        cmocka_unit_test_setup(a_group_without_cycles_counts_nothing, reset),
        cmocka_unit_test_setup(work_that_fails_leaves_no_ratios, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
