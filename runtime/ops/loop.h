/* loop.h: what hot loops over elements share.
 *
 * ALT_IVDEP before a loop says that element i depends on nothing but the elements i of the operands, also where the output shares
 * their memory: the compiler may vectorise it without checking for overlap.
 *
 * ALT_LOOP(name, (parameters), (arguments), body) defines a static function without a result, compiled from one body for every level of
 * cpu.h, and lets each call take that of this machine. The file is compiled without contraction of multiplications and
 * additions and without reordering, so that all levels give the same bits. Small functions that the body calls are inlined into each.
 */
#ifndef ALT_RUNTIME_OPS_LOOP_H
#define ALT_RUNTIME_OPS_LOOP_H

#include "runtime/cpu.h"

#if defined(__GNUC__) && !defined(__clang__)
#define ALT_IVDEP _Pragma("GCC ivdep")
#else
#define ALT_IVDEP
#endif

#if defined(__x86_64__) && defined(__OPTIMIZE__)
#define ALT_LOOP_AVX2 __attribute__((target("avx2,fma,f16c,bmi,bmi2")))
#define ALT_LOOP_AVX512 \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,fma,f16c,bmi,bmi2,prefer-vector-width=512")))
#define ALT_LOOP(name, parameters, arguments, ...) \
    static void name##_base parameters __VA_ARGS__ \
    ALT_LOOP_AVX2 static void name##_avx2 parameters __VA_ARGS__ \
    ALT_LOOP_AVX512 static void name##_avx512 parameters __VA_ARGS__ \
    static void name parameters { \
        switch (alt_cpu_isa()) { \
        case ALT_ISA_AVX512: name##_avx512 arguments; break; \
        case ALT_ISA_AVX2: name##_avx2 arguments; break; \
        default: name##_base arguments; break; \
        } }
#else
#define ALT_LOOP(name, parameters, arguments, ...) static void name parameters __VA_ARGS__
#endif

#endif
