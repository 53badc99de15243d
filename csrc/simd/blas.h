/* blas.h: a matrix product of another library, as BLAS has it, for networks that are to use it. */
#ifndef PYLSTM_BLAS_H
#define PYLSTM_BLAS_H

typedef struct {
    void (*gemm[2])(void); /* SGEMM and DGEMM, see gemm in blas.inc                        */
    double from;           /* multiply-adds of the smallest product it is given            */
} pylstm_blas;

#endif
