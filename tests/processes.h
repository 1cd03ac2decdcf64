/* processes.h: for tests of helper processes: who is alive, whose child it is, how many descriptors are open. */
#ifndef ALT_TESTS_PROCESSES_H
#define ALT_TESTS_PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

/* Seconds on the monotonic clock. */
double process_now(void);
void process_pause(int ms);
/* Gone, or a zombie that nobody has reaped yet; waits up to 3 s for that. */
bool process_gone(pid_t pid);
/* A child of `parent` whose command's name begins with `name` (NULL: any); 0: none. */
pid_t process_child(pid_t parent, const char *name);
int process_descriptors(void);
/* False, and says so: /proc is not mounted, so nobody can tell who is alive. */
bool process_visible(void);

#endif
