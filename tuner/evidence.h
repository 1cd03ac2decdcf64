/* evidence.h: is the candidate faster? A sequential test on pairs of run times that may be looked at after every pair.
 *
 * d = log(current / candidate) of a pair; under "not faster by more than the margin" the sign of d - log(1 + margin) is
 * positive with probability at most 1/2 whatever the noise looks like, because the order inside a pair was a coin's. The
 * test is an e-process: the mixture over p in (1/2, 1] of the likelihood ratios p^k (1-p)^(n-k) 2^n. By Ville's inequality the
 * chance that it ever reaches 1/alpha is at most alpha (Johari, Pekelis, Walsh 2015; Ville 1939). A second process with the
 * signs turned round ends hopeless tests.
 */
#ifndef ALT_TUNER_EVIDENCE_H
#define ALT_TUNER_EVIDENCE_H

#include <stdint.h>

#define ALT_EVIDENCE_GRID 32

enum alt_verdict { ALT_UNDECIDED, ALT_ADOPT, ALT_DROP };

struct alt_evidence {
    double margin;     /* log of the required win */
    double bound;      /* log(1/alpha) */
    uint32_t limit;    /* pairs after which an undecided test is a drop */
    uint32_t pairs, wins, losses;
    double log_for, log_against; /* log of the two processes */
    double ratio[256]; /* d of the last pairs, for the median; ring */
};

/* win: least ratio worth having (1.01); alpha: false adoptions; `limit` pairs. */
void alt_evidence_start(struct alt_evidence *e, double win, double alpha, uint32_t limit);
/* One more pair; ties count for neither side. Returns the verdict so far. */
enum alt_verdict alt_evidence_add(struct alt_evidence *e, double current_ns, double candidate_ns);
enum alt_verdict alt_evidence_verdict(const struct alt_evidence *e);
/* Median of current / candidate over the last 256 pairs, with the bounds of its 95 % confidence interval (order statistics). */
double alt_evidence_ratio(const struct alt_evidence *e, double *low, double *high);

#endif
