/* kernel_check_arg.c: ArgMax and ArgMin, over few values so that there are ties. */
#include "tests/kernel_check.h"

#include <string.h>

static void arg_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                          struct kc_tensor *out)
{
    bool max = strcmp(c->op, "ArgMax") == 0, last = alt_attr_int(node, "select_last_index", 0);
    bool keep = alt_attr_int(node, "keepdims", 1);
    int axis = (int)alt_attr_int(node, "axis", 0), rank = 0;
    int64_t dims[ALT_MAX_RANK], step = 1;
    axis += axis < 0 ? in->rank : 0;
    for (int d = 0; d < in->rank; d++) {
        if (d != axis || keep)
            dims[rank++] = d == axis ? 1 : in->dim[d];
        step *= d > axis ? in->dim[d] : 1;
    }
    kc_out(out, rank, dims, false);
    out->dtype = ALT_INT64;
    for (int64_t i = 0; i < out->count; i++) {
        const double *x = in->value + i / step * in->dim[axis] * step + i % step;
        int64_t best = 0;
        for (int64_t k = 1; k < in->dim[axis]; k++) {
            double v = x[k * step], b = x[best * step];
            if ((max ? v > b : v < b) || (last && v == b))
                best = k;
        }
        out->value[i] = (double)best;
    }
}

static void arg_cases(struct kc_run *run)
{
    static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_INT32, ALT_UINT8};
    for (int i = 0; i < (int)(sizeof dtypes / sizeof dtypes[0]) * 16; i++) {
        int axis = i / 4 % 4 - 1;
        struct kc_case c = kc_case(i % 2 ? "ArgMax" : "ArgMin", 13, arg_reference);
        struct kc_input *x = kc_in(&c, dtypes[i / 16], 3, (int64_t[]){5, 19, 6});
        x->fill = KC_WHOLE;
        x->low = 0;
        x->high = 4;
        kc_attr_int(&c, "axis", axis);
        kc_attr_int(&c, "select_last_index", i / 2 % 2);
        if (axis > 0)
            kc_attr_int(&c, "keepdims", 0);
        kc_check(run, &c);
    }
}

const struct kc_family kc_arg = {"arg", arg_cases};
