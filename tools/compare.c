/* compare.c: an answer against the expected one. */
#include "tools/compare.h"

#include "tools/element.h"
#include "tools/say.h"
#include "tools/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* How much a difference is over what is allowed: <= 0 agrees. */
static double excess(double expected, double actual, double allowed)
{
    if (isnan(expected) || isnan(actual))
        return isnan(expected) && isnan(actual) ? 0 : INFINITY;
    if (isinf(expected) || isinf(actual))
        return expected == actual ? 0 : INFINITY;
    return fabs(expected - actual) - allowed;
}

static double element_excess(const struct alt_tensor *e, const struct alt_tensor *a, int64_t i,
                             const struct tolerance *t)
{
    if (!element_is_integer(e->dtype)) {
        double expected = alt_tensor_float(e, i);
        return excess(expected, alt_tensor_float(a, i), t->atol + t->rtol * fabs(expected));
    }
    /* In integers: the difference of two int64 need not be a double. */
    int64_t x = alt_tensor_int(e, i), y = alt_tensor_int(a, i);
    if (x == y)
        return 0;
    bool is_unsigned = e->dtype == ALT_UINT64;
    bool more = is_unsigned ? (uint64_t)x > (uint64_t)y : x > y;
    uint64_t difference = more ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
    return e->dtype == ALT_BOOL ? INFINITY : (double)difference - t->atol;
}

static bool strings_agree(const char *name, const alt_value *expected, const alt_value *actual)
{
    const alt_string *e = alt_value_data_const(expected), *a = alt_value_data_const(actual);
    for (size_t i = 0; i < alt_value_count(expected); i++)
        if (e[i].length != a[i].length || (e[i].length && memcmp(e[i].data, a[i].data, e[i].length) != 0)) {
            complain("%s: element %zu is \"%.*s\", expected \"%.*s\"", name, i, (int)a[i].length, a[i].data,
                     (int)e[i].length, e[i].data);
            return false;
        }
    return true;
}

/* Complex numbers are two floats an element, and are compared as such. */
static void split_complex(struct alt_tensor *t)
{
    if (t->dtype != ALT_COMPLEX64 && t->dtype != ALT_COMPLEX128)
        return;
    t->dtype = t->dtype == ALT_COMPLEX64 ? ALT_FLOAT32 : ALT_FLOAT64;
    t->rank = 1;
    t->dim[0] = (int64_t)(t->bytes / (t->dtype == ALT_FLOAT32 ? 4 : 8));
}

static bool elements_agree(const char *name, const alt_value *expected, const alt_value *actual,
                           const struct tolerance *t)
{
    struct alt_tensor e = element_view(expected), a = element_view(actual);
    split_complex(&e);
    split_complex(&a);
    int64_t count = alt_tensor_count(&e), wrong = 0, worst = 0;
    double most = 0;
    for (int64_t i = 0; i < count; i++) {
        double over = element_excess(&e, &a, i, t);
        wrong += over > 0;
        if (over > most) {
            most = over;
            worst = i;
        }
    }
    if (wrong)
        complain("%s: %" PRId64 " of %" PRId64 " elements differ; worst is element %" PRId64 ": %.9g, expected %.9g",
                 name, wrong, count, worst, alt_tensor_float(&a, worst), alt_tensor_float(&e, worst));
    return wrong == 0;
}

static bool group_agrees(const char *name, const alt_value *expected, const alt_value *actual,
                         const struct tolerance *t)
{
    bool agree = true;
    for (size_t i = 0; i < alt_value_count(expected); i++) {
        char part[256];
        snprintf(part, sizeof part, "%s[%zu]", name, i);
        agree = values_agree(part, alt_value_element(expected, i), alt_value_element(actual, i), t) && agree;
    }
    return agree;
}

bool values_agree(const char *name, const alt_value *expected, const alt_value *actual, const struct tolerance *allowed)
{
    char wanted[VALUE_TEXT], got[VALUE_TEXT];
    value_type_text(expected, wanted);
    value_type_text(actual, got);
    bool group = alt_value_kind(expected) != ALT_TENSOR;
    /* An empty sequence or optional need not know its type. */
    bool empty = group && alt_value_count(expected) == 0 && alt_value_count(actual) == 0;
    if (alt_value_kind(expected) != alt_value_kind(actual) || (!empty && strcmp(wanted, got) != 0)) {
        complain("%s is %s, expected %s", name, got, wanted);
        return false;
    }
    if (group)
        return group_agrees(name, expected, actual, allowed);
    if (alt_value_dtype(expected) == ALT_STRING)
        return strings_agree(name, expected, actual);
    return elements_agree(name, expected, actual, allowed);
}
