/* compiler.h: what every compiler has its own word for. Besides, instruction sets are chosen in their
   own files (avx2.inc), and atomics are in threads/, by GCC's names or not at all. */
#ifndef PYLSTM_COMPILER_H
#define PYLSTM_COMPILER_H

/* For a body whose flags are constants at every call: one version per call. And for the short parts
   of a step: a call of each would take as long as a small network's arithmetic. */
#if defined(__GNUC__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define ALWAYS_INLINE static __forceinline
#else
#define ALWAYS_INLINE static inline
#endif

/* For what many places call and no time goes into: one version for all. */
#if defined(__GNUC__)
#define APART static __attribute__((noinline))
#elif defined(_MSC_VER)
#define APART static __declspec(noinline)
#else
#define APART static
#endif

/* Memory that is read soon. */
#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

#endif
