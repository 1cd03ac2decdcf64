/* bitwise.c: BitShift, BitwiseAnd, BitwiseOr, BitwiseXor of two broadcast integer inputs.
 *
 * Computed in 64 bits: what is shifted out of the element's own width is dropped when it is stored. Shifting by the width
 * or more gives 0.
 */
#include "runtime/ops/pointwise.h"

#include <string.h>

#define ZIP(name, f) \
    static void name(const struct alt_loop *l) { \
        const uint64_t *a = l->in[0], *b = l->in[1]; uint64_t *out = l->out; const int64_t n = l->n; \
        if (!l->step[0]) { const uint64_t x = a[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = f(x, b[i]); } \
        else if (!l->step[1]) { const uint64_t y = b[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = f(a[i], y); } \
        else { ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = f(a[i], b[i]); } }

#define AND(x, y) ((x) & (y))
#define OR(x, y) ((x) | (y))
#define XOR(x, y) ((x) ^ (y))
static inline uint64_t shift_left(uint64_t x, uint64_t y) { return y < 64 ? x << y : 0; }
static inline uint64_t shift_right(uint64_t x, uint64_t y) { return y < 64 ? x >> y : 0; }

ZIP(bit_and, AND)
ZIP(bit_or, OR)
ZIP(bit_xor, XOR)
ZIP(bit_left, shift_left)
ZIP(bit_right, shift_right)

static int bind(struct alt_kernel_bind *b);

#define KERNEL(title) ALT_POINTWISE_KERNEL(title, bind)
static const struct alt_pointwise_row table[] = {
    {ALT_OP_BIT_SHIFT, KERNEL("bit_shift"), {NULL, NULL, NULL, bit_left}, 1},
    {ALT_OP_BITWISE_AND, KERNEL("bitwise_and"), {NULL, NULL, bit_and, bit_and}, 1},
    {ALT_OP_BITWISE_OR, KERNEL("bitwise_or"), {NULL, NULL, bit_or, bit_or}, 1},
    {ALT_OP_BITWISE_XOR, KERNEL("bitwise_xor"), {NULL, NULL, bit_xor, bit_xor}, 1},
};

static const struct alt_pointwise_row *row_of(const struct alt_node *n)
{
    return alt_pointwise_row(table, sizeof table / sizeof *table, n->op);
}

static bool to_the_right(const struct alt_node *n) { return strcmp(alt_attr_text(n, "direction", ""), "RIGHT") == 0; }

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_row *row = row_of(b->node);
    struct alt_pointwise_spec spec = {.loop = row->loop[alt_wide_of(b->in[0].dtype)], .scalars = 3, .most_scalars = 1, .cost = row->cost};
    if (b->node->op == ALT_OP_BIT_SHIFT && to_the_right(b->node))
        spec.loop = bit_right;
    return alt_pointwise_bind(b, &spec);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    return alt_pointwise_select(sel, row_of(sel->node), out);
}

static alt_status infer(struct alt_infer *inf)
{
    const bool shift = inf->node->op == ALT_OP_BIT_SHIFT;
    ALT_CHECK(alt_infer_expect(inf, 0, shift ? ALT_CLASS_UNSIGNED : ALT_CLASS_INT));
    ALT_CHECK(alt_infer_expect(inf, 1, shift ? ALT_CLASS_UNSIGNED : ALT_CLASS_INT));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    if (shift && !to_the_right(inf->node) && strcmp(alt_attr_text(inf->node, "direction", ""), "LEFT") != 0)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute direction must be LEFT or RIGHT");
    return alt_pointwise_infer(inf, inf->in[0]->dtype);
}

const struct alt_op_impl alt_op_bitwise = {.infer = infer, .select = choose};
