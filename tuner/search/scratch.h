/* scratch.h: the worker's private folder for what compilers write: made at the start, gone at the end. */
#ifndef ALT_TUNER_SEARCH_SCRATCH_H
#define ALT_TUNER_SEARCH_SCRATCH_H

#include <alt/base.h>

struct scratch {
    char path[400]; /* absolute; "": none */
    int lock;       /* descriptor of the folder, locked as long as the worker lives; -1 */
};

/* Makes a folder of mode 0700 in $TMPDIR or /tmp, and removes those that workers left which were killed. From then on $TMPDIR
 * is the folder. ALT_E_IO. */
alt_status scratch_make(struct scratch *s) ALT_MUST_USE;
/* Path of a file in it. */
void scratch_file(const struct scratch *s, const char *name, char *out, size_t size);
void scratch_remove(struct scratch *s);

#endif
