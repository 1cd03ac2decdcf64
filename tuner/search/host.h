/* host.h: the worker's view of the host's end: every wait of the worker is also a wait for its end. */
#ifndef ALT_TUNER_SEARCH_HOST_H
#define ALT_TUNER_SEARCH_HOST_H

#include <stdbool.h>

enum waited { WAITED_READY, WAITED_TIME, WAITED_HOST_GONE };

/* Waits until `fd` can be read or has ended. */
enum waited host_wait(int host, int fd, int timeout_ms);
bool host_gone(int host);
/* CLOCK_MONOTONIC. */
double host_now_ms(void);

#endif
