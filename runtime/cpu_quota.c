/* cpu_quota.c: CPU quotas of the control groups that this process is in (cgroups(7)).
 *
 * /proc/self/cgroup names the group in each hierarchy; /proc/self/mountinfo says where the hierarchy is mounted and which
 * group the mount shows as its root (in a container often not the hierarchy's own root). Quotas bind at every level, so
 * the walk goes from the group up to the mount and the least wins. Anything unreadable sets no limit.
 */
#include "runtime/cpu.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the groups of this process lie in its two kinds of hierarchy; "" when it has none. */
struct groups {
    char v1[PATH_MAX]; /* the hierarchy with the cpu controller */
    char v2[PATH_MAX];
};

static FILE *open_under(const char *root, const char *path)
{
    char full[PATH_MAX];
    const int n = snprintf(full, sizeof full, "%s%s", root, path);

    return n > 0 && n < (int)sizeof full ? fopen(full, "re") : NULL;
}

static void copy_path(char *to, const char *from)
{
    if (strlen(from) < PATH_MAX)
        strcpy(to, from);
}

/* True when the comma-separated `list` holds `word`. */
static bool list_has(const char *list, const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* Lines are "hierarchy-ID:controller-list:path"; version 2 has ID 0 and no controllers. */
static void read_groups(const char *root, struct groups *groups)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = open_under(root, "/proc/self/cgroup");

    while (file && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *controllers++ = '\0';
        *path++ = '\0';
        if (strcmp(line, "0") == 0 && *controllers == '\0')
            copy_path(groups->v2, path);
        else if (list_has(controllers, "cpu"))
            copy_path(groups->v1, path);
    }
    free(line);
    if (file)
        fclose(file);
}

/* mountinfo writes blanks and backslashes in paths as \ooo (proc(5)). */
static void unescape(char *path)
{
    char *to = path;

    for (const char *from = path; *from; to++) {
        unsigned code;
        if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1 && strspn(from + 1, "01234567") >= 3) {
            *to = (char)code;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* Cores for `quota` microseconds in each `period`, rounded up. */
static int cores_of(int64_t quota, int64_t period)
{
    if (quota <= 0 || period <= 0)
        return INT_MAX;
    const int64_t cores = quota / period + (quota % period != 0);
    return cores < INT_MAX ? (int)cores : INT_MAX;
}

static int64_t read_number(const char *root, const char *group, const char *name)
{
    char path[PATH_MAX];
    int64_t number = 0;
    const int n = snprintf(path, sizeof path, "%s/%s", group, name);
    FILE *file = n > 0 && n < (int)sizeof path ? open_under(root, path) : NULL;

    if (!file)
        return 0;
    if (fscanf(file, "%" SCNd64, &number) != 1)
        number = 0;
    fclose(file);
    return number;
}

/* cpu.max holds "quota period" or "max period"; a quota of -1 in version 1 is none. */
static int group_quota(const char *root, const char *group, bool v2)
{
    char path[PATH_MAX];

    if (!v2)
        return cores_of(read_number(root, group, "cpu.cfs_quota_us"), read_number(root, group, "cpu.cfs_period_us"));
    const int n = snprintf(path, sizeof path, "%s/cpu.max", group);
    FILE *file = n > 0 && n < (int)sizeof path ? open_under(root, path) : NULL;
    if (!file)
        return INT_MAX;
    int64_t quota = 0, period = 0;
    if (fscanf(file, "%" SCNd64 " %" SCNd64, &quota, &period) != 2)
        quota = 0;
    fclose(file);
    return cores_of(quota, period);
}

/* The least quota from `group` up to the mount's own root. `shown` is the group that the mount shows as its root. */
static int walk(const char *root, const char *mount, const char *shown, const char *group, bool v2)
{
    char path[PATH_MAX];
    const size_t base = strlen(mount), prefix = strcmp(shown, "/") == 0 ? 0 : strlen(shown);
    const bool inside = strncmp(group, shown, prefix) == 0 && (group[prefix] == '/' || group[prefix] == '\0');
    const char *below = inside ? group + prefix : "";

    if (strcmp(below, "/") == 0 || strncmp(below, "/..", 3) == 0) /* outside of the namespace: the root is all we see */
        below = "";
    const int n = snprintf(path, sizeof path, "%s%s", mount, below);
    if (n <= 0 || n >= (int)sizeof path)
        return INT_MAX;
    int least = INT_MAX;
    for (;;) {
        const int cores = group_quota(root, path, v2);
        least = cores < least ? cores : least;
        char *cut = strlen(path) > base ? strrchr(path, '/') : NULL;
        if (!cut || cut < path + base)
            return least;
        *cut = '\0';
    }
}

/* One line of mountinfo: "id parent dev root mount options [fields] - type source superoptions". */
static int mount_quota(const char *root, char *line, const struct groups *groups)
{
    char *field[5], *rest = line;
    char *tail = strstr(line, " - ");

    if (!tail)
        return INT_MAX;
    for (int i = 0; i < 5; i++)
        if (!(field[i] = strsep(&rest, " ")) || !rest || rest > tail + 1)
            return INT_MAX;
    char *after = tail + 3;
    const char *type = strsep(&after, " ");
    if (!after || !strsep(&after, " ") || !after)
        return INT_MAX;
    after[strcspn(after, "\n")] = '\0';
    const bool v2 = strcmp(type, "cgroup2") == 0;
    const bool v1 = strcmp(type, "cgroup") == 0 && list_has(after, "cpu");
    const char *group = v2 ? groups->v2 : groups->v1;
    if ((!v1 && !v2) || !*group)
        return INT_MAX;
    unescape(field[3]);
    unescape(field[4]);
    return walk(root, field[4], field[3], group, v2);
}

int alt_cpu_quota(const char *root)
{
    struct groups groups = {"", ""};
    char *line = NULL;
    size_t size = 0;
    int least = INT_MAX;

    read_groups(root, &groups);
    FILE *file = open_under(root, "/proc/self/mountinfo");
    while (file && getline(&line, &size, file) > 0) {
        const int cores = mount_quota(root, line, &groups);
        least = cores < least ? cores : least;
    }
    free(line);
    if (file)
        fclose(file);
    return least;
}
