/* options.h: the command line of alt_run. */
#ifndef ALT_TOOLS_OPTIONS_H
#define ALT_TOOLS_OPTIONS_H

#include "tools/say.h"

/* NAME=VALUE options in the order they were given. */
struct named {
    const char *name, *value;
};
struct named_list {
    struct named *item; /* owned; names owned, values borrowed from argv */
    size_t count;
};

struct run_options {
    const char *model; /* borrowed from argv, as every text here */
    struct named_list inputs, shapes, dims;
    int64_t runs;             /* 0: not given */
    double seconds;           /* < 0: not given */
    int64_t threads;          /* 0: not given */
    double budget;            /* seconds of tuning at most */
    const char *tune, *cache; /* NULL: not given */
    const char *numerics, *check, *save_outputs, *profile;
    double rtol, atol;
    bool json, quiet;
    bool list_ops, inspect, version, help;
};

/* Reads argv. Says what is wrong and returns OUTCOME_USAGE when something is; `out` is to be freed in any case. */
enum outcome run_options_parse(int argc, char **argv, struct run_options *out);
void run_options_free(struct run_options *options);
/* Prints the usage text on stdout. */
void run_options_help(void);
/* The value of the last item of that name; NULL when there is none. */
const char *named_find(const struct named_list *list, const char *name);
/* Adds "NAME=VALUE". False, after a message naming `option`, when it is not of that form or there is no memory. */
bool named_add(struct named_list *list, const char *option, const char *text);
void named_free(struct named_list *list);
/* A whole number >= least, or a message naming `option`. */
bool parse_whole(const char *option, const char *text, int64_t least, int64_t *out);

#endif
