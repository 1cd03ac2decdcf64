/* exposure.c: drawing plans for runs and pairing what they took; see exposure.h. */
#include "runtime/exposure.h"

#include <string.h>

static uint32_t draw(struct alt_exposure *e)
{
    e->random ^= e->random >> 12;
    e->random ^= e->random << 25;
    e->random ^= e->random >> 27;
    return (uint32_t)((e->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

void alt_exposure_start(struct alt_exposure *e, struct alt_plan *candidate, double share, uint64_t seed)
{
    memset(e, 0, sizeof *e);
    e->candidate = candidate;
    e->share = (uint32_t)(share * 65536.0);
    e->random = seed | 1;
    e->next_pair = 1;
}

void alt_exposure_stop(struct alt_exposure *e)
{
    e->candidate = NULL;
}

bool alt_exposure_draw(struct alt_exposure *e, uint64_t *pair)
{
    *pair = 0;
    if (!e->candidate)
        return false;
    if (e->second) {
        e->second = false;
        *pair = e->next_pair++;
        return e->second_candidate;
    }
    if ((draw(e) & 0xffff) >= e->share)
        return false;
    bool candidate = draw(e) >> 31;
    e->second = true;
    e->second_candidate = !candidate;
    e->open[e->next_pair % ALT_EXPOSURE_OPEN] = (struct alt_half){.pair = e->next_pair, .candidate = candidate};
    *pair = e->next_pair;
    return candidate;
}

static void finish(struct alt_exposure *e, const struct alt_half *a, int64_t ns, bool candidate)
{
    struct alt_pair *p = &e->done[e->n_done % ALT_EXPOSURE_PAIRS];
    *p = candidate ? (struct alt_pair){a->ns, ns} : (struct alt_pair){ns, a->ns};
    e->n_done++;
    if (e->n_done - e->n_taken > ALT_EXPOSURE_PAIRS)
        e->n_taken = e->n_done - ALT_EXPOSURE_PAIRS;
}

/* Either half may end first; the slot of the pair keeps what is known until both have. */
void alt_exposure_note(struct alt_exposure *e, uint64_t pair, bool candidate, uint64_t shape, int64_t ns)
{
    struct alt_half *slot = &e->open[pair % ALT_EXPOSURE_OPEN];
    if (!pair || slot->pair != pair)
        return; /* so many pairs have begun since that the slot was given away */
    if (ns <= 0) {
        slot->pair = 0;
        return;
    }
    if (!slot->ns) {
        slot->ns = ns;
        slot->shape = shape;
        slot->candidate = candidate;
        return;
    }
    if (slot->shape == shape && slot->candidate != candidate)
        finish(e, slot, ns, candidate);
    slot->pair = 0;
}

int alt_exposure_take(struct alt_exposure *e, struct alt_pair *out, int max)
{
    int n = 0;
    for (; n < max && e->n_taken < e->n_done; n++, e->n_taken++)
        out[n] = e->done[e->n_taken % ALT_EXPOSURE_PAIRS];
    return n;
}
