/* fft.c: discrete Fourier transforms; see fft.h. A complex number is two doubles side by side. */
#include "runtime/ops/fft.h"

#include "runtime/mem.h"

#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* exp(-2 pi i k / n); k in [0, n). */
static void unit_root(int64_t k, int64_t n, double *out)
{
    const double angle = -2 * PI * ((double)k / (double)n);
    out[0] = cos(angle);
    out[1] = sin(angle);
}

static void multiply(double *a, const double *b)
{
    const double real = a[0] * b[0] - a[1] * b[1];
    a[1] = a[0] * b[1] + a[1] * b[0];
    a[0] = real;
}

static void conjugate(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[2 * i + 1] = -x[2 * i + 1];
}

/* Elements change places with those whose index has the bits in the other order. */
static void reverse_bits(double *x, int64_t m)
{
    for (int64_t i = 1, j = 0; i < m; i++) {
        int64_t bit = m >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j)
            for (int k = 0; k < 2; k++) {
                const double t = x[2 * i + k];
                x[2 * i + k] = x[2 * j + k];
                x[2 * j + k] = t;
            }
    }
}

/* A transform of m elements, m a power of two. */
static void butterflies(const struct alt_fft *f, double *x)
{
    reverse_bits(x, f->m);
    for (int64_t half = 1; half < f->m; half *= 2)
        for (int64_t i = 0; i < f->m; i += 2 * half)
            for (int64_t k = 0; k < half; k++) {
                double *a = x + 2 * (i + k), *b = a + 2 * half;
                double t[2] = {b[0], b[1]};
                multiply(t, f->root + 2 * (k * (f->m / (2 * half))));
                b[0] = a[0] - t[0];
                b[1] = a[1] - t[1];
                a[0] += t[0];
                a[1] += t[1];
            }
}

static bool make_chirp(struct alt_fft *f, struct alt_arena *arena)
{
    double *chirp = alt_arena_array(arena, (size_t)f->n, 2 * sizeof *chirp);
    double *filter = alt_arena_array(arena, (size_t)f->m, 2 * sizeof *filter);
    if (!chirp || !filter)
        return false;
    for (int64_t k = 0; k < f->n; k++) {
        unit_root(k * k % (2 * f->n), 2 * f->n, chirp + 2 * k);
        double *head = filter + 2 * k, *tail = filter + 2 * (k ? f->m - k : 0);
        head[0] = tail[0] = chirp[2 * k] / (double)f->m;
        head[1] = tail[1] = -chirp[2 * k + 1] / (double)f->m;
    }
    butterflies(f, filter);
    f->chirp = chirp;
    f->filter = filter;
    return true;
}

bool alt_fft_init(struct alt_fft *f, struct alt_arena *arena, int64_t n)
{
    *f = (struct alt_fft){.n = n, .m = 1};
    const bool power = (n & (n - 1)) == 0;
    while (f->m < (power ? n : 2 * n - 1))
        f->m *= 2;
    double *root = alt_arena_array(arena, (size_t)f->m / 2 + 1, 2 * sizeof *root);
    if (!root)
        return false;
    for (int64_t k = 0; k < f->m / 2; k++)
        unit_root(k, f->m, root + 2 * k);
    f->root = root;
    return power || make_chirp(f, arena);
}

int64_t alt_fft_scratch(const struct alt_fft *f) { return f->chirp ? 2 * f->m : 0; }

static void convolve(const struct alt_fft *f, double *x, double *work)
{
    for (int64_t k = 0; k < f->n; k++) {
        memcpy(work + 2 * k, x + 2 * k, 2 * sizeof *x);
        multiply(work + 2 * k, f->chirp + 2 * k);
    }
    memset(work + 2 * f->n, 0, (size_t)(f->m - f->n) * 2 * sizeof *work);
    butterflies(f, work);
    for (int64_t k = 0; k < f->m; k++)
        multiply(work + 2 * k, f->filter + 2 * k);
    conjugate(work, f->m); /* the inverse transform; the filter holds the division */
    butterflies(f, work);
    conjugate(work, f->m);
    for (int64_t k = 0; k < f->n; k++) {
        memcpy(x + 2 * k, work + 2 * k, 2 * sizeof *x);
        multiply(x + 2 * k, f->chirp + 2 * k);
    }
}

void alt_fft_run(const struct alt_fft *f, bool inverse, double *x, double *scratch)
{
    if (inverse)
        conjugate(x, f->n);
    if (f->chirp)
        convolve(f, x, scratch);
    else
        butterflies(f, x);
    if (!inverse)
        return;
    for (int64_t i = 0; i < f->n; i++) {
        x[2 * i] /= (double)f->n;
        x[2 * i + 1] /= -(double)f->n;
    }
}
