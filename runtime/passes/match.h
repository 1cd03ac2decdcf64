/* match.h: what passes that recognise patterns ask about values. */
#ifndef ALT_RUNTIME_PASSES_MATCH_H
#define ALT_RUNTIME_PASSES_MATCH_H

#include "runtime/graph.h"

/* The node that makes `v`, when it is of that operator and `v` its first output; else NULL. `v` may be NULL. */
struct alt_node *alt_match(const struct alt_gvalue *v, enum alt_op op);
/* The same, and nobody but one node input reads `v`. */
struct alt_node *alt_match_inner(const struct alt_gvalue *v, enum alt_op op);
/* `v` is a constant of one element; *out is its value. */
bool alt_match_number(const struct alt_gvalue *v, double *out);
/* The other operand of a node of two when one of them is the number, within that relative distance; else NULL. */
struct alt_gvalue *alt_match_with_number(const struct alt_node *n, double number, double distance);
/* The one node that reads `v`, when it is of that operator and `v` is no graph output; else NULL. */
struct alt_node *alt_match_reader(const struct alt_gvalue *v, enum alt_op op);
/* The number of trailing axes that a reduction covers, kept as extent 1; 0 when it does something else. */
int alt_match_trailing_axes(const struct alt_node *n);

/* A product written as a tree: number * x^power * other. */
struct alt_match_product {
    double number;
    int power;
    struct alt_gvalue *other; /* one factor that is neither, or NULL */
};
/* The factors of `v`, made by Mul, Div by a number, and Pow of x with a small whole exponent; x NULL: none is looked for. What
 * lies between is read by nobody else; `v` itself may be. False when more than one factor is left over. */
bool alt_match_factors(struct alt_gvalue *v, const struct alt_gvalue *x, struct alt_match_product *out);
/* |a - b| within 1e-6 of b: constants that went through float32. */
bool alt_match_close(double a, double b);

/* In the place of n's first output: a node of one input and of that operator, in front of n. ALT_E_NOMEM. `attr` may be NULL. */
alt_status alt_match_replace(struct alt_node *n, enum alt_op op, int64_t opset, struct alt_gvalue *x, const struct alt_attr *attr);
/* Somebody reads the first output. */
bool alt_match_read(const struct alt_node *n);
/* y has the shape of x, and both are floats of one type: an activation can stand between them. */
bool alt_match_like(const struct alt_gvalue *x, const struct alt_gvalue *y);
/* A float attribute in the graph's arena; NULL when there is no memory. */
const struct alt_attr *alt_match_float_attr(struct alt_graph *g, const char *name, float value);

#endif
