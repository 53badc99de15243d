/* The engine in float64, with AVX2: see avx2.inc. */
#define PYLSTM_DOUBLE 1
#include "simd/avx2.inc"
