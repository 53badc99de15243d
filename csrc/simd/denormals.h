/* denormals.h: flush denormal numbers to zero for the length of a call, and put things back. */
#ifndef PYLSTM_DENORMALS_H
#define PYLSTM_DENORMALS_H

#include <stdint.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
typedef unsigned int flush_state;
static inline flush_state flush_denormals(void)
{
    const unsigned int saved = _mm_getcsr(), flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    if ((saved & (flush_to_zero | denormals_are_zero)) != (flush_to_zero | denormals_are_zero))
        _mm_setcsr(saved | flush_to_zero | denormals_are_zero);
    return saved;
}
static inline void restore_denormals(flush_state saved)
{
    if (_mm_getcsr() != saved)
        _mm_setcsr(saved);
}
#elif defined(__aarch64__) && defined(__GNUC__)
typedef uint64_t flush_state;
static inline flush_state flush_denormals(void)
{
    uint64_t saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"(saved | (UINT64_C(1) << 24)));
    return saved;
}
static inline void restore_denormals(flush_state saved)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(saved));
}
#else
typedef int flush_state;
static inline flush_state flush_denormals(void)
{
    return 0;
}
static inline void restore_denormals(flush_state saved)
{
    (void)saved;
}
#endif

#endif
