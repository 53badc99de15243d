/* kernels_avx512.c: for x86-64 with AVX-512 F, VL, DQ and BW (Skylake-X, Zen 4 and later). The
   choice is made here, for this file alone: no flag of the build reaches any other. */
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
    return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw");
}

#if defined(__clang__)
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define __FMA__ 1
#else
#pragma GCC target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,prefer-vector-width=512")
#endif

/* Where every number loaded is stored again, half the width: on Zen 4 a store of 512 bits takes two
   cycles (python -m bench floor). */
#if defined(__clang__)
#define PYLSTM_NARROW
#define PYLSTM_WIDE
#else
#define PYLSTM_NARROW _Pragma("GCC push_options") _Pragma("GCC target(\"prefer-vector-width=256\")")
#define PYLSTM_WIDE _Pragma("GCC pop_options")
#endif
#define PYLSTM_TILE_SOURCES 8
#define PYLSTM_TILE_LINES 2
#define PYLSTM_LANES_TALL 6
#define PYLSTM_LANES_WIDE 4
#include "kernels.inc"

const pylstm_isa pylstm_isa_avx512 = {"avx512",
                                      supported,
                                      {&table_f32, &table_f64},
                                      {kernels_f32, kernels_f64},
                                      {&population_table_f32, &population_table_f64},
                                      {&streams_table_f32, &streams_table_f64},
                                      &recurrent_table_f64};

#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute pop
#endif
#else
typedef int pylstm_no_avx512; /* a translation unit must not be empty */
#endif
