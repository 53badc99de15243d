/* scale.c: every column of a stream brought to mean 0 and deviation 1 by what is known so far.

   Symbols: n values seen, m mean, v variance, limit L, memory N rows; all per column, float64.

     rate = 1 / min(n, N)                              Welford's recursion up to N rows, then
     d    = clip(x - m, -L sqrt(v), L sqrt(v))         exponentially forgetting
     m   += rate d
     v    = (1 - rate) (v + rate d^2)

   and without a centre m = 0, v += rate (d^2 - v). An outlier counts as L deviations at most.

   Which value is an outlier is unknown before there are some. So the first PYLSTM_FIRST values b_i that
   differ from the one before are kept, with the w_i rows each has stood for, and as long as there are
   no more of them all is anew from these: the mean and the variance, weighted by w_i, of the b_i
   brought to within L 1.4826 s of their median, s being the lower median of their distances from
   it that are not 0 (1.4826 s is a deviation, were they normal). A column that has been constant has
   one of them: its first other value is no more trusted than any.

   Plain IEEE arithmetic, not contracted: the same bits on every machine. */
#include "network/scale.h"

#include <float.h>
#include <math.h>

static const double DEVIATION = 1.4826; /* of a normal distribution, by its median distance */

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

static void sort(double *x, int n)
{
    for (int k = 1; k < n; k++) {
        const double value = x[k];
        int to = k;
        for (; to > 0 && x[to - 1] > value; to--)
            x[to] = x[to - 1];
        x[to] = value;
    }
}

/* A value no further from the middle than twice the bound; halves, because a sum may overflow. */
static double within(double value, double middle, double bound)
{
    const double half = value / 2 - middle / 2;
    return half > bound ? middle + 2 * bound : half < -bound ? middle - 2 * bound : value;
}

/* Mean and variance of column j from its first n values. */
static void settle(const pylstm_scale *s, ptrdiff_t j, int n)
{
    double sorted[PYLSTM_FIRST], distance[PYLSTM_FIRST], total = 0, mean = 0, variance = 0;
    int n_apart = 0;
    for (int k = 0; k < n; k++)
        sorted[k] = s->first[k * s->n_columns + j];
    sort(sorted, n);
    const double middle = sorted[(n - 1) / 2] / 2 + sorted[n / 2] / 2;
    for (int k = 0; k < n; k++)
        if (sorted[k] != middle)
            distance[n_apart++] = fabs(sorted[k] / 2 - middle / 2);
    sort(distance, n_apart);
    const double bound = n_apart ? s->limit * (DEVIATION * distance[(n_apart - 1) / 2]) : 0;
    for (int k = 0; k < n; k++)
        total += s->weight[k * s->n_columns + j];
    for (int k = 0; s->centre && k < n; k++)
        mean += s->weight[k * s->n_columns + j] / total *
                within(s->first[k * s->n_columns + j], middle, bound);
    for (int k = 0; k < n; k++) {
        const double d = within(s->first[k * s->n_columns + j], middle, bound) - mean;
        const double root = clip(d, PYLSTM_LARGEST_ROOT);
        variance += s->weight[k * s->n_columns + j] / total * (root * root);
    }
    s->mean[j] = mean;
    s->variance[j] = variance;
}

/* One of the first values of column j, of which there are n. */
static void take_first(const pylstm_scale *s, ptrdiff_t j, double value, double rate, int n)
{
    if (n == 0 || value != s->first[(n - 1) * s->n_columns + j]) {
        s->first[n * s->n_columns + j] = value;
        s->weight[n * s->n_columns + j] = 0;
        s->n_first[j] = ++n;
    }
    for (int k = 0; s->count[j] > s->memory && k < n; k++)
        s->weight[k * s->n_columns + j] *= 1 - rate;
    s->weight[(n - 1) * s->n_columns + j] += 1;
    settle(s, j, n);
}

void pylstm_scale_update(const pylstm_scale *s, const void *x, int doubles)
{
    for (ptrdiff_t j = 0; j < s->n_columns; j++) {
        const double value = number_at(x, doubles, j), v = s->variance[j];
        if (value != value)
            continue;
        const double n = ++s->count[j], rate = 1 / (n < s->memory ? n : s->memory);
        if (s->n_first[j] < PYLSTM_FIRST) {
            take_first(s, j, value, rate, (int)s->n_first[j]);
            continue;
        }
        const double bound = s->limit * sqrt(v);
        /* n that small: of a file from before the first values were kept */
        const double d =
            clip(value - s->mean[j], n <= PYLSTM_FIRST || bound == 0 ? DBL_MAX : bound);
        const double root = clip(d, PYLSTM_LARGEST_ROOT);
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
