/* scale.h: running standardisation of the columns of a stream, see scale.c. */
#ifndef PYLSTM_SCALE_H
#define PYLSTM_SCALE_H

#include <stddef.h>

typedef struct {
    ptrdiff_t n_columns;
    double memory, limit;
    int centre;                      /* 0: the mean stays 0 */
    double *count, *mean, *variance; /* (n_columns) each; 0 before the first value */
    /* The first values of a column that differ from the one before, how many there are, and for how
       many rows each has stood: (PYLSTM_FIRST, n_columns), n_first (n_columns). */
    double *n_first, *first, *weight;
} pylstm_scale;

enum { PYLSTM_FIRST = 8 };
enum { PYLSTM_STATISTICS = 4 + 2 * PYLSTM_FIRST }; /* numbers of a column, in the order above */
#define PYLSTM_LARGEST_ROOT 1e150                  /* its square is finite                    */

/* Rows of either precision; `doubles`: whether they are of float64. */

/* Take in one row, NaN where missing. x: (n_columns) */
void pylstm_scale_update(const pylstm_scale *, const void *x, int doubles);
/* z = (x - mean) / deviation within the limit; where x is NaN, `missing`. x, z: (n_columns) */
void pylstm_scale_standardise(const pylstm_scale *, const void *x, int doubles, double missing,
                              void *z, int z_doubles);
/* x = mean + deviation z, z within the limit. z, x: (n_columns), may be the same */
void pylstm_scale_give_back(const pylstm_scale *, const void *z, void *x, int doubles);

#endif
