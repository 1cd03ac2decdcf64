/* loop.h: what hot loops over elements share.
 *
 * ALT_IVDEP before a loop says that element i depends on nothing but the elements i of the operands, also where the output shares
 * their memory: the compiler may vectorise it without checking for overlap.
 *
 * ALT_LONG before a loop says the same and takes four vectors an iteration: for bodies that are one long chain of dependent operations
 * (those of scalar_math.h), whose latency would otherwise be waited for. The compiler interleaves the chains only if it is told to
 * schedule before it allocates registers (`interleaved` in meson.build) and knows that a store is not what the next vector loads: the
 * parameters of the function are `restrict`. That is true enough where output and input are the same elements: each is read before it is written.
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
#define ALT_LONG _Pragma("GCC ivdep") _Pragma("GCC unroll 4")
#else
#define ALT_IVDEP
#define ALT_LONG
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
