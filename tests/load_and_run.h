/* load_and_run.h: everything that a host does with a model that it does not trust, under ceilings. */
#ifndef ALT_TESTS_LOAD_AND_RUN_H
#define ALT_TESTS_LOAD_AND_RUN_H

#include <alt/alt.h>

struct load_and_run {
    size_t memory_limit; /* bytes, of the model and of the session each */
    int64_t deadline_ns; /* from the beginning of the run */
    int64_t symbol;      /* extent of symbolic dimensions */
    /* results */
    alt_status status;     /* of what failed first, ALT_OK when all went well */
    bool loaded, answered; /* answered: the last run */
    size_t peak;           /* bytes that the session had at most; the model counts its own */
    char text[512];        /* of the first failure */
    const char *wrong;     /* a broken promise (a failure without text, a place written without success), or NULL */
};

/* Loads the bytes, makes a session with one thread and runs on made-up inputs, once with `symbol` and once with the next number.
 * Inputs of more than 64 Ki elements are not made: then a run fails for want of them. */
void load_and_run(struct load_and_run *t, const void *bytes, size_t size);

#endif
