/* dispatch.c: the instruction sets compiled in, and what each asks of the machine.

   To add one: a file like avx2.inc with two like avx2_f32.c, and a line here. */
#include "simd/isa.h"

static int always(void)
{
    return 1;
}

extern const pylstm_engine pylstm_baseline_f32, pylstm_baseline_f64;

#ifdef PYLSTM_X86
static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

extern const pylstm_engine pylstm_avx2_f32, pylstm_avx2_f64;
extern const pylstm_engine pylstm_avx512_f32, pylstm_avx512_f64;
#endif

const pylstm_isa pylstm_isas[] = {
    {"baseline", always, {&pylstm_baseline_f32, &pylstm_baseline_f64}},
#ifdef PYLSTM_X86
    {"avx2", has_avx2, {&pylstm_avx2_f32, &pylstm_avx2_f64}},
    {"avx512", has_avx512, {&pylstm_avx512_f32, &pylstm_avx512_f64}},
#endif
};
const int pylstm_n_isas = sizeof(pylstm_isas) / sizeof(pylstm_isas[0]);
