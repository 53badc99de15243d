/* kernels_avx2.c: for x86-64 with AVX2 and FMA (Haswell, Zen and later). The choice is made here,
   for this file alone: no flag of the build reaches any other. */
#include <math.h>
#include <string.h>

#include "denormals.h"
#include "population.h"
#include "pylstm.h"
#include "recurrent.h"
#include "streams.h"

#ifdef PYLSTM_X86
/* Before the choice below: this must run on every machine. */
static int supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define __FMA__ 1
#else
#pragma GCC target("avx2,fma")
#endif

#define PYLSTM_NARROW
#define PYLSTM_WIDE
#define PYLSTM_TILE_SOURCES 6
#define PYLSTM_TILE_LINES 1
#define PYLSTM_LANES_TALL 3
#define PYLSTM_LANES_WIDE 2
#include "kernels.inc"

const pylstm_isa pylstm_isa_avx2 = {"avx2",
                                    supported,
                                    {&table_f32, &table_f64},
                                    {kernels_f32, kernels_f64},
                                    {&population_table_f32, &population_table_f64},
                                    {&streams_table_f32, &streams_table_f64},
                                    &recurrent_table_f64};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int pylstm_no_avx2; /* a translation unit must not be empty */
#endif
