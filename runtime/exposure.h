/* exposure.h: a candidate plan that takes part in real runs beside the current one, and what the runs took.
 *
 * Runs come in pairs: which plan goes first is a coin's choice, the next run takes the other. Neighbours in time meet the same
 * load, so their ratio tells the plans apart where either time alone would tell the weather; and with a random order inside
 * each pair the sign of a difference is a fair coin whenever the plans are equally fast, whatever the noise looks like.
 * (Duet benchmarking, arXiv 2001.05811.) Guarded by the session's mutex throughout.
 */
#ifndef ALT_RUNTIME_EXPOSURE_H
#define ALT_RUNTIME_EXPOSURE_H

#include <stdbool.h>
#include <stdint.h>

struct alt_plan;

#define ALT_EXPOSURE_PAIRS 256 /* finished pairs kept until somebody takes them; older ones are lost */

/* One finished pair: nanoseconds under the current plan and under the candidate, for one shape. */
struct alt_pair {
    int64_t current_ns, candidate_ns;
};

/* A run of a pair that is not finished; 0 ns: under way. */
struct alt_half {
    uint64_t pair;
    uint64_t shape;
    int64_t ns;
    bool candidate;
};

enum { ALT_EXPOSURE_OPEN = 64 }; /* pairs that may be unfinished at once; must be a power of two */

struct alt_exposure {
    struct alt_plan *candidate; /* NULL: nothing is exposed */
    uint32_t share;             /* chance that a run begins a pair, in 1/65536; the next run is its second half */
    uint64_t random;            /* xorshift64* state, never 0 */
    uint64_t next_pair;         /* number of the next pair, from 1 */
    bool second;                /* the next run of a pair is a second one.. */
    bool second_candidate;      /* ..and takes the candidate */
    struct alt_half open[ALT_EXPOSURE_OPEN]; /* first halves, by pair number */
    struct alt_pair done[ALT_EXPOSURE_PAIRS]; /* ring */
    uint64_t n_done, n_taken;
};

void alt_exposure_start(struct alt_exposure *e, struct alt_plan *candidate, double share, uint64_t seed);
void alt_exposure_stop(struct alt_exposure *e);
/* Which plan the next run takes: true: the candidate. *pair: number to hand to alt_exposure_note, 0: not part of a pair. */
bool alt_exposure_draw(struct alt_exposure *e, uint64_t *pair);
/* A run of a pair is over. `shape` tells shapes apart; `ns` 0: it does not count (it failed, or was the first of its shape). */
void alt_exposure_note(struct alt_exposure *e, uint64_t pair, bool candidate, uint64_t shape, int64_t ns);
/* Moves up to `max` finished pairs to `out`; returns how many. */
int alt_exposure_take(struct alt_exposure *e, struct alt_pair *out, int max);

#endif
