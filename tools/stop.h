/* stop.h: Ctrl-C ends a run with its summary; a second one kills the program as usual. */
#ifndef ALT_TOOLS_STOP_H
#define ALT_TOOLS_STOP_H

#include <alt/session.h>

/* From now on SIGINT and SIGTERM stop the runs that were given the switch returned here. NULL when there is no memory. The
 * switch lives to the end of the program. */
const alt_cancel *stop_install(void);
/* True once a signal came. */
bool stop_wanted(void);

#endif
