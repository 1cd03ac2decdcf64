/* affine.h: index expressions: a constant plus multiples of loop variables. */
#ifndef ALT_JIT_AFFINE_H
#define ALT_JIT_AFFINE_H

#include <stdbool.h>
#include <stdint.h>

#define ALT_AFFINE_TERMS 6

/* Variables are numbers of loops of a nest; each occurs once, with a coefficient that is not 0. */
struct alt_affine {
    int64_t base;
    int count;
    struct alt_affine_term {
        int var;
        int64_t coef;
    } term[ALT_AFFINE_TERMS];
};

/* Every value that an expression takes lies in [lo, hi]. */
struct alt_interval {
    int64_t lo, hi;
};

struct alt_affine alt_affine_base(int64_t base);
/* `e` + coef * var. A variable below 0 is a loop that is not there: 0. At most ALT_AFFINE_TERMS variables (the caller's
 * duty). */
struct alt_affine alt_affine_plus(struct alt_affine e, int var, int64_t coef);
struct alt_affine alt_affine_shift(struct alt_affine e, int64_t by);
/* The coefficient of a variable; 0 when it does not occur. */
int64_t alt_affine_coef(const struct alt_affine *e, int var);

/* The same with every step checked, for expressions that are input: false on overflow or too many terms. */
bool alt_affine_add(struct alt_affine *e, int var, int64_t coef);
/* a - b. */
bool alt_affine_minus(const struct alt_affine *a, const struct alt_affine *b, struct alt_affine *out);
/* Over all values of the variables, each in its interval. */
bool alt_affine_range(const struct alt_affine *e, const struct alt_interval *var, struct alt_interval *out);
/* The value at a point. Expressions of a verified nest do not overflow. */
int64_t alt_affine_at(const struct alt_affine *e, const int64_t *value);

#endif
