/* cancel.c: the switch that stops runs. */
#include "runtime/exec.h"

#include <stdlib.h>

alt_status alt_cancel_create(alt_cancel **out)
{
    alt_cancel *c = calloc(1, sizeof *c);
    if (!c)
        return ALT_E_NOMEM;
    *out = c;
    return ALT_OK;
}

void alt_cancel_trigger(alt_cancel *cancel)
{
    atomic_store_explicit(&cancel->triggered, 1, memory_order_relaxed);
}

void alt_cancel_reset(alt_cancel *cancel)
{
    atomic_store_explicit(&cancel->triggered, 0, memory_order_relaxed);
}

void alt_cancel_free(alt_cancel *cancel)
{
    free(cancel);
}
