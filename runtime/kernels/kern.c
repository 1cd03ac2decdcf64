/* kern.c: the tables of micro-kernels by level. */
#include "runtime/kernels/kern.h"

/* meson.build names the levels it has built, lowest first. */
extern const struct alt_kern alt_kern_table_base_f32, alt_kern_table_base_f64;
extern const struct alt_kern_int alt_kern_table_base_i8;
#if ALT_KERN_X86
extern const struct alt_kern alt_kern_table_avx2_f32, alt_kern_table_avx2_f64;
extern const struct alt_kern alt_kern_table_avx512_f32, alt_kern_table_avx512_f64;
extern const struct alt_kern_int alt_kern_table_avx2_i8, alt_kern_table_avx512_i8;
#define BUILT(level, type) &alt_kern_table_##level##_##type
#else
#define BUILT(level, type) &alt_kern_table_base_##type
#endif

static const struct alt_kern *const f32[ALT_ISA_COUNT] = {
    [ALT_ISA_BASE] = &alt_kern_table_base_f32,
    [ALT_ISA_AVX2] = BUILT(avx2, f32),
    [ALT_ISA_AVX512] = BUILT(avx512, f32),
};
static const struct alt_kern *const f64[ALT_ISA_COUNT] = {
    [ALT_ISA_BASE] = &alt_kern_table_base_f64,
    [ALT_ISA_AVX2] = BUILT(avx2, f64),
    [ALT_ISA_AVX512] = BUILT(avx512, f64),
};
static const struct alt_kern_int *const i8[ALT_ISA_COUNT] = {
    [ALT_ISA_BASE] = &alt_kern_table_base_i8,
    [ALT_ISA_AVX2] = BUILT(avx2, i8),
    [ALT_ISA_AVX512] = BUILT(avx512, i8),
};

const struct alt_kern *alt_kern_f32_table(enum alt_isa isa) { return f32[isa]; }
const struct alt_kern *alt_kern_f64_table(enum alt_isa isa) { return f64[isa]; }
const struct alt_kern_int *alt_kern_i8_table(enum alt_isa isa) { return i8[isa]; }
