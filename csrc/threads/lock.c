#include "threads/lock.h"

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
