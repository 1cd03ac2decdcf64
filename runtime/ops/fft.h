/* fft.h: discrete Fourier transforms of any length, in float64: for DFT and STFT.
 *
 * X[k] = sum over j of x[j] exp(-2 pi i j k / n); the inverse has the other sign and divides by n. Powers of two go through
 * radix-2 butterflies; other lengths become a convolution of a power of two (Bluestein, "A linear filtering approach to the
 * computation of discrete Fourier transform", 1970). The order of operations depends on the length alone.
 */
#ifndef ALT_RUNTIME_OPS_FFT_H
#define ALT_RUNTIME_OPS_FFT_H

#include <alt/base.h>

struct alt_arena;

#define ALT_FFT_MOST (INT64_C(1) << 28)

struct alt_fft {
    int64_t n, m;         /* length; that of the power of two it goes through */
    const double *root;   /* [m / 2] complex: exp(-2 pi i k / m) */
    const double *chirp;  /* [n] complex: exp(-pi i k k / n); NULL when n is m */
    const double *filter; /* [m] complex: the transform of the conjugate chirp, divided by m */
};

/* Tables for length n in [1, ALT_FFT_MOST], in the arena; false when there is no memory. */
bool alt_fft_init(struct alt_fft *f, struct alt_arena *arena, int64_t n);
/* Doubles of scratch that a run needs. */
int64_t alt_fft_scratch(const struct alt_fft *f);
/* Transforms x, n complex numbers, in place. */
void alt_fft_run(const struct alt_fft *f, bool inverse, double *x, double *scratch);

#endif
