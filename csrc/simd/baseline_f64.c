/* The engine in float64, for every machine: see baseline.inc. */
#define PYLSTM_DOUBLE 1
#include "simd/baseline.inc"
