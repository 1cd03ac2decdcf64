/* stop.c: Ctrl-C. A signal handler can reach nothing but globals, so these two stand here. */
#include "tools/stop.h"

#include <signal.h>

static volatile sig_atomic_t wanted;
static alt_cancel *runs;

static void on_signal(int number)
{
    (void)number;
    wanted = 1;
    alt_cancel_trigger(runs);
}

const alt_cancel *stop_install(void)
{
    if (runs || alt_cancel_create(&runs) != ALT_OK)
        return runs;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return runs;
}

bool stop_wanted(void) { return wanted; }
