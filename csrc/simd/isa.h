/* isa.h: the instruction sets compiled in, as the seam to Python sees them. */
#ifndef PYLSTM_ISA_H
#define PYLSTM_ISA_H

#include "network/network.h"
#include "population/population.h"
#include "recurrent/recurrent.h"
#include "streams/streams.h"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__) && !defined(PYLSTM_BASELINE)
#define PYLSTM_X86 1 /* the files for AVX2 and AVX-512 have something in them */
#endif

typedef void (*pylstm_function)(void);
typedef struct {
    const char *name;
    pylstm_function function;
} pylstm_kernel;

/* One instruction set in one precision: the calls of every level, and the kernels by name, for the
   tests. */
typedef struct {
    const pylstm_table *network;
    const pylstm_table *stack; /* of layers one upon the other, known by the top one */
    const pylstm_streams_table *streams;
    const pylstm_population_table *population;
    const pylstm_recurrent_table *recurrent; /* float64 alone, else NULL */
    const pylstm_kernel *kernels;            /* ends with a NULL name    */
} pylstm_engine;

typedef struct {
    const char *name;
    int (*supported)(void);
    const pylstm_engine *engine[2];
} pylstm_isa;

/* Best last; how many. */
extern const pylstm_isa pylstm_isas[];
extern const int pylstm_n_isas;

#endif
