/* dim.c: symbolic extents as hash-consed expressions in a normal form.
 *
 * Every result is rebuilt from a linear form: a sum of coefficient * atom plus a constant, atoms in order of age. An atom
 * is a symbol, an unknown, a product of atoms, a quotient, a minimum or a maximum. So h+2-3, (h-2)+1 and h-1 are one
 * expression; a common factor leaves a quotient, ((x*6)/4 is (x*3)/2), whole multiples of a divisor leave the floor
 * ((4*x+3)/4 is x), and floors of floors join ((x/2)/3 is x/6). Equal handles therefore mean equal values; where the form
 * would grow past its bounds the result is a fresh unknown, which is always sound and keeps hostile models cheap.
 *
 * Cancelling x in (x*a)/(x*b) takes x for positive: an extent of 0 leaves the quotient undefined in ONNX as well.
 */
#include "runtime/dim.h"

#include "runtime/mem.h"

#include <stdio.h>
#include <string.h>

#define MAX_TERMS 16 /* of a sum, factors of a product */
#define MAX_SIZE 200 /* nodes of an expression, counted as a tree: bounds recursion and printing too */
#define FIRST_CAPACITY 32

struct alt_dim_expr {
    enum alt_dim_op op;
    int size;         /* nodes of the tree */
    alt_dim a, b;     /* operands; symbol: a is its number */
    const char *name; /* symbol; arena */
    int head, next;   /* hash chain: head belongs to the bucket of this index, next to the entry; -1 ends */
};

/* A sum under construction. `overflow`: not representable, ALT_DIM_BAD. `full`: too many terms. */
struct sum {
    struct term {
        alt_dim atom;
        int64_t coef; /* not 0 */
    } term[MAX_TERMS];
    int n;
    int64_t constant;
    bool overflow, full;
};

struct product {
    alt_dim factor[MAX_TERMS]; /* in order of age */
    int n;
    int64_t coef;
    bool overflow, full;
};

void alt_dimtab_init(struct alt_dimtab *tab, struct alt_arena *arena) { *tab = (struct alt_dimtab){.arena = arena}; }

static const struct alt_dim_expr *expr(const struct alt_dimtab *tab, alt_dim d) { return &tab->expr[-1 - d]; }

static bool is_op(const struct alt_dimtab *tab, alt_dim d, enum alt_dim_op op)
{
    return d < 0 && d != ALT_DIM_BAD && expr(tab, d)->op == op;
}

static bool no_extent(alt_dim d) { return d == ALT_DIM_BAD || alt_dim_negative(d); }

static int tree_size(const struct alt_dimtab *tab, alt_dim d) { return d < 0 ? expr(tab, d)->size : 1; }

/* --- the table --- */

static uint64_t hash_text(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

static int bucket(const struct alt_dimtab *tab, enum alt_dim_op op, alt_dim a, alt_dim b, const char *name)
{
    uint64_t h = name ? hash_text(name) : (uint64_t)a * 0x9e3779b97f4a7c15u + (uint64_t)b;
    h = (h ^ (h >> 32)) * 0xff51afd7ed558ccdu + (uint64_t)op;
    return (int)((h ^ (h >> 29)) & (uint64_t)(tab->capacity - 1));
}

static void link_entry(struct alt_dimtab *tab, int i)
{
    struct alt_dim_expr *e = &tab->expr[i];
    int at = bucket(tab, e->op, e->name ? 0 : e->a, e->b, e->name);
    e->next = tab->expr[at].head;
    tab->expr[at].head = i;
}

static bool grow(struct alt_dimtab *tab)
{
    if (tab->capacity > INT32_MAX / 2)
        return false;
    int capacity = tab->capacity ? tab->capacity * 2 : FIRST_CAPACITY;
    struct alt_dim_expr *table = alt_arena_array(tab->arena, (size_t)capacity, sizeof *table);
    if (!table)
        return false;
    if (tab->count)
        memcpy(table, tab->expr, (size_t)tab->count * sizeof *table);
    tab->expr = table;
    tab->capacity = capacity;
    for (int i = 0; i < capacity; i++)
        table[i].head = -1;
    for (int i = 0; i < tab->count; i++)
        link_entry(tab, i);
    return true;
}

static alt_dim find(const struct alt_dimtab *tab, enum alt_dim_op op, alt_dim a, alt_dim b, const char *name)
{
    if (tab->capacity == 0)
        return 0;
    for (int i = tab->expr[bucket(tab, op, a, b, name)].head; i >= 0; i = tab->expr[i].next) {
        const struct alt_dim_expr *e = &tab->expr[i];
        if (e->op == op && (name ? strcmp(e->name, name) == 0 : e->a == a && e->b == b))
            return -1 - (alt_dim)i;
    }
    return 0;
}

static alt_dim append(struct alt_dimtab *tab, struct alt_dim_expr e)
{
    if (tab->count == tab->capacity && !grow(tab)) {
        tab->exhausted = true;
        return ALT_DIM_BAD;
    }
    int i = tab->count++;
    e.head = tab->expr[i].head;
    tab->expr[i] = e;
    link_entry(tab, i);
    return -1 - (alt_dim)i;
}

/* The node `op(a, b)`, operands as they stand. */
static alt_dim node(struct alt_dimtab *tab, enum alt_dim_op op, alt_dim a, alt_dim b)
{
    if (a == ALT_DIM_BAD || b == ALT_DIM_BAD)
        return ALT_DIM_BAD;
    int size = tree_size(tab, a) + tree_size(tab, b) + 1;
    if (size > MAX_SIZE)
        return alt_dim_unknown(tab);
    alt_dim found = find(tab, op, a, b, NULL);
    return found ? found : append(tab, (struct alt_dim_expr){.op = op, .size = size, .a = a, .b = b});
}

alt_dim alt_dim_symbol(struct alt_dimtab *tab, const char *name)
{
    alt_dim found = find(tab, ALT_DIM_SYMBOL, 0, 0, name);
    if (found)
        return found;
    char *copy = alt_arena_text(tab->arena, name, strlen(name));
    if (!copy) {
        tab->exhausted = true;
        return ALT_DIM_BAD;
    }
    return append(tab,
                  (struct alt_dim_expr){.op = ALT_DIM_SYMBOL, .size = 1, .a = alt_dimtab_symbols(tab), .name = copy});
}

alt_dim alt_dim_unknown(struct alt_dimtab *tab)
{
    return append(tab, (struct alt_dim_expr){.op = ALT_DIM_UNKNOWN, .size = 1, .a = tab->count});
}

int alt_dimtab_symbols(const struct alt_dimtab *tab)
{
    int n = 0;
    for (int i = 0; i < tab->count; i++)
        n += tab->expr[i].op == ALT_DIM_SYMBOL;
    return n;
}

const char *alt_dimtab_symbol(const struct alt_dimtab *tab, int i)
{
    for (int k = 0; k < tab->count; k++)
        if (tab->expr[k].op == ALT_DIM_SYMBOL && i-- == 0)
            return tab->expr[k].name;
    return NULL;
}

/* --- sums --- */

static void sum_term(struct sum *s, alt_dim atom, int64_t coef)
{
    int i = 0;
    while (i < s->n && s->term[i].atom > atom) /* older handles are greater */
        i++;
    if (i < s->n && s->term[i].atom == atom) {
        s->overflow |= __builtin_add_overflow(s->term[i].coef, coef, &s->term[i].coef);
        if (s->term[i].coef == 0) {
            s->n--;
            memmove(&s->term[i], &s->term[i + 1], (size_t)(s->n - i) * sizeof s->term[0]);
        }
    } else if (s->n == MAX_TERMS) {
        s->full = true;
    } else {
        memmove(&s->term[i + 1], &s->term[i], (size_t)(s->n - i) * sizeof s->term[0]);
        s->term[i] = (struct term){atom, coef};
        s->n++;
    }
}

/* s += coef * d; d may be a negative number */
static void sum_add(const struct alt_dimtab *tab, struct sum *s, alt_dim d, int64_t coef)
{
    int64_t number, scaled;
    if (s->overflow || s->full || coef == 0)
        return;
    if (alt_dim_number(d, &number)) {
        s->overflow |=
            __builtin_mul_overflow(number, coef, &scaled) || __builtin_add_overflow(s->constant, scaled, &s->constant);
        return;
    }
    const struct alt_dim_expr *e = expr(tab, d);
    if (e->op == ALT_DIM_ADD || e->op == ALT_DIM_SUB) {
        if (e->op == ALT_DIM_SUB && coef == INT64_MIN) {
            s->overflow = true;
            return;
        }
        sum_add(tab, s, e->a, coef);
        sum_add(tab, s, e->b, e->op == ALT_DIM_SUB ? -coef : coef);
    } else if (e->op == ALT_DIM_MUL && e->b >= 0) {
        s->overflow |= __builtin_mul_overflow(coef, e->b, &scaled);
        if (!s->overflow)
            sum_add(tab, s, e->a, scaled);
    } else {
        sum_term(s, d, coef);
    }
}

/* The expression of a sum: what is added first, then what is taken away. */
static alt_dim sum_build(struct alt_dimtab *tab, const struct sum *s)
{
    if (s->overflow || s->constant == INT64_MIN)
        return ALT_DIM_BAD;
    if (s->full)
        return alt_dim_unknown(tab);
    if (s->n == 0)
        return s->constant < 0 ? ALT_DIM_BAD : s->constant;
    alt_dim d = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < s->n; i++) {
            int64_t coef = s->term[i].coef;
            if ((coef < 0) != (pass == 1))
                continue;
            if (coef == INT64_MIN)
                return ALT_DIM_BAD;
            int64_t factor = coef < 0 ? -coef : coef;
            alt_dim t = factor == 1 ? s->term[i].atom : node(tab, ALT_DIM_MUL, s->term[i].atom, factor);
            d = pass == 1 ? node(tab, ALT_DIM_SUB, d, t) : d == 0 ? t : node(tab, ALT_DIM_ADD, d, t);
        }
        if (pass == 0 && s->constant > 0)
            d = d == 0 ? s->constant : node(tab, ALT_DIM_ADD, d, s->constant);
    }
    return s->constant < 0 ? node(tab, ALT_DIM_SUB, d, -s->constant) : d;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 && a != INT64_MIN ? -a : a;
}

/* Largest number that divides every coefficient and the constant. */
static int64_t sum_content(const struct sum *s)
{
    int64_t g = s->constant;
    for (int i = 0; i < s->n; i++)
        g = gcd(g, s->term[i].coef);
    return g < 0 ? 1 : g;
}

static void sum_divide(struct sum *s, int64_t g)
{
    s->constant /= g;
    for (int i = 0; i < s->n; i++)
        s->term[i].coef /= g;
}

/* ca * a + cb * b. Where a negative number goes in, one may come out; else that is no extent. */
static alt_dim combine(struct alt_dimtab *tab, alt_dim a, int64_t ca, alt_dim b, int64_t cb)
{
    struct sum s = {0};
    sum_add(tab, &s, a, ca);
    sum_add(tab, &s, b, cb);
    if (s.n == 0 && !s.overflow && (alt_dim_negative(a) || alt_dim_negative(b)))
        return alt_dim_from_int(s.constant);
    return sum_build(tab, &s);
}

alt_dim alt_dim_add(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t r;
    if (a == ALT_DIM_BAD || b == ALT_DIM_BAD)
        return ALT_DIM_BAD;
    if (a >= 0 && b >= 0)
        return __builtin_add_overflow(a, b, &r) ? ALT_DIM_BAD : r;
    return combine(tab, a, 1, b, 1);
}

alt_dim alt_dim_sub(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    if (a == ALT_DIM_BAD || b == ALT_DIM_BAD)
        return ALT_DIM_BAD;
    if (a >= 0 && b >= 0)
        return a < b ? ALT_DIM_BAD : a - b;
    return combine(tab, a, 1, b, -1);
}

/* --- products and quotients --- */

static void product_factor(struct product *p, alt_dim d)
{
    if (p->n == MAX_TERMS) {
        p->full = true;
        return;
    }
    int i = p->n++;
    for (; i > 0 && p->factor[i - 1] < d; i--)
        p->factor[i] = p->factor[i - 1];
    p->factor[i] = d;
}

/* p *= d. A common factor of a sum moves to the coefficient, so that (2*x+2)*y and (x+1)*(2*y) meet. */
static void product_mul(struct alt_dimtab *tab, struct product *p, alt_dim d)
{
    if (d == ALT_DIM_BAD || p->overflow || p->full) {
        p->overflow |= d == ALT_DIM_BAD;
        return;
    }
    if (d >= 0) {
        p->overflow |= __builtin_mul_overflow(p->coef, d, &p->coef);
        return;
    }
    const struct alt_dim_expr e = *expr(tab, d);
    if (e.op == ALT_DIM_MUL) {
        product_mul(tab, p, e.a);
        product_mul(tab, p, e.b);
        return;
    }
    if (e.op == ALT_DIM_ADD || e.op == ALT_DIM_SUB) {
        struct sum s = {0};
        sum_add(tab, &s, d, 1);
        int64_t g = sum_content(&s);
        if (g > 1 && !s.overflow && !s.full) {
            sum_divide(&s, g);
            p->overflow |= __builtin_mul_overflow(p->coef, g, &p->coef);
            d = sum_build(tab, &s);
            if (d == ALT_DIM_BAD) {
                p->overflow = true;
                return;
            }
        }
    }
    product_factor(p, d);
}

static alt_dim product_build(struct alt_dimtab *tab, const struct product *p)
{
    if (p->overflow)
        return ALT_DIM_BAD;
    if (p->coef == 0)
        return 0;
    if (p->full)
        return alt_dim_unknown(tab);
    if (p->n == 0)
        return p->coef;
    alt_dim d = p->factor[0];
    for (int i = 1; i < p->n; i++)
        d = node(tab, ALT_DIM_MUL, d, p->factor[i]);
    return d == ALT_DIM_BAD ? ALT_DIM_BAD
                            : combine(tab, d, p->coef, 0, 0); /* the coefficient of a lone sum moves back in */
}

alt_dim alt_dim_mul(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t r;
    if (a == ALT_DIM_BAD || b == ALT_DIM_BAD)
        return ALT_DIM_BAD;
    if (a >= 0 && b >= 0)
        return __builtin_mul_overflow(a, b, &r) ? ALT_DIM_BAD : r;
    if (alt_dim_negative(a))
        return combine(tab, b, a - ALT_DIM_MINUS, a, 0);
    if (alt_dim_negative(b))
        return combine(tab, a, b - ALT_DIM_MINUS, b, 0);
    struct product p = {.coef = 1};
    product_mul(tab, &p, a);
    product_mul(tab, &p, b);
    return product_build(tab, &p);
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

/* floor(rest / c) where no coefficient of `rest` is a multiple of c and its constant lies in [0, c). */
static alt_dim floor_node(struct alt_dimtab *tab, struct sum *rest, int64_t c)
{
    if (rest->n == 0)
        return 0;
    /* floor((g * y + r) / (g * c)) is floor((y + floor(r / g)) / c); the constant is not negative */
    int64_t g = c;
    for (int i = 0; i < rest->n; i++)
        g = gcd(g, rest->term[i].coef);
    sum_divide(rest, g);
    c /= g;
    /* floor((floor(y / e) + r) / c) is floor((y + e * r) / (e * c)) */
    const struct term *t = &rest->term[0];
    if (rest->n == 1 && t->coef == 1 && is_op(tab, t->atom, ALT_DIM_DIV) && expr(tab, t->atom)->b >= 0) {
        alt_dim y = expr(tab, t->atom)->a, e = expr(tab, t->atom)->b;
        int64_t add, by;
        if (__builtin_mul_overflow(e, rest->constant, &add) || __builtin_mul_overflow(e, c, &by))
            return ALT_DIM_BAD;
        return alt_dim_div(tab, alt_dim_add(tab, y, add), by);
    }
    alt_dim top = sum_build(tab, rest);
    return node(tab, ALT_DIM_DIV, top, c);
}

/* floor(a / c): whole multiples of c leave the floor. */
static alt_dim div_constant(struct alt_dimtab *tab, alt_dim a, int64_t c)
{
    struct sum s = {0}, whole = {0}, rest = {0};
    sum_add(tab, &s, a, 1);
    if (s.overflow)
        return ALT_DIM_BAD;
    if (s.full)
        return alt_dim_unknown(tab);
    for (int i = 0; i < s.n; i++) {
        if (s.term[i].coef % c == 0)
            sum_term(&whole, s.term[i].atom, s.term[i].coef / c);
        else
            sum_term(&rest, s.term[i].atom, s.term[i].coef);
    }
    whole.constant = floor_div(s.constant, c);
    rest.constant = s.constant - whole.constant * c;
    alt_dim quotient = floor_node(tab, &rest, c);
    if (quotient == ALT_DIM_BAD)
        return ALT_DIM_BAD;
    sum_add(tab, &whole, quotient, 1);
    return sum_build(tab, &whole);
}

/* Takes the factors that both have out of both. */
static void cancel(struct product *a, struct product *b)
{
    for (int i = 0; i < b->n; i++) {
        int k = 0;
        while (k < a->n && a->factor[k] != b->factor[i])
            k++;
        if (k == a->n)
            continue;
        memmove(&a->factor[k], &a->factor[k + 1], (size_t)(--a->n - k) * sizeof a->factor[0]);
        memmove(&b->factor[i], &b->factor[i + 1], (size_t)(--b->n - i) * sizeof b->factor[0]);
        i--;
    }
    int64_t g = gcd(a->coef, b->coef);
    if (g > 1) {
        a->coef /= g;
        b->coef /= g;
    }
}

alt_dim alt_dim_div(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    if (no_extent(a) || no_extent(b) || b == 0)
        return ALT_DIM_BAD;
    if (a >= 0 && b >= 0)
        return a / b;
    if (a == 0 || b == 1)
        return a;
    if (b >= 0)
        return div_constant(tab, a, b);
    struct product top = {.coef = 1}, bottom = {.coef = 1};
    product_mul(tab, &top, a);
    product_mul(tab, &bottom, b);
    if (top.overflow || bottom.overflow)
        return ALT_DIM_BAD;
    if (!top.full && !bottom.full) {
        cancel(&top, &bottom);
        a = product_build(tab, &top);
        b = product_build(tab, &bottom);
        if (a == ALT_DIM_BAD || b == ALT_DIM_BAD)
            return ALT_DIM_BAD;
    }
    if (b >= 0)
        return b == 0 ? ALT_DIM_BAD : a >= 0 ? a / b : div_constant(tab, a, b);
    return node(tab, ALT_DIM_DIV, a, b);
}

alt_dim alt_dim_ceildiv(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    if (no_extent(a) || no_extent(b) || b == 0)
        return ALT_DIM_BAD;
    if (a >= 0 && b >= 0)
        return a / b + (a % b != 0);
    struct sum s = {.constant = -1};
    sum_add(tab, &s, a, 1);
    sum_add(tab, &s, b, 1);
    return alt_dim_div(tab, sum_build(tab, &s), b);
}

/* --- minimum and maximum --- */

/* Provably not negative: nothing is taken away in it. */
static bool never_negative(const struct alt_dimtab *tab, alt_dim d)
{
    if (d >= 0)
        return true;
    const struct alt_dim_expr *e = expr(tab, d);
    switch (e->op) {
    case ALT_DIM_SYMBOL:
    case ALT_DIM_UNKNOWN:
        return true;
    case ALT_DIM_SUB:
        return false;
    case ALT_DIM_MAX:
        return never_negative(tab, e->a) || never_negative(tab, e->b);
    default:
        return never_negative(tab, e->a) && never_negative(tab, e->b);
    }
}

/* Sets *less when a <= b or b <= a can be told. */
static bool compare(const struct alt_dimtab *tab, alt_dim a, alt_dim b, bool *less)
{
    struct sum s = {0};
    sum_add(tab, &s, b, 1);
    sum_add(tab, &s, a, -1);
    if (!s.overflow && !s.full && s.n == 0) {
        *less = s.constant >= 0;
        return true;
    }
    *less = a == 0;
    return (a == 0 && never_negative(tab, b)) || (b == 0 && never_negative(tab, a));
}

static alt_dim choose(struct alt_dimtab *tab, enum alt_dim_op op, alt_dim a, alt_dim b)
{
    bool less;
    if (no_extent(a) || no_extent(b))
        return ALT_DIM_BAD;
    if (compare(tab, a, b, &less))
        return less == (op == ALT_DIM_MIN) ? a : b;
    bool swap = a >= 0 || (b < 0 && a < b); /* symbols first, by age; a number comes last */
    return swap ? node(tab, op, b, a) : node(tab, op, a, b);
}

alt_dim alt_dim_min(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    if (a >= 0 && b >= 0)
        return a < b ? a : b;
    return choose(tab, ALT_DIM_MIN, a, b);
}

alt_dim alt_dim_max(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    if (a >= 0 && b >= 0)
        return a > b ? a : b;
    return choose(tab, ALT_DIM_MAX, a, b);
}

/* --- evaluation and text --- */

/* The value, which may be negative inside an expression; false when it is not known or not representable. */
static bool evaluate(const struct alt_dimtab *tab, alt_dim d, const int64_t *values, int64_t *out)
{
    if (d >= 0) {
        *out = d;
        return true;
    }
    const struct alt_dim_expr *e = expr(tab, d);
    int64_t a, b;
    if (e->op == ALT_DIM_SYMBOL) {
        *out = values[e->a];
        return *out >= 0;
    }
    if (e->op == ALT_DIM_UNKNOWN || !evaluate(tab, e->a, values, &a) || !evaluate(tab, e->b, values, &b))
        return false;
    switch (e->op) {
    case ALT_DIM_ADD:
        return !__builtin_add_overflow(a, b, out);
    case ALT_DIM_SUB:
        return !__builtin_sub_overflow(a, b, out);
    case ALT_DIM_MUL:
        return !__builtin_mul_overflow(a, b, out);
    case ALT_DIM_DIV:
        if (b <= 0)
            return false;
        *out = floor_div(a, b);
        return true;
    case ALT_DIM_MIN:
        *out = a < b ? a : b;
        return true;
    default:
        *out = a > b ? a : b;
        return true;
    }
}

int64_t alt_dim_eval(const struct alt_dimtab *tab, alt_dim d, const int64_t *values)
{
    int64_t value;
    if (no_extent(d) || !evaluate(tab, d, values, &value))
        return -1;
    return value < 0 ? -1 : value;
}

struct text {
    char *at;
    size_t left; /* with the terminator */
};

static void put(struct text *t, const char *s)
{
    size_t n = strlen(s);
    if (n >= t->left)
        n = t->left - 1;
    memcpy(t->at, s, n);
    t->at += n;
    t->left -= n;
    *t->at = '\0';
}

/* Operators bind: 1 sums, 2 products and quotients. `tight`: what stands around `d` binds so. */
static void print(const struct alt_dimtab *tab, alt_dim d, int tight, struct text *t)
{
    char number[32];
    int64_t value;
    if (alt_dim_number(d, &value)) {
        snprintf(number, sizeof number, "%lld", (long long)value);
        put(t, number);
        return;
    }
    if (d == ALT_DIM_BAD || !tab) {
        put(t, d == ALT_DIM_BAD ? "bad" : "?");
        return;
    }
    static const char *const sign[] = {
        [ALT_DIM_ADD] = "+", [ALT_DIM_SUB] = "-", [ALT_DIM_MUL] = "*", [ALT_DIM_DIV] = "/"};
    const struct alt_dim_expr *e = expr(tab, d);
    if (e->op == ALT_DIM_SYMBOL) {
        put(t, e->name);
    } else if (e->op == ALT_DIM_UNKNOWN) {
        snprintf(number, sizeof number, "?%lld", (long long)e->a);
        put(t, number);
    } else if (e->op == ALT_DIM_MIN || e->op == ALT_DIM_MAX) {
        put(t, e->op == ALT_DIM_MIN ? "min(" : "max(");
        print(tab, e->a, 0, t);
        put(t, ",");
        print(tab, e->b, 0, t);
        put(t, ")");
    } else {
        int own = e->op == ALT_DIM_ADD || e->op == ALT_DIM_SUB ? 1 : 2;
        bool brackets = own < tight;
        put(t, brackets ? "(" : "");
        print(tab, e->a, own, t);
        put(t, sign[e->op]);
        /* a-(b+c), a/(b*c) and a*(b/c) keep their brackets */
        print(tab, e->b, e->op == ALT_DIM_ADD ? own : own + 1, t);
        put(t, brackets ? ")" : "");
    }
}

char *alt_dim_print(const struct alt_dimtab *tab, alt_dim d, char *out, size_t size)
{
    if (size == 0)
        return out;
    *out = '\0';
    print(tab, d, 0, &(struct text){out, size});
    return out;
}
