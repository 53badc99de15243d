/* kernels_baseline.c: for every machine of the architecture; SSE2 on x86-64, NEON on Arm. */
#include <math.h>
#include <string.h>

#include "denormals.h"
#include "population.h"
#include "pylstm.h"
#include "recurrent.h"
#include "streams.h"

#define PYLSTM_NARROW
#define PYLSTM_WIDE
#define PYLSTM_TILE_SOURCES 4
#define PYLSTM_TILE_LINES 1
#define PYLSTM_LANES_TALL 3
#define PYLSTM_LANES_WIDE 1
#include "kernels.inc"

static int supported(void)
{
    return 1;
}

const pylstm_isa pylstm_isa_baseline = {"baseline",
                                        supported,
                                        {&table_f32, &table_f64},
                                        {kernels_f32, kernels_f64},
                                        {&population_table_f32, &population_table_f64},
                                        {&streams_table_f32, &streams_table_f64},
                                        &recurrent_table_f64};
