/* named.c: NAME=VALUE options and numbers on the command line. */
#include "tools/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool named_add(struct named_list *list, const char *option, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        complain("--%s %s: write --%s NAME=VALUE", option, text, option);
        return false;
    }
    struct named *grown = realloc(list->item, (list->count + 1) * sizeof *grown);
    if (grown)
        list->item = grown;
    char *name = grown ? strndup(text, (size_t)(equals - text)) : NULL;
    if (!name) {
        complain("--%s: no memory", option);
        return false;
    }
    list->item[list->count++] = (struct named){name, equals + 1};
    return true;
}

void named_free(struct named_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((char *)list->item[i].name);
    free(list->item);
    *list = (struct named_list){NULL, 0};
}

const char *named_find(const struct named_list *list, const char *name)
{
    for (size_t i = list->count; i-- > 0;)
        if (strcmp(list->item[i].name, name) == 0)
            return list->item[i].value;
    return NULL;
}

bool parse_whole(const char *option, const char *text, int64_t least, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < least) {
        complain("--%s %s: give a whole number, %lld or more", option, text, (long long)least);
        return false;
    }
    *out = value;
    return true;
}
