/* choice.h: a kernel that takes the place of a region's nodes in a program. Made by the tuner, read by the program builder. */
#ifndef ALT_RUNTIME_CHOICE_H
#define ALT_RUNTIME_CHOICE_H

#include "runtime/graph.h"
#include "runtime/kernel.h"

struct alt_layout;

/* Keeps what a kernel needs alive (a loaded object file). */
struct alt_kernel_owner {
    void (*retain)(void *object);
    void (*release)(void *object);
    void *object;
};

/* Arrays are borrowed while a program is built; layouts, kernel and graph must outlive the program. */
struct alt_choice {
    const struct alt_node *const *node; /* in graph order; the step runs where the last one stands */
    int n_nodes;
    const struct alt_gvalue *const *in, *const *out;     /* in the order of the kernel's operands */
    const struct alt_layout *const *in_layout, *const *out_layout; /* parallel; NULL entries: plain */
    int n_in, n_out;
    const struct alt_kernel *kernel;
    struct alt_kernel_owner owner; /* retained by the program; retain NULL: static */
};

/* Choices of one program: disjoint sets of nodes. */
struct alt_choices {
    const struct alt_choice *item;
    int count;
};

#endif
