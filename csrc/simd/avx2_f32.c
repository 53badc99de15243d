/* The engine in float32, with AVX2: see avx2.inc. */
#define PYLSTM_DOUBLE 0
#include "simd/avx2.inc"
