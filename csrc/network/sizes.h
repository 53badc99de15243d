/* sizes.h: sums and products of sizes that stop at a limit instead of overflowing.

   Sizes are at least 0 and at most the limit. What reaches PYLSTM_TOO_LARGE stays there, whatever
   is added to it or multiplied with it but 0, so that a size too large shows in every size that
   depends on it. The limit leaves room for the bytes of so many numbers, and is a whole number of
   cache lines. */
#ifndef PYLSTM_SIZES_H
#define PYLSTM_SIZES_H

#include <stddef.h>
#include <stdint.h>

/* 2^58, or 2^26 where addresses have 32 bits */
#define PYLSTM_TOO_LARGE (PTRDIFF_MAX / 32 + 1)

/* Whether a size that somebody asks for is one. */
static inline int pylstm_is_size(ptrdiff_t size)
{
    return size >= 1 && size < PYLSTM_TOO_LARGE;
}

static inline ptrdiff_t pylstm_sum(ptrdiff_t a, ptrdiff_t b)
{
    return a < PYLSTM_TOO_LARGE - b ? a + b : PYLSTM_TOO_LARGE;
}

static inline ptrdiff_t pylstm_product(ptrdiff_t a, ptrdiff_t b)
{
    if (a == 0 || b == 0)
        return 0;
    return a < PYLSTM_TOO_LARGE / b ? a * b : PYLSTM_TOO_LARGE;
}

/* The least multiple of `unit`, a power of two, that is at least `size`. */
static inline ptrdiff_t pylstm_whole(ptrdiff_t size, ptrdiff_t unit)
{
    return pylstm_sum(size, unit - 1) / unit * unit;
}

#endif
