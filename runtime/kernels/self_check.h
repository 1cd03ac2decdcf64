/* self_check.h: whether the kernels of a level give the answers of the baseline on the machine that they are to run on.
 *
 * A level is built everywhere and run by its tests only where the machine has it; an emulator or a faulty processor may have the
 * instructions and not what they mean. What the check cannot catch is an instruction that is refused: a library installs no signal
 * handler. Takes a fifth of a millisecond or so, and no memory but the stack (32 KiB). Any thread.
 */
#ifndef ALT_RUNTIME_KERNELS_SELF_CHECK_H
#define ALT_RUNTIME_KERNELS_SELF_CHECK_H

#include "runtime/cpu.h"

#include <stddef.h>

struct alt_kern;
struct alt_kern_int;

/* The number of the first kernel of `table` whose answers are not those of `base`, or -1; `size`: bytes of an element. */
int alt_kern_differs(const struct alt_kern *table, const struct alt_kern *base, size_t size);
int alt_kern_int_differs(const struct alt_kern_int *table, const struct alt_kern_int *base);
/* Its name, about as in kern.h; static. */
const char *alt_kern_name(int number);

/* `found` lowered to the highest level whose kernels (kern.h: alt_kern_table) answer as the baseline's do. */
struct alt_isa_choice alt_kern_trusted(enum alt_isa found);

#endif
