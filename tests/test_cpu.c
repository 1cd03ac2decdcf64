/* test_cpu.c: instruction-set levels from made-up CPUID words, and CPU quotas read from made-up file trees. */
#include "runtime/cpu.h"
#include "tests/cmocka_all.h"

#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct alt_cpuid zen3 = {1u << 12 | 1u << 27 | 1u << 28 | 1u << 29, 1u << 5, 0x7};
static const struct alt_cpuid skylake = {1u << 12 | 1u << 27 | 1u << 28 | 1u << 29,
                                         1u << 5 | 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31, 0xe7};

static void test_decide(void **state)
{
    (void)state;
    const struct alt_cpuid nothing = {0, 0, 0};
    assert_int_equal(alt_isa_decide(&nothing), ALT_ISA_BASE);
    assert_int_equal(alt_isa_decide(&zen3), ALT_ISA_AVX2);
    assert_int_equal(alt_isa_decide(&skylake), ALT_ISA_AVX512);
}

/* Every bit that a level needs is needed. */
static void test_decide_each_bit(void **state)
{
    (void)state;
    for (int bit = 0; bit < 32; bit++) {
        struct alt_cpuid id = zen3;
        id.leaf1_ecx &= ~(1u << bit);
        assert_int_equal(alt_isa_decide(&id), id.leaf1_ecx == zen3.leaf1_ecx ? ALT_ISA_AVX2 : ALT_ISA_BASE);
        id = skylake;
        id.leaf7_ebx &= ~(1u << bit);
        const enum alt_isa want = id.leaf7_ebx == skylake.leaf7_ebx ? ALT_ISA_AVX512
                                  : bit == 5                        ? ALT_ISA_BASE
                                                                    : ALT_ISA_AVX2;
        assert_int_equal(alt_isa_decide(&id), want);
    }
}

/* The operating system may save less than the CPU has. */
static void test_decide_os(void **state)
{
    (void)state;
    struct alt_cpuid id = skylake;
    id.xcr0 = 0x7; /* no ZMM */
    assert_int_equal(alt_isa_decide(&id), ALT_ISA_AVX2);
    id.xcr0 = 0x67; /* upper ZMM state missing */
    assert_int_equal(alt_isa_decide(&id), ALT_ISA_AVX2);
    id.xcr0 = 0x3; /* SSE only */
    assert_int_equal(alt_isa_decide(&id), ALT_ISA_BASE);
}

static void test_lower(void **state)
{
    (void)state;
    assert_int_equal(alt_isa_lower(ALT_ISA_AVX512, NULL), ALT_ISA_AVX512);
    assert_int_equal(alt_isa_lower(ALT_ISA_AVX512, "avx2"), ALT_ISA_AVX2);
    assert_int_equal(alt_isa_lower(ALT_ISA_AVX512, ALT_ISA_BASE_NAME), ALT_ISA_BASE);
    assert_int_equal(alt_isa_lower(ALT_ISA_AVX2, "avx512"), ALT_ISA_AVX2);
    assert_int_equal(alt_isa_lower(ALT_ISA_BASE, "avx2"), ALT_ISA_BASE);
    assert_int_equal(alt_isa_lower(ALT_ISA_AVX2, "sse9"), ALT_ISA_AVX2);
    assert_int_equal(alt_isa_lower(ALT_ISA_AVX2, ""), ALT_ISA_AVX2);
}

/* The level that is reported can be executed here. */
static void test_this_machine(void **state)
{
    (void)state;
    const enum alt_isa isa = alt_cpu_isa();
    assert_int_equal(isa, alt_cpu_isa());
    assert_true(isa < ALT_ISA_COUNT);
    for (int i = 0; i < ALT_ISA_COUNT; i++)
        assert_int_equal(alt_isa_lower(ALT_ISA_COUNT - 1, alt_isa_name((enum alt_isa)i)), i);
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa >= ALT_ISA_AVX2)
        assert_true(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    if (isa >= ALT_ISA_AVX512)
        assert_true(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"));
#endif
    cpu_set_t set;
    const int cores = alt_cpu_cores();
    assert_true(cores >= 1);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        assert_true(cores <= CPU_COUNT(&set));
}

/* ---- file trees ---- */

struct tree {
    char root[64];
};

static void put(const struct tree *tree, const char *path, const char *text)
{
    char full[PATH_MAX];
    snprintf(full, sizeof full, "%s%s", tree->root, path);
    for (char *cut = full + strlen(tree->root) + 1; (cut = strchr(cut, '/')); cut++) {
        *cut = '\0';
        mkdir(full, 0700);
        *cut = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int grow(void **state)
{
    struct tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return -1;
    strcpy(tree->root, "/tmp/alt-test-cpu-XXXXXX");
    *state = tree;
    return mkdtemp(tree->root) ? 0 : -1;
}

static int fell_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int fell(void **state)
{
    struct tree *tree = *state;
    const int failed = nftw(tree->root, fell_one, 8, FTW_DEPTH | FTW_PHYS);
    free(tree);
    return failed;
}

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT \
    "25 20 0:20 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" \
    "26 20 0:21 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"

static void test_no_proc(void **state)
{
    const struct tree *tree = *state;
    assert_int_equal(alt_cpu_quota(tree->root), INT_MAX);
    assert_int_equal(alt_cpu_quota("/nonexistent"), INT_MAX);
}

/* Quotas bind at every level; the least wins, rounded up. */
static void test_v2_walk(void **state)
{
    const struct tree *tree = *state;
    put(tree, "/proc/self/cgroup", "0::/a/b/c\n");
    put(tree, "/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda rw\n" V2_MOUNT);
    put(tree, "/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), INT_MAX);
    put(tree, "/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), 8);
    put(tree, "/sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), 3);
    put(tree, "/sys/fs/cgroup/a/cpu.max", "10000 100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), 1);
    put(tree, "/sys/fs/cgroup/a/b/other/cpu.max", "1 100000\n");
    put(tree, "/sys/fs/cgroup/a/cpu.max", "max 100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), 3);
}

static void test_v1(void **state)
{
    const struct tree *tree = *state;
    put(tree, "/proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/x/y\n3:cpuset:/z\n1:name=systemd:/u\n0::/u\n");
    put(tree, "/proc/self/mountinfo", V1_MOUNT);
    put(tree, "/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "-1\n");
    put(tree, "/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_period_us", "100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), INT_MAX);
    put(tree, "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "150000\n");
    put(tree, "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "50000\n");
    assert_int_equal(alt_cpu_quota(tree->root), 3);
    put(tree, "/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "100001\n");
    assert_int_equal(alt_cpu_quota(tree->root), 2);
}

/* A container sees its own group mounted as the root, while /proc may name it in full. */
static void test_container(void **state)
{
    const struct tree *tree = *state;
    put(tree, "/proc/self/cgroup", "0::/docker/77\n");
    put(tree, "/proc/self/mountinfo", "30 23 0:26 /docker/77 /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
    put(tree, "/sys/fs/cgroup/cpu.max", "150000 100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), 2);
    put(tree, "/proc/self/cgroup", "0::/\n");
    put(tree, "/proc/self/mountinfo", V2_MOUNT);
    assert_int_equal(alt_cpu_quota(tree->root), 2);
    put(tree, "/proc/self/cgroup", "0::/../sibling\n");
    assert_int_equal(alt_cpu_quota(tree->root), 2);
    /* a group whose name only starts like the mount's root is not below it */
    put(tree, "/proc/self/mountinfo", "30 23 0:26 /docker/7 /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
    put(tree, "/proc/self/cgroup", "0::/docker/77\n");
    assert_int_equal(alt_cpu_quota(tree->root), 2);
}

static void test_escaped_mount(void **state)
{
    const struct tree *tree = *state;
    put(tree, "/proc/self/cgroup", "0::/g\n");
    put(tree, "/proc/self/mountinfo", "30 23 0:26 / /odd\\040place rw - cgroup2 cgroup rw\n");
    put(tree, "/odd place/g/cpu.max", "400000 100000\n");
    assert_int_equal(alt_cpu_quota(tree->root), 4);
}

static void test_garbage(void **state)
{
    const struct tree *tree = *state;
    put(tree, "/proc/self/cgroup", "\n::\nx\n0:\n0::/g\n");
    put(tree, "/proc/self/mountinfo", "\n - \n1 2 3 4 - cgroup2 c rw\n1 2 3 4 5 - cgroup2\n" V2_MOUNT);
    static const char *const bad[] = {"", "max", "\n", "-5 100000\n", "100000\n", "100000 0\n", "5 -1\n", "abc def\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(tree, "/sys/fs/cgroup/g/cpu.max", bad[i]);
        assert_int_equal(alt_cpu_quota(tree->root), INT_MAX);
    }
    put(tree, "/sys/fs/cgroup/g/cpu.max", "9223372036854775807 1\n");
    assert_int_equal(alt_cpu_quota(tree->root), INT_MAX);
    put(tree, "/sys/fs/cgroup/g/cpu.max", "100000 100000");
    assert_int_equal(alt_cpu_quota(tree->root), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_decide_each_bit),
        cmocka_unit_test(test_decide_os),
        cmocka_unit_test(test_lower),
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test_setup_teardown(test_no_proc, grow, fell),
        cmocka_unit_test_setup_teardown(test_v2_walk, grow, fell),
        cmocka_unit_test_setup_teardown(test_v1, grow, fell),
        cmocka_unit_test_setup_teardown(test_container, grow, fell),
        cmocka_unit_test_setup_teardown(test_escaped_mount, grow, fell),
        cmocka_unit_test_setup_teardown(test_garbage, grow, fell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
