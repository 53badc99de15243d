/* optimizer.c: what an update has in common for all weights, whatever their precision.

     rate = learning_rate * decay^k, or * factors[k], at update k = 0, 1, ...
     Adam, with t = k + 1: m / (1 - first^t) and v / (1 - second^t) are the moments without their
     start at zero; both divisions go into the rate and into root, the factor of sqrt(v). */
#include <math.h>

#include "network/network.h"

void pylstm_begin_update(pylstm_optimizer *o)
{
    double factor = 1;
    if (o->factors)
        factor = o->factors[o->n_updates - o->first_factor];
    else if (o->decay != 1)
        factor = pow(o->decay, (double)o->n_updates);
    o->n_updates++;
    o->rate = o->learning_rate * factor;
    o->keep = 1 - o->rate * o->weight_decay;
    o->root = 1;
    if (o->rule == PYLSTM_ADAM) {
        o->rate /= 1 - pow(o->first, (double)o->n_updates);
        o->root = 1 / sqrt(1 - pow(o->second, (double)o->n_updates));
    }
}
