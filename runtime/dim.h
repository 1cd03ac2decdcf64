/* dim.h: extents that may be symbolic.
 *
 * An alt_dim >= 0 is an extent. One < 0 names an expression in a table: a symbol of the model ("batch"), a fresh unknown
 * ("?3"), or an operation on two dims. Expressions are hash-consed with commuting operands in order, so equal handles
 * mean equal values; different handles mean nothing. With all operands known the functions compute plain numbers, which
 * is how one shape-inference function serves both the symbolic graph and a concrete run.
 */
#ifndef ALT_RUNTIME_DIM_H
#define ALT_RUNTIME_DIM_H

#include <alt/base.h>

typedef int64_t alt_dim;
#define ALT_DIM_BAD INT64_MIN /* overflow, division by zero, out of memory: spreads through every operation */

struct alt_arena;
struct alt_dim_expr;

struct alt_dimtab {
    struct alt_arena *arena; /* borrowed */
    struct alt_dim_expr *expr; /* arena; grows */
    int count, capacity;
    bool exhausted; /* memory ran out: an ALT_DIM_BAD may mean that */
};

enum alt_dim_op { ALT_DIM_SYMBOL, ALT_DIM_UNKNOWN, ALT_DIM_ADD, ALT_DIM_SUB, ALT_DIM_MUL, ALT_DIM_DIV, ALT_DIM_MIN, ALT_DIM_MAX };

void alt_dimtab_init(struct alt_dimtab *tab, struct alt_arena *arena);

static inline bool alt_dim_known(alt_dim d) { return d >= 0; }

/* Contents of shape tensors ("-1" in Reshape's shape, "-1" as the end of a slice) may hold negative numbers, which no extent is.
 * They are alt_dims far below all expressions: ALT_DIM_MINUS - k stands for the number -k, k in [1, ALT_DIM_MINUS_MOST].
 * add, sub and mul accept them as long as the result is an extent or a number; other functions give ALT_DIM_BAD. */
#define ALT_DIM_MINUS (-(INT64_C(1) << 62))
#define ALT_DIM_MINUS_MOST (INT64_C(1) << 61)
/* The alt_dim of a number; ALT_DIM_BAD below -ALT_DIM_MINUS_MOST. */
static inline alt_dim alt_dim_from_int(int64_t number)
{
    return number >= 0 ? number : number < -ALT_DIM_MINUS_MOST ? ALT_DIM_BAD : ALT_DIM_MINUS + number;
}
static inline bool alt_dim_negative(alt_dim d) { return d < ALT_DIM_MINUS && d >= ALT_DIM_MINUS - ALT_DIM_MINUS_MOST; }
/* True and the number when `d` is one. */
static inline bool alt_dim_number(alt_dim d, int64_t *number)
{
    *number = alt_dim_negative(d) ? d - ALT_DIM_MINUS : d;
    return alt_dim_known(d) || alt_dim_negative(d);
}

alt_dim alt_dim_symbol(struct alt_dimtab *tab, const char *name); /* the same name gives the same dim */
alt_dim alt_dim_unknown(struct alt_dimtab *tab);                  /* equal to nothing else */
alt_dim alt_dim_add(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_dim_sub(struct alt_dimtab *tab, alt_dim a, alt_dim b); /* a < b with both known: ALT_DIM_BAD */
alt_dim alt_dim_mul(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_dim_div(struct alt_dimtab *tab, alt_dim a, alt_dim b); /* floor */
alt_dim alt_dim_ceildiv(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_dim_min(struct alt_dimtab *tab, alt_dim a, alt_dim b);
alt_dim alt_dim_max(struct alt_dimtab *tab, alt_dim a, alt_dim b);
/* Number of symbols seen so far, and the name of the i-th. */
int alt_dimtab_symbols(const struct alt_dimtab *tab);
const char *alt_dimtab_symbol(const struct alt_dimtab *tab, int i);
/* Value with symbol i = values[i]; an unknown, or a symbol whose value is < 0, gives -1. */
int64_t alt_dim_eval(const struct alt_dimtab *tab, alt_dim d, const int64_t *values);
/* Writes "4", "batch", "?2" or "(h+1)/2" to `out` (always terminated) and returns `out`. */
char *alt_dim_print(const struct alt_dimtab *tab, alt_dim d, char *out, size_t size);

#endif
