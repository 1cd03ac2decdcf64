/* forest.c: decision trees from attributes; see forest.h. TreeEnsemble numbers its nodes itself, and its leaves stand behind
 * them here; the older operators name them by tree and node, which a table of pairs resolves. Model files are input: every
 * index is checked here, so that walking needs no checks but one against circles. */
#include "runtime/ops/forest.h"

#include "runtime/graph.h"
#include "runtime/mem.h"
#include "runtime/ops/category.h"

#include <math.h>
#include <string.h>

/* A list of numbers that an attribute gives as ints, as floats, or as a tensor. */
struct numbers {
    int64_t count;
    const int64_t *ints;
    const float *floats;
    const struct alt_tensor *tensor;
};

static struct numbers read_numbers(const struct alt_node *n, const char *name)
{
    const struct alt_attr *a = alt_attr_find(n, name);
    if (!a)
        return (struct numbers){0};
    if (a->type == ALT_ATTR_TENSOR)
        return (struct numbers){.count = alt_tensor_count(a->tensors[0]), .tensor = a->tensors[0]};
    if (a->type == ALT_ATTR_FLOATS)
        return (struct numbers){.count = a->count, .floats = a->floats};
    return (struct numbers){.count = a->type == ALT_ATTR_INTS ? a->count : 0, .ints = a->ints};
}

/* Of `name`, else of `name`_as_tensor. */
static struct numbers read_either(const struct alt_node *n, const char *name, const char *as_tensor)
{
    const struct numbers list = read_numbers(n, name);
    return list.count ? list : read_numbers(n, as_tensor);
}

static double number_at(const struct numbers *l, int64_t i)
{
    if (l->tensor)
        return alt_tensor_float(l->tensor, i);
    return l->floats ? (double)l->floats[i] : (double)l->ints[i];
}

static bool within(int64_t i, int64_t count) { return i >= 0 && i < count; }

static bool set_feature(struct alt_forest *f, struct alt_tree_node *node, int64_t feature)
{
    node->feature = feature;
    if (feature >= f->features)
        f->features = feature + 1;
    return feature >= 0 && feature < INT64_MAX;
}

static bool allocate(struct alt_forest *f, struct alt_arena *arena, int64_t nodes, int64_t votes)
{
    f->n_nodes = nodes;
    f->n_votes = votes;
    f->node = alt_arena_array(arena, (size_t)nodes, sizeof *f->node);
    f->vote = alt_arena_array(arena, (size_t)votes, sizeof *f->vote);
    return f->node && f->vote;
}

/* --- TreeEnsemble --- */

struct ensemble {
    struct numbers split, feature, mode, yes, no, yes_leaf, no_leaf, target, weight, missing, member;
    int64_t inner, leaves;
};

static void read_ensemble(const struct alt_node *n, struct ensemble *e)
{
    e->split = read_numbers(n, "nodes_splits");
    e->feature = read_numbers(n, "nodes_featureids");
    e->mode = read_numbers(n, "nodes_modes");
    e->yes = read_numbers(n, "nodes_truenodeids");
    e->no = read_numbers(n, "nodes_falsenodeids");
    e->yes_leaf = read_numbers(n, "nodes_trueleafs");
    e->no_leaf = read_numbers(n, "nodes_falseleafs");
    e->target = read_numbers(n, "leaf_targetids");
    e->weight = read_numbers(n, "leaf_weights");
    e->missing = read_numbers(n, "nodes_missing_value_tracks_true");
    e->member = read_numbers(n, "membership_values");
    e->inner = e->split.count;
    e->leaves = e->target.count;
}

static const char *check_ensemble(const struct ensemble *e)
{
    const struct numbers *lists[] = {&e->feature, &e->mode, &e->yes, &e->no, &e->yes_leaf, &e->no_leaf};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i]->count != e->inner)
            return "the lists nodes_... differ in length";
    if (e->weight.count != e->leaves || (e->missing.count && e->missing.count != e->inner))
        return "leaf_weights, or nodes_missing_value_tracks_true, has not as many entries as it should";
    return e->feature.ints && e->yes.ints && e->no.ints && e->yes_leaf.ints && e->no_leaf.ints && e->target.ints
               ? NULL
               : "the lists of ids must be ints";
}

/* Node i of the inner ones; `member` is where the next set of members starts. */
static const char *read_inner(struct alt_forest *f, const struct ensemble *e, int64_t i, int64_t *member)
{
    struct alt_tree_node *node = &f->node[i];
    const double mode = number_at(&e->mode, i);
    const bool yes_leaf = e->yes_leaf.ints[i] != 0, no_leaf = e->no_leaf.ints[i] != 0;
    if (!(mode >= ALT_BRANCH_LEQ && mode <= ALT_BRANCH_MEMBER))
        return "an entry of nodes_modes is out of range";
    node->branch = (enum alt_branch)mode;
    node->split = number_at(&e->split, i);
    node->missing_yes = e->missing.count && number_at(&e->missing, i) != 0;
    if (!set_feature(f, node, e->feature.ints[i]) || !within(e->yes.ints[i], yes_leaf ? e->leaves : e->inner) ||
        !within(e->no.ints[i], no_leaf ? e->leaves : e->inner))
        return "a feature, or a node that another leads to, is out of range";
    node->yes = e->yes.ints[i] + (yes_leaf ? e->inner : 0);
    node->no = e->no.ints[i] + (no_leaf ? e->inner : 0);
    if (node->branch != ALT_BRANCH_MEMBER)
        return NULL;
    node->first = *member;
    while (*member < e->member.count && !isnan(f->member[*member]))
        ++*member;
    node->count = *member - node->first;
    if (*member == e->member.count)
        return "membership_values has fewer sets than there are nodes that ask for one";
    ++*member;
    return NULL;
}

static bool read_forest(struct alt_forest *f, struct alt_arena *arena, const struct alt_node *n)
{
    struct ensemble e;
    int64_t member = 0;
    read_ensemble(n, &e);
    f->fault = check_ensemble(&e);
    f->n_roots = alt_attr_ints(n, "tree_roots", &f->root);
    if (f->fault)
        return true;
    f->member = alt_arena_array(arena, (size_t)e.member.count, sizeof *f->member);
    if (!f->member || !allocate(f, arena, e.inner + e.leaves, e.leaves))
        return false;
    for (int64_t i = 0; i < e.member.count; i++)
        f->member[i] = number_at(&e.member, i);
    for (int64_t i = 0; i < e.inner && !f->fault; i++)
        f->fault = read_inner(f, &e, i, &member);
    for (int64_t i = 0; i < e.leaves && !f->fault; i++) {
        f->node[e.inner + i] = (struct alt_tree_node){.branch = ALT_BRANCH_LEAF, .first = i, .count = 1};
        f->vote[i] = (struct alt_vote){e.target.ints[i], number_at(&e.weight, i)};
        if (!within(e.target.ints[i], f->targets))
            f->fault = "an entry of leaf_targetids is out of range";
    }
    for (int64_t i = 0; i < f->n_roots && !f->fault; i++)
        if (!within(f->root[i], e.inner))
            f->fault = "an entry of tree_roots is out of range";
    return true;
}

/* --- TreeEnsembleClassifier, TreeEnsembleRegressor --- */

/* Names of nodes: tree and number, seen as strings of their bytes. */
struct names {
    struct alt_categories map;
    int64_t (*pair)[2];
    alt_string *text;
};

static bool name_nodes(struct names *names, struct alt_arena *arena, const struct numbers *tree,
                       const struct numbers *id)
{
    names->pair = alt_arena_array(arena, (size_t)tree->count, sizeof *names->pair);
    names->text = alt_arena_array(arena, (size_t)tree->count, sizeof *names->text);
    if (!names->pair || !names->text)
        return false;
    for (int64_t i = 0; i < tree->count; i++) {
        names->pair[i][0] = tree->ints[i];
        names->pair[i][1] = id->ints[i];
        names->text[i] = (alt_string){(const char *)names->pair[i], sizeof names->pair[i]};
    }
    return alt_categories_init(&names->map, arena, ALT_STRING, names->text, tree->count);
}

static int64_t find_node(const struct names *names, int64_t tree, int64_t id)
{
    const int64_t pair[2] = {tree, id};
    const alt_string text = {(const char *)pair, sizeof pair};
    return alt_categories_find(&names->map, &text, 0);
}

struct old_ensemble {
    struct numbers tree, id, feature, yes, no, value, missing, vote_tree, vote_id, vote_target, weight;
    const struct alt_attr *mode;
};

static const char *read_old(const struct alt_node *n, struct old_ensemble *e)
{
    const bool classes = n->op == ALT_OP_TREE_ENSEMBLE_CLASSIFIER;
    e->tree = read_numbers(n, "nodes_treeids");
    e->id = read_numbers(n, "nodes_nodeids");
    e->feature = read_numbers(n, "nodes_featureids");
    e->yes = read_numbers(n, "nodes_truenodeids");
    e->no = read_numbers(n, "nodes_falsenodeids");
    e->value = read_either(n, "nodes_values", "nodes_values_as_tensor");
    e->missing = read_numbers(n, "nodes_missing_value_tracks_true");
    e->mode = alt_attr_find(n, "nodes_modes");
    e->vote_tree = read_numbers(n, classes ? "class_treeids" : "target_treeids");
    e->vote_id = read_numbers(n, classes ? "class_nodeids" : "target_nodeids");
    e->vote_target = read_numbers(n, classes ? "class_ids" : "target_ids");
    e->weight = read_either(n, classes ? "class_weights" : "target_weights",
                            classes ? "class_weights_as_tensor" : "target_weights_as_tensor");
    const int64_t nodes = e->tree.count, votes = e->vote_tree.count;
    if (e->id.count != nodes || e->feature.count != nodes || e->yes.count != nodes || e->no.count != nodes ||
        e->value.count != nodes || !e->mode || e->mode->type != ALT_ATTR_STRINGS || e->mode->count != nodes ||
        (e->missing.count && e->missing.count != nodes))
        return "the lists nodes_... differ in length";
    if (e->vote_id.count != votes || e->vote_target.count != votes || e->weight.count != votes)
        return "the lists of votes differ in length";
    const bool ints = nodes == 0 || (e->tree.ints && e->id.ints && e->feature.ints && e->yes.ints && e->no.ints);
    return ints && (votes == 0 || (e->vote_tree.ints && e->vote_id.ints && e->vote_target.ints))
               ? NULL
               : "the lists of ids must be ints";
}

static const char *read_old_node(struct alt_forest *f, const struct old_ensemble *e, const struct names *names,
                                 int64_t i)
{
    static const char *const modes[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
    struct alt_tree_node *node = &f->node[i];
    int mode = 0;
    while (mode <= ALT_BRANCH_LEAF && strcmp(modes[mode], e->mode->strings[i].data) != 0)
        mode++;
    if (mode > ALT_BRANCH_LEAF || mode == ALT_BRANCH_MEMBER)
        return "an entry of nodes_modes is not known";
    node->branch = (enum alt_branch)mode;
    if (mode == ALT_BRANCH_LEAF)
        return NULL;
    node->split = number_at(&e->value, i);
    node->missing_yes = e->missing.count && number_at(&e->missing, i) != 0;
    node->yes = find_node(names, e->tree.ints[i], e->yes.ints[i]);
    node->no = find_node(names, e->tree.ints[i], e->no.ints[i]);
    return set_feature(f, node, e->feature.ints[i]) && node->yes >= 0 && node->no >= 0
               ? NULL
               : "a feature, or a node that another leads to, is out of range";
}

/* Votes by the node they belong to, in the order they are given. */
static const char *read_old_votes(struct alt_forest *f, const struct old_ensemble *e, const struct names *names)
{
    for (int64_t i = 0; i < f->n_votes; i++) {
        const int64_t node = find_node(names, e->vote_tree.ints[i], e->vote_id.ints[i]);
        if (node < 0 || !within(e->vote_target.ints[i], f->targets))
            return "a vote belongs to no node, or to no class or target";
        f->node[node].first++; /* counts, for now */
    }
    int64_t at = 0;
    for (int64_t i = 0; i < f->n_nodes; i++) {
        const int64_t count = f->node[i].first;
        f->node[i].first = at;
        at += count;
    }
    for (int64_t i = 0; i < f->n_votes; i++) {
        struct alt_tree_node *node = &f->node[find_node(names, e->vote_tree.ints[i], e->vote_id.ints[i])];
        f->vote[node->first + node->count++] = (struct alt_vote){e->vote_target.ints[i], number_at(&e->weight, i)};
    }
    return NULL;
}

static bool read_old_forest(struct alt_forest *f, struct alt_arena *arena, const struct alt_node *n)
{
    struct old_ensemble e;
    struct names names;
    f->fault = read_old(n, &e);
    if (f->fault)
        return true;
    int64_t *root = alt_arena_array(arena, (size_t)e.tree.count, sizeof *root);
    if (!root || !allocate(f, arena, e.tree.count, e.vote_tree.count) || !name_nodes(&names, arena, &e.tree, &e.id))
        return false;
    f->root = root;
    for (int64_t i = 0; i < f->n_nodes && !f->fault; i++) {
        if (i == 0 || e.tree.ints[i] != e.tree.ints[i - 1])
            root[f->n_roots++] = i; /* the first node of each tree */
        f->fault = read_old_node(f, &e, &names, i);
    }
    if (!f->fault)
        f->fault = read_old_votes(f, &e, &names);
    return true;
}

bool alt_forest_read(struct alt_forest *f, struct alt_arena *arena, const struct alt_node *n, int64_t targets)
{
    *f = (struct alt_forest){.targets = targets};
    return n->op == ALT_OP_TREE_ENSEMBLE ? read_forest(f, arena, n) : read_old_forest(f, arena, n);
}

static bool compare(const struct alt_forest *f, const struct alt_tree_node *node, double x)
{
    switch (node->branch) {
    case ALT_BRANCH_LEQ:
        return x <= node->split;
    case ALT_BRANCH_LT:
        return x < node->split;
    case ALT_BRANCH_GTE:
        return x >= node->split;
    case ALT_BRANCH_GT:
        return x > node->split;
    case ALT_BRANCH_EQ:
        return x == node->split;
    case ALT_BRANCH_NEQ:
        return x != node->split;
    default:
        break;
    }
    for (int64_t i = 0; i < node->count; i++)
        if (f->member[node->first + i] == x)
            return true;
    return false;
}

const struct alt_tree_node *alt_forest_walk(const struct alt_forest *f, int64_t root, const double *x)
{
    const struct alt_tree_node *node = &f->node[root];
    for (int64_t steps = 0; node->branch != ALT_BRANCH_LEAF; steps++) {
        const double value = x[node->feature];
        if (steps > f->n_nodes)
            return NULL;
        node = &f->node[compare(f, node, value) || (node->missing_yes && value != value) ? node->yes : node->no];
    }
    return node;
}
