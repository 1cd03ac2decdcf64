/* express.c: recognises what a region computes.
 *
 * An anchor region is one anchor and a chain of pointwise nodes. The anchor must be a convolution or product of the kinds
 * that descriptors know; each node of the chain must be the next stage of the epilogue: a bias (an addition of a constant
 * that varies along the output channel or column alone), an addition of a tensor of the output's shape, an activation. The
 * first node that is none of these makes the region inexpressible: a kernel takes a region's place whole or not at all. */
#include "tuner/express.h"

#include "runtime/attr.h"

#include <math.h>
#include <string.h>

struct expresser {
    const struct alt_region *region;
    alt_shape_fn *shape;
    void *context;
    struct alt_expressed *out;
    const struct alt_gvalue *bias, *add;
    int stage; /* 0: before the bias, 1: before the addition, 2: before the activation, 3: after */
};

static bool shape_of(const struct expresser *e, const struct alt_gvalue *v, struct alt_shape *s)
{
    if (!v || v->type.kind != ALT_TENSOR || v->type.dtype != ALT_FLOAT32)
        return false;
    if (alt_shape_known(&v->type.shape)) {
        *s = v->type.shape;
        return true;
    }
    return e->shape(e->context, v, s) && alt_shape_known(s);
}

static bool is_constant(const struct alt_gvalue *v)
{
    return v && v->kind == ALT_GV_CONST;
}

/* Reads a window attribute: `count` numbers, `otherwise` where absent. */
static bool read_ints(const struct alt_node *n, const char *name, int count, int64_t otherwise, int64_t *out)
{
    const int64_t *ints;
    int64_t found = alt_attr_ints(n, name, &ints);
    if (found && found != count)
        return false;
    for (int i = 0; i < count; i++)
        out[i] = found ? ints[i] : otherwise;
    return true;
}

/* Explicit pads only: exporters write them, and a computed pad would have to be computed here a second time. */
static bool read_pads(const struct alt_node *n, int spatial, int64_t *pads)
{
    const char *automatic = alt_attr_text(n, "auto_pad", "NOTSET");
    if (strcmp(automatic, "VALID") == 0) {
        memset(pads, 0, (size_t)spatial * 2 * sizeof *pads);
        return true;
    }
    return strcmp(automatic, "NOTSET") == 0 && read_ints(n, "pads", spatial * 2, 0, pads);
}

static bool express_conv(struct expresser *e, const struct alt_node *n)
{
    struct alt_shape x, w;
    int64_t stride[2], dilation[2], pads[4];
    if (!is_constant(n->in[1]) || !shape_of(e, n->in[0], &x) || !shape_of(e, n->in[1], &w))
        return false;
    int spatial = x.rank - 2;
    if (spatial < 1 || spatial > 2 || w.rank != x.rank || alt_attr_int(n, "group", 1) != 1 || w.dim[1] != x.dim[1])
        return false;
    if (!read_ints(n, "strides", spatial, 1, stride) || !read_ints(n, "dilations", spatial, 1, dilation) ||
        !read_pads(n, spatial, pads))
        return false;
    struct alt_conv_desc *c = &e->out->desc.conv;
    e->out->desc.kind = ALT_DESC_CONV;
    const struct alt_shape *open = &n->in[0]->type.shape;
    *c = (struct alt_conv_desc){.rank = spatial, .any = open->rank == x.rank && !alt_dim_known(open->dim[0]), .n = x.dim[0], .c = x.dim[1], .o = w.dim[0], .in = {1, 1},
                                .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    for (int i = 0; i < spatial; i++) {
        int at = 2 - spatial + i;
        c->in[at] = x.dim[2 + i];
        c->kernel[at] = w.dim[2 + i];
        c->stride[at] = stride[i];
        c->dilation[at] = dilation[i];
        c->begin[at] = pads[i];
        c->end[at] = pads[spatial + i];
    }
    e->bias = n->n_in > 2 ? n->in[2] : NULL;
    return !e->bias || is_constant(e->bias);
}

static int64_t product(const struct alt_shape *s, int first, int last)
{
    int64_t p = 1;
    for (int d = first; d < last; d++)
        p *= s->dim[d];
    return p;
}

/* The model leaves one of the first `axes` extents open: what is tuned for one serves all. */
static bool rows_open(const struct alt_gvalue *v, int axes)
{
    const struct alt_shape *s = &v->type.shape;
    for (int d = 0; d < axes && s->rank > axes; d++)
        if (!alt_dim_known(s->dim[d]))
            return true;
    return false;
}

static bool express_matmul(struct expresser *e, const struct alt_node *n)
{
    struct alt_shape a, b;
    if (!shape_of(e, n->in[0], &a) || !shape_of(e, n->in[1], &b) || a.rank < 2 || b.rank < 2)
        return false;
    struct alt_product_desc *p = &e->out->desc.product;
    e->out->desc.kind = ALT_DESC_PRODUCT;
    *p = (struct alt_product_desc){.batch = 1, .k = a.dim[a.rank - 1], .n = b.dim[b.rank - 1],
                                   .constant = is_constant(n->in[1])};
    p->m = a.dim[a.rank - 2];
    if (product(&b, 0, b.rank - 2) == 1) {
        p->m *= product(&a, 0, a.rank - 2); /* one matrix for all batches */
        p->constant = p->constant && b.rank == 2;
        p->any = rows_open(n->in[0], a.rank - 1);
        return b.rank <= a.rank && b.dim[b.rank - 2] == p->k;
    }
    if (a.rank != b.rank || memcmp(a.dim, b.dim, (size_t)(a.rank - 2) * sizeof *a.dim) != 0)
        return false;
    p->batch = product(&a, 0, a.rank - 2);
    return b.dim[b.rank - 2] == p->k;
}

static bool express_gemm(struct expresser *e, const struct alt_node *n)
{
    struct alt_shape a, b;
    if (alt_attr_int(n, "transA", 0) || alt_attr_float(n, "alpha", 1) != 1 || alt_attr_float(n, "beta", 1) != 1 ||
        !shape_of(e, n->in[0], &a) || !shape_of(e, n->in[1], &b) || a.rank != 2 || b.rank != 2)
        return false;
    bool transposed = alt_attr_int(n, "transB", 0) != 0;
    e->out->desc.kind = ALT_DESC_PRODUCT;
    e->out->desc.product = (struct alt_product_desc){.any = rows_open(n->in[0], 1), .batch = 1, .m = a.dim[0], .k = a.dim[1],
                                                     .n = b.dim[transposed ? 0 : 1], .transposed = transposed,
                                                     .constant = is_constant(n->in[1])};
    e->bias = n->n_in > 2 ? n->in[2] : NULL;
    return true;
}

/* The axis along which a bias varies: the channels of a convolution, the columns of a product. */
static int64_t bias_extent(const struct alt_desc *d)
{
    return d->kind == ALT_DESC_CONV ? d->conv.o : d->product.n;
}

/* A constant whose only extent above 1 is the bias axis of a tensor of rank `rank`. */
static bool is_bias(const struct expresser *e, const struct alt_gvalue *v, int rank)
{
    struct alt_shape s;
    if (!is_constant(v) || !shape_of(e, v, &s) || s.rank > rank)
        return false;
    int axis = (e->out->desc.kind == ALT_DESC_CONV ? 1 : rank - 1) - (rank - s.rank);
    for (int d = 0; d < s.rank; d++)
        if (d != axis && s.dim[d] != 1)
            return false;
    return axis >= 0 && axis < s.rank && s.dim[axis] == bias_extent(&e->out->desc);
}

static bool take_addition(struct expresser *e, const struct alt_gvalue *other, const struct alt_shape *out)
{
    struct alt_shape s;
    if (e->stage == 0 && !e->bias && is_bias(e, other, out->rank)) {
        e->bias = other;
        e->stage = 1;
        return true;
    }
    if (e->stage > 1 || e->add || !shape_of(e, other, &s) || !alt_shape_equal(&s, out))
        return false;
    e->add = other;
    e->stage = 2;
    return true;
}

static bool scalar_bound(const struct alt_gvalue *v, float otherwise, float *out)
{
    *out = otherwise;
    if (!v)
        return true;
    if (!is_constant(v) || v->type.dtype != ALT_FLOAT32 || alt_tensor_count(v->type.known) != 1)
        return false;
    *out = (float)alt_tensor_float(v->type.known, 0);
    return !isnan(*out);
}

static bool take_activation(struct expresser *e, const struct alt_node *n)
{
    struct alt_epilogue *ep = &e->out->desc.epilogue;
    if (e->stage > 2)
        return false;
    e->stage = 3;
    if (n->op == ALT_OP_RELU) {
        ep->activation = ALT_ACT_RELU;
        return true;
    }
    if (n->op != ALT_OP_CLIP)
        return false;
    ep->activation = ALT_ACT_CLIP;
    if (n->opset < 11) {
        ep->lo = alt_attr_float(n, "min", -INFINITY);
        ep->hi = alt_attr_float(n, "max", INFINITY);
        return !isnan(ep->lo) && !isnan(ep->hi);
    }
    return scalar_bound(n->n_in > 1 ? n->in[1] : NULL, -INFINITY, &ep->lo) &&
           scalar_bound(n->n_in > 2 ? n->in[2] : NULL, INFINITY, &ep->hi);
}

/* One node behind the anchor; `from` is what the region computed so far. */
static bool take_node(struct expresser *e, const struct alt_node *n, const struct alt_gvalue *from)
{
    struct alt_shape out;
    if (!shape_of(e, n->out[0], &out))
        return false;
    if (n->op != ALT_OP_ADD)
        return n->in[0] == from && take_activation(e, n);
    const struct alt_gvalue *other = n->in[0] == from ? n->in[1] : n->in[0];
    return other != from && take_addition(e, other, &out);
}

static bool express_anchor(struct expresser *e, const struct alt_node *n)
{
    switch (n->op) {
    case ALT_OP_CONV:
        return express_conv(e, n);
    case ALT_OP_MATMUL:
        return express_matmul(e, n);
    case ALT_OP_GEMM:
        return express_gemm(e, n);
    default:
        return false;
    }
}

bool alt_express_region(const struct alt_region *region, alt_shape_fn *shape, void *context, struct alt_expressed *out)
{
    struct expresser e = {.region = region, .shape = shape, .context = context, .out = out};
    *out = (struct alt_expressed){.n_in = 0};
    if (region->kind != ALT_REGION_ANCHOR || region->n_out != 1 || !express_anchor(&e, region->node[0]))
        return false;
    struct alt_shape result;
    const struct alt_gvalue *value = region->node[0]->out[0];
    if (e.bias && (!shape_of(&e, value, &result) || (region->node[0]->op == ALT_OP_GEMM && !is_bias(&e, e.bias, 2))))
        return false;
    e.stage = e.bias ? 1 : 0;
    for (int i = 1; i < region->n_nodes; i++) {
        if (!take_node(&e, region->node[i], value))
            return false;
        value = region->node[i]->out[0];
    }
    if (value != region->out[0])
        return false; /* an inner value is read elsewhere, too */
    out->desc.epilogue.bias = e.bias != NULL;
    out->desc.epilogue.add = e.add != NULL;
    out->in[out->n_in++] = region->node[0]->in[0];
    out->in[out->n_in++] = region->node[0]->in[1];
    if (e.bias)
        out->in[out->n_in++] = e.bias;
    if (e.add)
        out->in[out->n_in++] = e.add;
    out->out = value;
    if (alt_desc_check(&out->desc) == ALT_OK)
        return true;
    out->desc.conv.any = out->desc.product.any = false; /* an extent may be too large to leave open */
    return alt_desc_check(&out->desc) == ALT_OK;
}
