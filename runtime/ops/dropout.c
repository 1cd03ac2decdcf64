/* dropout.c: Dropout for inference: the data as it is, and a mask of ones. A model that asks for training (input 2) with a
 * ratio other than 0 is refused when it runs. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    alt_infer_like(inf, 0, 0);
    if (inf->n_out > 1)
        alt_infer_set(inf, 1, inf->node->opset < 10 ? inf->in[0]->dtype : ALT_BOOL, &inf->in[0]->shape);
    return ALT_OK;
}

static bool may_train(const struct alt_operand *in, int n_in) { return alt_operand_at(in, n_in, 2) != NULL; }

static bool view(struct alt_view *v)
{
    if (v->in[0].layout || alt_operand_at(v->out, v->n_out, 1) || may_train(v->in, v->n_in))
        return false;
    v->offset[0] = 0;
    memcpy(v->stride[0], v->in[0].stride, sizeof v->stride[0]);
    return true;
}

struct plan {
    struct alt_copy data, mask;
    unsigned char one[16];
    alt_dtype ratio;
    int n_in;
    bool has_mask, may_train;
};

/* One in a floating-point type or bool. */
static void write_one(alt_dtype dtype, unsigned char *out)
{
    static const struct {
        alt_dtype dtype;
        unsigned char bytes[8]; /* low byte first */
    } ones[] = {{ALT_BOOL, {1}},
                {ALT_FLOAT16, {0x00, 0x3c}},
                {ALT_BFLOAT16, {0x80, 0x3f}},
                {ALT_FLOAT32, {0, 0, 0x80, 0x3f}},
                {ALT_FLOAT64, {0, 0, 0, 0, 0, 0, 0xf0, 0x3f}}};
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++)
        if (ones[i].dtype == dtype)
            memcpy(out, ones[i].bytes, sizeof ones[i].bytes);
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0], *mask = alt_operand_at(b->out, b->n_out, 1);
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    struct alt_copy_box box = {.rank = in->phys_rank};
    memcpy(box.extent, in->extent, sizeof box.extent);
    memcpy(box.src, in->stride, sizeof box.src);
    alt_dense_strides(box.rank, box.extent, box.dst);
    alt_copy_prepare(&p->data, in->dtype, &box);
    memset(box.src, 0, sizeof box.src);
    if (mask) {
        alt_copy_prepare(&p->mask, mask->dtype, &box);
        write_one(mask->dtype, p->one);
    }
    p->n_in = b->n_in;
    p->has_mask = mask != NULL;
    p->may_train = may_train(b->in, b->n_in);
    p->ratio = alt_operand_at(b->in, b->n_in, 1) ? b->in[1].dtype : ALT_NONE;
    b->params = p;
    b->range = p->data.tiles + p->mask.tiles;
    b->flops = (double)p->data.count;
    if (p->may_train && b->range == 0)
        b->range = 1;
    return ALT_OK;
}

static bool drops(const struct plan *p, const struct alt_kargs *args)
{
    struct alt_tensor ratio = {.dtype = p->ratio, .data = p->ratio ? args->operand[1].data : NULL};
    return p->may_train && *(const unsigned char *)args->operand[2].data &&
           (p->ratio == ALT_NONE || alt_tensor_float(&ratio, 0) != 0.0);
}

static void dropout(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    int64_t begin = args->begin, end = args->end, n = p->data.tiles;
    if (begin == 0 && drops(p, args))
        alt_fault(args, ALT_FAULT_VALUE);
    if (begin < n)
        alt_copy_run(&p->data, args->operand[0].data, args->operand[p->n_in].data, begin, end < n ? end : n);
    if (end > n && p->has_mask)
        alt_copy_run(&p->mask, p->one, args->operand[p->n_in + 1].data, begin > n ? begin - n : 0, end - n);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "dropout", .fn = dropout, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    (void)sel;
    *out = &kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_dropout = {.infer = infer, .select = choose, .view = view};
