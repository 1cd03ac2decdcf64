/* step.c: small services of step.h that operators, evaluation and plans share. */
#include "runtime/step.h"

#include "runtime/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 512 };

alt_status alt_select_unsupported(struct alt_select *sel)
{
    char types[TEXT];
    size_t used = 0;
    types[0] = 0;
    for (int i = 0; i < sel->n_in && used + 1 < sizeof types; i++) {
        int n = snprintf(types + used, sizeof types - used, "%s%s", i ? ", " : "",
                         sel->in[i].dtype == ALT_NONE ? "_" : alt_dtype_name(sel->in[i].dtype));
        used += n > 0 ? (size_t)n : 0;
    }
    return alt_diag_add(sel->diag, ALT_E_UNSUPPORTED, "node \"%s\" (%s): no kernel for input types (%s)",
                        sel->node->name, alt_op_table[sel->node->op].name, types);
}

static alt_status fail(struct alt_diag *diag, const struct alt_node *n, alt_status status, const char *format,
                       va_list args)
{
    char reason[TEXT];
    vsnprintf(reason, sizeof reason, format, args);
    return alt_diag_add(diag, status, "node \"%s\" (%s): %s", n->name, alt_op_table[n->op].name, reason);
}

alt_status alt_bind_fail(struct alt_kernel_bind *bind, alt_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    status = fail(bind->diag, bind->node, status, format, args);
    va_end(args);
    return status;
}

alt_status alt_eval_fail(struct alt_eval *eval, alt_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    status = fail(eval->diag, eval->node, status, format, args);
    va_end(args);
    return status;
}

void *alt_eval_alloc(struct alt_eval *eval, size_t bytes)
{
    return eval->run->alloc(eval->run, bytes);
}

void *alt_eval_output(struct alt_eval *eval, int i, alt_dtype dtype, int rank, const int64_t *dims)
{
    size_t bytes = alt_dtype_bytes(dtype, alt_dims_count(rank, dims));
    if (bytes == SIZE_MAX)
        return NULL;
    void *data = eval->run->alloc(eval->run, bytes);
    if (!data)
        return NULL;
    struct alt_tensor *t = &eval->run->out[i];
    *t = (struct alt_tensor){.dtype = dtype, .rank = rank, .data = data, .bytes = bytes};
    for (int d = 0; d < rank; d++)
        t->dim[d] = dims[d];
    return data;
}

const alt_value *alt_eval_value(const struct alt_eval *eval, int i)
{
    const struct alt_tensor *t = i < eval->n_in ? eval->in[i] : NULL;
    return t && t->dtype == ALT_NONE ? t->data : NULL;
}

alt_status alt_eval_give(struct alt_eval *eval, int i, alt_value *value)
{
    if (!value)
        return ALT_E_NOMEM;
    if (!eval->run->hold) {
        alt_value_release(value);
        return ALT_E_UNSUPPORTED;
    }
    ALT_CHECK(eval->run->hold(eval->run, value));
    eval->run->out[i] = alt_value_view(value);
    return ALT_OK;
}

alt_status alt_fault_report(int32_t fault, const struct alt_node *n, struct alt_diag *diag)
{
    static const char *const text[] = {"", "an index is out of range", "an integer is divided by zero",
                                       "an element has a value that the operator does not allow"};
    if (fault == ALT_FAULT_NONE)
        return ALT_OK;
    bool named = fault > 0 && fault < (int32_t)(sizeof text / sizeof *text);
    return alt_diag_add(diag, ALT_E_SHAPE, "node \"%s\" (%s): %s", n->name, alt_op_table[n->op].name,
                        named ? text[fault] : "a kernel reported a fault");
}

void alt_dense_strides(int rank, const int64_t *extent, int64_t *stride)
{
    int64_t step = 1;
    for (int d = rank - 1; d >= 0; d--) {
        stride[d] = step;
        step *= extent[d] > 0 ? extent[d] : 1;
    }
}

alt_status alt_operand_dense(struct alt_operand *op, alt_dtype dtype, int rank, const int64_t *dims)
{
    if (alt_dtype_bytes(dtype, alt_dims_count(rank, dims)) == SIZE_MAX)
        return ALT_E_SHAPE;
    *op = (struct alt_operand){.dtype = dtype, .rank = rank, .phys_rank = rank};
    for (int d = 0; d < rank; d++)
        op->dim[d] = op->extent[d] = dims[d];
    alt_dense_strides(rank, op->extent, op->stride);
    return ALT_OK;
}
