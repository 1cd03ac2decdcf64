/* evidence.c: the e-process of evidence.h, as a mixture over a grid of p. log of the mixture of ALT_EVIDENCE_GRID likelihood
 * ratios, each (2p)^k (2(1-p))^(n-k), with p in the middle of equal cells of (1/2, 1]; a mixture of martingales with start 1
 * is one. The grid is coarse on purpose: it costs a factor of at most ALT_EVIDENCE_GRID, that is log 32 = 3.5 nats. */
#include "tuner/evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 256 };

void alt_evidence_start(struct alt_evidence *e, double win, double alpha, uint32_t limit)
{
    *e = (struct alt_evidence){.margin = log(win), .bound = -log(alpha), .limit = limit};
}

static double mixture(uint32_t hits, uint32_t misses)
{
    double term[ALT_EVIDENCE_GRID], largest = -HUGE_VAL, sum = 0;
    for (int i = 0; i < ALT_EVIDENCE_GRID; i++) {
        double p = 0.5 + (i + 0.5) / (2.0 * ALT_EVIDENCE_GRID);
        term[i] = hits * log(2 * p) + misses * log(2 * (1 - p));
        if (term[i] > largest)
            largest = term[i];
    }
    for (int i = 0; i < ALT_EVIDENCE_GRID; i++)
        sum += exp(term[i] - largest);
    return largest + log(sum / ALT_EVIDENCE_GRID);
}

enum alt_verdict alt_evidence_verdict(const struct alt_evidence *e)
{
    if (e->log_for >= e->bound)
        return ALT_ADOPT;
    return e->log_against >= e->bound || e->pairs >= e->limit ? ALT_DROP : ALT_UNDECIDED;
}

enum alt_verdict alt_evidence_add(struct alt_evidence *e, double current_ns, double candidate_ns)
{
    enum alt_verdict verdict = alt_evidence_verdict(e);
    if (verdict != ALT_UNDECIDED)
        return verdict; /* the first decision stands */
    double d = log(current_ns / candidate_ns);
    if (!isfinite(d))
        return ALT_UNDECIDED;
    e->ratio[e->pairs % KEPT] = d;
    e->pairs++;
    /* A tie is a miss for both sides: neither hypothesis gains from it. */
    e->wins += d > e->margin;
    e->losses += d < e->margin;
    e->log_for = mixture(e->wins, e->pairs - e->wins);
    e->log_against = mixture(e->losses, e->pairs - e->losses);
    return alt_evidence_verdict(e);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double alt_evidence_ratio(const struct alt_evidence *e, double *low, double *high)
{
    double sorted[KEPT];
    int n = (int)(e->pairs < KEPT ? e->pairs : KEPT);
    *low = *high = 1;
    if (!n)
        return 1;
    memcpy(sorted, e->ratio, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    /* Ranks of a 95 % interval of the median: n/2 +- 1.96 sqrt(n)/2 (normal approximation of the binomial). */
    int half = (int)ceil(0.98 * sqrt(n)), lo = n / 2 - half, hi = (n - 1) / 2 + half;
    *low = exp(sorted[lo < 0 ? 0 : lo]);
    *high = exp(sorted[hi >= n ? n - 1 : hi]);
    return exp((sorted[(n - 1) / 2] + sorted[n / 2]) / 2);
}
