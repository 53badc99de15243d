/* The engine in float64, with AVX-512: see avx512.inc. */
#define PYLSTM_DOUBLE 1
#include "simd/avx512.inc"
