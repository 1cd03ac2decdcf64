/* fail_alloc.h: an allocator for tests that counts what is alive, checks what comes back, and fails the n-th request. */
#ifndef ALT_TESTS_FAIL_ALLOC_H
#define ALT_TESTS_FAIL_ALLOC_H

#include <alt/base.h>
#include <stdatomic.h>

/* Any thread. Fields may be read while nobody allocates. */
struct fail_alloc {
    alt_allocator hooks;           /* hand &fail.hooks to what is tested; context is this struct */
    uint64_t fail_at;              /* the request with this number (from 1) and all later ones fail; 0: none */
    bool once;                     /* only that one fails */
    _Atomic uint64_t calls;        /* requests so far */
    _Atomic uint64_t failed;       /* requests that were refused */
    _Atomic int64_t blocks, bytes; /* alive */
    _Atomic int64_t peak;          /* most bytes alive */
    _Atomic uint64_t faults;       /* blocks given back with another size than asked for, or written past their end */
};

void fail_alloc_init(struct fail_alloc *fail, uint64_t fail_at, bool once);

/* Calls `work` with the first request failing, then the second, until one call sees no failure; with one failure and with
 * all later requests failing too. After each call nothing may be alive. `work` returns the status of what it tests.
 * Returns the number of requests of the call that succeeded, or 0 with *why telling what was wrong. */
uint64_t fail_alloc_sweep(alt_status (*work)(const alt_allocator *hooks, void *context), void *context,
                          const char **why);

#endif
