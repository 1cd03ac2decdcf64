/* host.c: see host.h. */
#include "tuner/search/host.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

double host_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

enum waited host_wait(int host, int fd, int timeout_ms)
{
    /* Of the host only the end counts here: what it says can wait. */
    struct pollfd p[2] = {{.fd = host, .events = 0}, {.fd = fd, .events = POLLIN}};
    int n = poll(p, 2, timeout_ms);
    if (n < 0)
        return errno == EINTR ? WAITED_TIME : WAITED_HOST_GONE;
    if (p[0].revents)
        return WAITED_HOST_GONE;
    return n > 0 ? WAITED_READY : WAITED_TIME;
}

bool host_gone(int host) { return host_wait(host, -1, 0) == WAITED_HOST_GONE; }
