/* loop.h: ALT_IVDEP before a loop says that element i depends on nothing but the elements i of the operands, also where
 * the output shares their memory: the compiler may vectorise it without checking for overlap. */
#ifndef ALT_RUNTIME_OPS_LOOP_H
#define ALT_RUNTIME_OPS_LOOP_H

#if defined(__GNUC__) && !defined(__clang__)
#define ALT_IVDEP _Pragma("GCC ivdep")
#else
#define ALT_IVDEP
#endif

#endif
