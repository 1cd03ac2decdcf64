/* forest.h: ensembles of decision trees: what forest.c reads from the attributes of TreeEnsemble, TreeEnsembleClassifier and
 * TreeEnsembleRegressor, and tree_ensemble.c runs. */
#ifndef ALT_RUNTIME_OPS_FOREST_H
#define ALT_RUNTIME_OPS_FOREST_H

#include <alt/value.h>

struct alt_arena;
struct alt_node;

/* How a node compares a feature with its split; TreeEnsemble's numbers. */
enum alt_branch {
    ALT_BRANCH_LEQ,
    ALT_BRANCH_LT,
    ALT_BRANCH_GTE,
    ALT_BRANCH_GT,
    ALT_BRANCH_EQ,
    ALT_BRANCH_NEQ,
    ALT_BRANCH_MEMBER, /* is one of the members */
    ALT_BRANCH_LEAF
};

struct alt_tree_node {
    enum alt_branch branch;
    bool missing_yes; /* a NaN goes where a true comparison does */
    int64_t feature, yes, no;
    double split;
    int64_t first, count; /* members, or votes of a leaf */
};

struct alt_vote {
    int64_t target;
    double weight;
};

struct alt_forest {
    struct alt_tree_node *node;
    int64_t n_nodes, n_roots, targets, features; /* features: one more than the largest that is read */
    const int64_t *root;
    struct alt_vote *vote;
    double *member;
    int64_t n_votes;
    const char *fault; /* what is wrong with the attributes, or NULL */
};

/* Reads a node's attributes for `targets` targets; false when there is no memory. */
bool alt_forest_read(struct alt_forest *f, struct alt_arena *arena, const struct alt_node *n, int64_t targets);
/* The leaf that a row of features ends in; NULL when the nodes lead in a circle. */
const struct alt_tree_node *alt_forest_walk(const struct alt_forest *f, int64_t root, const double *x);

#endif
