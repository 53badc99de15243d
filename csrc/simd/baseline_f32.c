/* The engine in float32, for every machine: see baseline.inc. */
#define PYLSTM_DOUBLE 0
#include "simd/baseline.inc"
