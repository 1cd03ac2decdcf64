/* trial_kernel.c: a matrix product as a kernel, right or with a fault: compiled by test_trial.c with -DFAULT=... -DTAG=.... */
#include "runtime/kernel.h"

enum { RIGHT, SEGV, FPE, LOOP, PAST_THE_END, WRONG, NOT_A_NUMBER, SEGV_LATER };

const uint64_t alt_kernel_0_tag = TAG;
static volatile int zero, calls;

static void multiply(const struct alt_kargs *args)
{
    const struct alt_koperand *a = &args->operand[0], *b = &args->operand[1], *c = &args->operand[2];
    const float *x = a->data, *y = b->data;
    float *z = c->data;
    for (int64_t i = 0; i < c->extent[0]; i++)
        for (int64_t j = 0; j < c->extent[1]; j++) {
            float sum = 0;
            for (int64_t k = 0; k < a->extent[1]; k++)
                sum += x[i * a->stride[0] + k * a->stride[1]] * y[k * b->stride[0] + j * b->stride[1]];
            z[i * c->stride[0] + j * c->stride[1]] = sum;
        }
}

void alt_kernel_0(const struct alt_kargs *args)
{
    const struct alt_koperand *c = &args->operand[args->operand_count - 1];
    float *out = c->data;
    if (args->begin != 0)
        return; /* the first tile does it all */
    multiply(args);
    calls++;
    if (FAULT == SEGV || (FAULT == SEGV_LATER && calls > 3))
        *(volatile int *)(intptr_t)zero = 1;
    if (FAULT == FPE)
        calls = calls / zero;
    while (FAULT == LOOP)
        calls++;
    if (FAULT == PAST_THE_END)
        out[c->extent[0] * c->extent[1]] = 1;
    if (FAULT == WRONG)
        out[c->extent[1]] += 0.5f;
    if (FAULT == NOT_A_NUMBER)
        out[1] = 0.0f / (float)zero;
}
