/* dispatch.c: the instruction sets compiled in, and the lock of a network. */
#include "pylstm.h"

const pylstm_isa *const pylstm_isas[] = {
    &pylstm_isa_baseline,
#ifdef PYLSTM_X86
    &pylstm_isa_avx2,
    &pylstm_isa_avx512,
#endif
};
const int pylstm_n_isas = sizeof(pylstm_isas) / sizeof(pylstm_isas[0]);

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
int pylstm_take(int *busy)
{
    return _InterlockedExchange((volatile long *)busy, 1) == 0;
}
void pylstm_give(int *busy)
{
    _InterlockedExchange((volatile long *)busy, 0);
}
#else
int pylstm_take(int *busy)
{
    return __atomic_exchange_n(busy, 1, __ATOMIC_ACQUIRE) == 0;
}
void pylstm_give(int *busy)
{
    __atomic_store_n(busy, 0, __ATOMIC_RELEASE);
}
#endif

int pylstm_acquire(pylstm_network *n)
{
    return pylstm_take(&n->busy);
}

void pylstm_release(pylstm_network *n)
{
    pylstm_give(&n->busy);
}
