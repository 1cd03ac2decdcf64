/* attr.c: typed access to the attributes of a node. */
#include "runtime/attr.h"

#include "runtime/graph.h"

#include <string.h>

const struct alt_attr *alt_attr_find(const struct alt_node *n, const char *name)
{
    for (int i = 0; i < n->n_attr; i++)
        if (strcmp(n->attr[i].name, name) == 0)
            return &n->attr[i];
    return NULL;
}

bool alt_attr_has(const struct alt_node *n, const char *name)
{
    return alt_attr_find(n, name) != NULL;
}

int64_t alt_attr_int(const struct alt_node *n, const char *name, int64_t otherwise)
{
    const struct alt_attr *a = alt_attr_find(n, name);
    return a && a->type == ALT_ATTR_INT ? a->ints[0] : otherwise;
}

float alt_attr_float(const struct alt_node *n, const char *name, float otherwise)
{
    const struct alt_attr *a = alt_attr_find(n, name);
    return a && a->type == ALT_ATTR_FLOAT ? a->floats[0] : otherwise;
}

const char *alt_attr_text(const struct alt_node *n, const char *name, const char *otherwise)
{
    const struct alt_attr *a = alt_attr_find(n, name);
    return a && a->type == ALT_ATTR_STRING ? a->strings[0].data : otherwise;
}

int64_t alt_attr_ints(const struct alt_node *n, const char *name, const int64_t **ints)
{
    const struct alt_attr *a = alt_attr_find(n, name);
    bool found = a && a->type == ALT_ATTR_INTS;
    *ints = found ? a->ints : NULL;
    return found ? a->count : 0;
}

int64_t alt_attr_floats(const struct alt_node *n, const char *name, const float **floats)
{
    const struct alt_attr *a = alt_attr_find(n, name);
    bool found = a && a->type == ALT_ATTR_FLOATS;
    *floats = found ? a->floats : NULL;
    return found ? a->count : 0;
}
