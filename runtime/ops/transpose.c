/* transpose.c: Transpose. A view with permuted strides where the reader takes strides, else a copy in blocked tiles. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

/* The permutation: attribute perm, by default all axes reversed. */
static int64_t source_axis(const struct alt_node *n, int rank, int d)
{
    const int64_t *perm;
    return alt_attr_ints(n, "perm", &perm) == rank ? perm[d] : rank - 1 - d;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    const struct alt_shape *in = &inf->in[0]->shape;
    const int64_t *perm;
    int64_t length = alt_attr_ints(inf->node, "perm", &perm);
    bool given = alt_attr_has(inf->node, "perm");
    if (in->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, given && length <= ALT_MAX_RANK ? (int)length : -1);
        return ALT_OK;
    }
    if (given && length != in->rank)
        return alt_infer_fail(inf, ALT_E_MODEL, "perm names %lld axes, the input has %d", (long long)length, in->rank);
    struct alt_shape out = {.rank = in->rank};
    bool seen[ALT_MAX_RANK] = {false};
    for (int d = 0; d < in->rank; d++) {
        int64_t from = source_axis(inf->node, in->rank, d);
        if (from < 0 || from >= in->rank || seen[from])
            return alt_infer_fail(inf, ALT_E_MODEL, "perm is not a permutation of the input's axes");
        seen[from] = true;
        out.dim[d] = in->dim[from];
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return in->rank <= 1 ? alt_infer_pass_content(inf, 0, 0) : ALT_OK;
}

static bool view(struct alt_view *v)
{
    if (v->in[0].layout || alt_dtype_size(v->in[0].dtype) == 0)
        return false;
    v->offset[0] = 0;
    for (int d = 0; d < v->out[0].rank; d++)
        v->stride[0][d] = v->in[0].stride[source_axis(v->node, v->in[0].rank, d)];
    return true;
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_copy_box box = {.rank = b->out[0].phys_rank};
    for (int d = 0; d < box.rank; d++) {
        box.extent[d] = b->out[0].extent[d];
        box.dst[d] = b->out[0].stride[d];
        box.src[d] = b->in[0].stride[source_axis(b->node, b->in[0].rank, d)];
    }
    return alt_copy_bind_one(b, &box);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "transpose", .fn = alt_copy_one, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_bits(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_transpose = {.infer = infer, .select = choose, .view = view};
