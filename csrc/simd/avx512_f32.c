/* The engine in float32, with AVX-512: see avx512.inc. */
#define PYLSTM_DOUBLE 0
#include "simd/avx512.inc"
