/* compare.c: Equal, Less, Greater, LessOrEqual, GreaterOrEqual, And, Or, Xor: two broadcast inputs, bool output.
 *
 * NaN compares as in IEEE 754. Strings (Equal only) are compared byte by byte on the host.
 */
#include "runtime/ops/pointwise.h"

#include "runtime/ops/content.h"

#include <string.h>

#define ZIP(name, T, op) \
    ALT_LOOP(name, (const struct alt_loop *l), (l), { \
        const T *a = l->in[0], *b = l->in[1]; uint8_t *out = l->out; const int64_t n = l->n; \
        if (!l->step[0]) { const T x = a[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (uint8_t)(x op b[i]); } \
        else if (!l->step[1]) { const T y = b[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (uint8_t)(a[i] op y); } \
        else { ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (uint8_t)(a[i] op b[i]); } })
#define ZIP_ALL(name, op) \
    ZIP(name##_f32, float, op) ZIP(name##_f64, double, op) ZIP(name##_i64, int64_t, op) ZIP(name##_u64, uint64_t, op)

ZIP_ALL(equal, ==)
ZIP_ALL(less, <)
ZIP_ALL(greater, >)
ZIP_ALL(less_or_equal, <=)
ZIP_ALL(greater_or_equal, >=)
/* Bools are loaded as 0 or 1. */
ZIP(and_u64, uint64_t, &)
ZIP(or_u64, uint64_t, |)
ZIP(xor_u64, uint64_t, ^)

static int bind(struct alt_kernel_bind *b);

#define KERNEL(title) ALT_POINTWISE_KERNEL(title, bind)
#define COMPARE(ID, name) {ALT_OP_##ID, KERNEL(#name), {name##_f32, name##_f64, name##_i64, name##_u64}, 1}
static const struct alt_pointwise_row table[] = {
    COMPARE(EQUAL, equal),
    COMPARE(LESS, less),
    COMPARE(GREATER, greater),
    COMPARE(LESS_OR_EQUAL, less_or_equal),
    COMPARE(GREATER_OR_EQUAL, greater_or_equal),
    {ALT_OP_AND, KERNEL("and"), {NULL, NULL, NULL, and_u64}, 1},
    {ALT_OP_OR, KERNEL("or"), {NULL, NULL, NULL, or_u64}, 1},
    {ALT_OP_XOR, KERNEL("xor"), {NULL, NULL, NULL, xor_u64}, 1},
};

static const struct alt_pointwise_row *row_of(const struct alt_node *n)
{
    return alt_pointwise_row(table, sizeof table / sizeof *table, n->op);
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_row *row = row_of(b->node);
    const struct alt_pointwise_spec spec = {.loop = row->loop[alt_wide_of(b->in[0].dtype)], .raw = ALT_POINTWISE_RAW_OUT,
                                            .scalars = 3, .most_scalars = 1, .cost = row->cost};
    return alt_pointwise_bind(b, &spec);
}

/* Strings: one element of 16 bytes, passed as it lies in memory. */
static void equal_string(const struct alt_loop *l)
{
    const alt_string *a = l->in[0], *b = l->in[1];
    uint8_t *out = l->out;
    for (int64_t i = 0; i < l->n; i++) {
        const alt_string *x = &a[i * l->step[0]], *y = &b[i * l->step[1]];
        out[i] = x->length == y->length && (x->length == 0 || memcmp(x->data, y->data, x->length) == 0);
    }
}

static int bind_string(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_spec spec = {.loop = equal_string, .raw = 3 | ALT_POINTWISE_RAW_OUT, .scalars = 3, .most_scalars = 1, .cost = 10};
    return alt_pointwise_bind(b, &spec);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel strings = ALT_POINTWISE_KERNEL("equal_string", bind_string);
    if (sel->node->op != ALT_OP_EQUAL || sel->in[0].dtype != ALT_STRING)
        return alt_pointwise_select(sel, row_of(sel->node), out);
    *out = &strings;
    return ALT_OK;
}

static unsigned classes_of(enum alt_op op)
{
    switch (op) {
    case ALT_OP_AND:
    case ALT_OP_OR:
    case ALT_OP_XOR: return ALT_CLASS_BOOL;
    case ALT_OP_EQUAL: return ALT_CLASS_NUMBER | ALT_CLASS_BOOL | ALT_CLASS_STRING;
    default: return ALT_CLASS_NUMBER;
    }
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, classes_of(inf->node->op)));
    ALT_CHECK(alt_infer_expect(inf, 1, classes_of(inf->node->op)));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    ALT_CHECK(alt_pointwise_infer(inf, ALT_BOOL));
    return inf->node->op == ALT_OP_EQUAL ? alt_content_zip(inf, alt_content_equal) : ALT_OK;
}

const struct alt_op_impl alt_op_compare = {.infer = infer, .select = choose};
