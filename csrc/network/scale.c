/* scale.c: every column of a stream brought to mean 0 and deviation 1 by what is known so far.

   Symbols: n values seen, m mean, v variance, limit L, memory N rows; all per column, float64.

     rate = 1 / min(n, N)                              Welford's recursion up to N rows, then
     d    = clip(x - m, -L sqrt(v), L sqrt(v))         exponentially forgetting
     m   += rate d
     v    = (1 - rate) (v + rate d^2)

   and without a centre m = 0, v += rate (d^2 - v). A wild value counts as L deviations at most; the
   first PYLSTM_SETTLED values of a column, and those of one that has not varied yet, count as they
   are. Plain IEEE arithmetic, not contracted: the same bits on every machine. */
#include "network/scale.h"

#include <float.h>
#include <math.h>

enum { PYLSTM_SETTLED = 8 }; /* so many values must have been seen before one can be called wild */

static const double LARGEST_ROOT = 1e150; /* its square is finite */

static inline double number_at(const void *x, int doubles, ptrdiff_t j)
{
    return doubles ? ((const double *)x)[j] : (double)((const float *)x)[j];
}

static inline void put_number(void *x, int doubles, ptrdiff_t j, double value)
{
    if (doubles)
        ((double *)x)[j] = value;
    else
        ((float *)x)[j] = (float)value;
}

static inline double clip(double value, double bound)
{
    return value > bound ? bound : value < -bound ? -bound : value;
}

void pylstm_scale_update(const pylstm_scale *s, const void *x, int doubles)
{
    for (ptrdiff_t j = 0; j < s->n_columns; j++) {
        const double value = number_at(x, doubles, j), v = s->variance[j];
        if (value != value)
            continue;
        const double n = ++s->count[j], rate = 1 / (n < s->memory ? n : s->memory);
        const double bound = s->limit * sqrt(v);
        const double d =
            clip(value - s->mean[j], n <= PYLSTM_SETTLED || bound == 0 ? DBL_MAX : bound);
        const double root = clip(d, LARGEST_ROOT);
        if (s->centre) {
            s->mean[j] += rate * d;
            s->variance[j] = (1 - rate) * (v + rate * (root * root));
        } else {
            s->variance[j] = v + rate * (root * root - v);
        }
    }
}

void pylstm_scale_standardise(const pylstm_scale *s, const void *x, int doubles, double missing,
                              void *z, int z_doubles)
{
    for (ptrdiff_t j = 0; j < s->n_columns; j++) {
        const double value = number_at(x, doubles, j), deviation = sqrt(s->variance[j]);
        const double unit = deviation > 0 ? (value - s->mean[j]) / deviation : 0;
        put_number(z, z_doubles, j, value == value ? clip(unit, s->limit) : missing);
    }
}

void pylstm_scale_give_back(const pylstm_scale *s, const void *z, void *x, int doubles)
{
    for (ptrdiff_t j = 0; j < s->n_columns; j++) {
        const double unit = clip(number_at(z, doubles, j), s->limit);
        put_number(x, doubles, j, s->mean[j] + sqrt(s->variance[j]) * unit);
    }
}
