/* test_guard.c: memory whose surroundings are watched: writes outside a block are caught, at once or when it is freed. */
#include "tests/cmocka_all.h"
#include "tuner/trial/guard.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The signal that ends a process which writes the byte at block[at] and gives the block back; 0: none, and *faults is what
 * the guard found. */
static int poke(size_t bytes, size_t align, long at, uint32_t *faults)
{
    int status, tube[2];
    *faults = 99;
    assert_int_equal(pipe(tube), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct guard guard;
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        guard_init(&guard);
        volatile char *block = guard.hooks.alloc(guard.hooks.context, bytes, align);
        block[at] = (char)(block[at] + 1);
        guard.hooks.free(guard.hooks.context, (void *)(uintptr_t)block, bytes);
        _exit(write(tube[1], &guard.faults, sizeof guard.faults) == sizeof guard.faults ? 0 : 1);
    }
    close(tube[1]);
    if (read(tube[0], faults, sizeof *faults) != sizeof *faults)
        *faults = 99;
    close(tube[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static const size_t sizes[] = {1, 4, 60, 64, 100, 4095, 4096, 4097, 8192, 12345};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void blocks_are_aligned_and_may_be_written_whole(void **state)
{
    (void)state;
    struct guard guard;
    guard_init(&guard);
    for (size_t align = 1; align <= 4096; align *= 4)
        for (int i = 0; i < SIZES; i++) {
            void *block = guard.hooks.alloc(guard.hooks.context, sizes[i], align);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % align, 0);
            memset(block, 1, sizes[i]);
            guard.hooks.free(guard.hooks.context, block, sizes[i]);
        }
    assert_int_equal(guard.faults, 0);
}

static void one_byte_past_the_end_is_caught(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++)
        for (size_t align = 4; align <= 64; align *= 4) {
            uint32_t faults;
            int signal_number = poke(sizes[i], align, (long)sizes[i], &faults);
            assert_true(signal_number == SIGSEGV || (signal_number == 0 && faults == 1));
        }
}

static void one_byte_before_the_start_is_caught(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        uint32_t faults;
        int signal_number = poke(sizes[i], 64, -1, &faults);
        assert_true(signal_number == SIGSEGV || (signal_number == 0 && faults == 1));
    }
}

static void beyond_the_gap_of_alignment_the_process_ends(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        uint32_t faults;
        assert_int_equal(poke(sizes[i], 64, (long)sizes[i] + 63, &faults), SIGSEGV);
    }
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    struct guard guard;
    guard_init(&guard);
    assert_null(guard.hooks.alloc(guard.hooks.context, SIZE_MAX, 64));
    assert_null(guard.hooks.alloc(guard.hooks.context, SIZE_MAX / 4 - 1, 64));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_may_be_written_whole),
        cmocka_unit_test(one_byte_past_the_end_is_caught),
        cmocka_unit_test(one_byte_before_the_start_is_caught),
        cmocka_unit_test(beyond_the_gap_of_alignment_the_process_ends),
        cmocka_unit_test(absurd_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
