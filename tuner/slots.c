/* slots.c: see slots.h. */
#include "tuner/slots.h"

#include "runtime/pool.h"
#include "runtime/session.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT_S 0.02

bool alt_slots_open(struct alt_slots *s, alt_session *session, bool always, double duty)
{
    if (s->session)
        return true;
    *s = (struct alt_slots){.fd = memfd_create("alt-slots", MFD_CLOEXEC), .always = always, .duty = duty};
    if (s->fd < 0)
        return false;
    void *page = ftruncate(s->fd, sizeof *s->page) == 0
                     ? mmap(NULL, sizeof *s->page, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0)
                     : MAP_FAILED;
    if (page == MAP_FAILED) {
        close(s->fd);
        *s = (struct alt_slots){.fd = -1};
        return false;
    }
    s->session = session;
    s->page = page;
    pthread_mutex_lock(&session->mutex);
    session->slots = s->page;
    pthread_mutex_unlock(&session->mutex);
    return true;
}

static void end_slot(struct alt_slots *s)
{
    uint64_t g = atomic_load(&s->page->generation);
    if (g % 2 == 1)
        atomic_compare_exchange_strong(&s->page->generation, &g, g + 1); /* else a run ended it */
}

/* Only this thread opens slots. */
static void begin_slot(struct alt_slots *s, bool polite, double end)
{
    if (atomic_load(&s->page->polite) != polite)
        end_slot(s);
    atomic_store(&s->page->deadline_ns, (uint64_t)(end * 1e9));
    atomic_store(&s->page->polite, polite);
    if (atomic_load(&s->page->generation) % 2 == 0)
        atomic_fetch_add(&s->page->generation, 1);
}

static void reserve(struct alt_slots *s, bool wanted)
{
    if (s->reserved != wanted)
        alt_pool_reserve(s->session->pool, wanted ? 1 : -1);
    s->reserved = wanted;
}

void alt_slots_rest(struct alt_slots *s)
{
    if (!s->session)
        return;
    end_slot(s);
    reserve(s, false);
}

/* A run is under way, or one has ended since the last look. */
static bool busy(struct alt_slots *s)
{
    pthread_mutex_lock(&s->session->mutex);
    bool any = s->session->under_way > 0 || s->session->ended != s->ended;
    s->ended = s->session->ended;
    pthread_mutex_unlock(&s->session->mutex);
    return any;
}

void alt_slots_turn(struct alt_slots *s, double now)
{
    bool wanted = atomic_load(&s->page->wanted) != 0, crowded = !s->always && busy(s);
    bool window = fmod(now, SLOT_S / s->duty) < SLOT_S;
    reserve(s, crowded && window);
    if (wanted && (!crowded || window))
        begin_slot(s, !s->always && !crowded, now + (s->always ? 1 : SLOT_S));
    else
        end_slot(s);
}

void alt_slots_forget(struct alt_slots *s)
{
    if (!s->session)
        return;
    s->session->slots = NULL; /* no other thread is there */
    munmap(s->page, sizeof *s->page);
    close(s->fd);
    *s = (struct alt_slots){.fd = -1};
}

void alt_slots_close(struct alt_slots *s)
{
    if (!s->session)
        return;
    alt_slots_rest(s);
    pthread_mutex_lock(&s->session->mutex);
    s->session->slots = NULL;
    pthread_mutex_unlock(&s->session->mutex);
    munmap(s->page, sizeof *s->page);
    close(s->fd);
    *s = (struct alt_slots){.fd = -1};
}
