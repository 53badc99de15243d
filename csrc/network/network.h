/* network.h: the C side of the library, seen from outside.

   An LSTM network that learns online by the truncated gradient of Hochreiter & Schmidhuber (1997),
   with the forget gates of Gers et al. (2000) and the peepholes of Gers et al. (2002).

   Symbols, the same in every file:
     x  inputs              i f g o  input gate, forget gate, cell input, output gate
     c  cell state          h        cell output             y  network output
     u  ordinary units
     z  sources of the hidden layer: [x(t); h(t-1); u(t-1); gates(t-1); 1]
     q  sources of the outputs:      [h(t); u(t); x(t); 1]
     E  eligibility traces  v        a cell                  b  a block, b(v) = v / block_size
   Gate order is i, f, g, o everywhere; `_prev` is t-1.

   One struct serves both precisions: buffers are `void *`, the kernels know their type. Nothing
   here allocates: the caller fills in the shape, has the layout computed, and supplies zeroed
   buffers of the sizes found there, aligned to PYLSTM_ALIGNMENT bytes. */
#ifndef PYLSTM_NETWORK_H
#define PYLSTM_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "network/layout.h"
#include "network/shape.h"
#include "simd/blas.h"
#include "threads/lock.h"
#include "threads/team.h"

enum pylstm_rule { PYLSTM_SGD, PYLSTM_MOMENTUM, PYLSTM_RMSPROP, PYLSTM_ADAM, PYLSTM_OBGD };
enum { PYLSTM_LAZY_CHUNK = 8 };    /* steps an update may have been waited for to be put off   */
enum { PYLSTM_LAZY_STEPS = 16 };   /* how many changes of the weights are put off: see lazy.inc */
enum { PYLSTM_UPDATE_AT_END = 0 }; /* run: any k > 0 is "every k steps" */

/* The inputs of a step: x (n_inputs), or, where x is NULL, a token: the one input that is 1 while
   all others are 0. */
typedef struct {
    const void *x;
    ptrdiff_t token;
} pylstm_input;

/* How a gradient changes the weights: the equations are in optimizer.inc. */
typedef struct {
    /* Set by the caller; may change between calls. */
    int rule;
    double learning_rate;
    double first, second; /* parts kept of the first moment, momentum, and of the second */
    double epsilon, weight_decay, kappa;
    double clip_value, clip_norm; /* 0: no clipping                                             */
    double decay;                 /* of the rate at every update, 1: none                       */
    const double *factors;        /* of the rate, one an update from first_factor on, or NULL   */
    int64_t first_factor;

    /* Progress. */
    int64_t n_updates; /* since the rule was chosen                                             */
    double error;      /* ObGD: sum of the norms of the output errors since the last update     */

    /* Of the update being made, filled by pylstm_begin_update. */
    double rate, root, keep;
    double shrink; /* of the gradient, to clip_norm */

    void *moments[2]; /* parameter_size each: as many as the rule has, in their order           */
} pylstm_optimizer;

/* Written by the verbs alone: what may be of it is in progress.c. */
typedef struct {
    ptrdiff_t n_pending;  /* steps recorded since the traces were settled                    */
    ptrdiff_t n_collect;  /* steps since the last update, for run(update=k)                  */
    ptrdiff_t n_waiting;  /* steps since the last scan, with PYLSTM_BPTT                      */
    ptrdiff_t n_absorbed; /* of them, those whose weight change is not yet in W: see lazy.inc  */
    int closed;           /* the weights changed: settle the traces before the next step     */
    int learnable;        /* the last step may still be learned from                         */
    int has_errors;       /* some recorded step has an error not yet in the gradient         */
    int collected;        /* the gradient buffer holds something                             */
    int traces_zero;      /* E is zero whatever its buffer says                              */
    int64_t n_steps;      /* steps made since the network was built                          */

    /* Inputs, see tokens.inc. */
    ptrdiff_t n_live;     /* inputs in the list of live ones                                   */
    ptrdiff_t n_unsorted; /* tokens since every input was made live, or looked at once more    */
    int all_live;         /* every input is live, listed or not                                */
} pylstm_progress;

/* Supplied by the caller, zeroed, of the sizes in the layout. */
typedef struct {
    int32_t *live;   /* (n_inputs): the list                                                  */
    int32_t *listed; /* (n_inputs): whether an input is in it                                  */
    int32_t *tokens; /* (record_rows + 1): the token in z of each record row, and in work_z;
                        -1: any x                                                             */
    void *parameters, *gradient; /* parameter_size each                                        */
    void *eligibility;           /* parameter_size: of the outputs, see reinforce; or NULL     */
    void *traces;                /* trace_size                                                 */
    void *sensitivities;         /* sensitivity_size                                           */
    void *record;                /* record_rows * record_stride                                */
    ptrdiff_t record_rows;       /* there is room for: as in the layout, or more as steps come */
    ptrdiff_t record_stride;     /* from one row to the next: record_width, or more            */
    void *back;                  /* back_size                                                  */
    void *work;                  /* work_size, filled by prepare                               */
    const void *constants;       /* in work, set by prepare: of a stream those of all           */
} pylstm_buffers;

typedef struct pylstm_network {
    pylstm_shape shape;
    pylstm_layout layout;
    pylstm_optimizer optimizer;
    pylstm_progress progress;
    pylstm_buffers buffers;
    const pylstm_blas *blas; /* what large gradients are multiplied by, NULL: product.inc */

    /* Set by the caller for one call. */
    pylstm_team *team; /* threads to share loops with, or NULL       */
    int watched;       /* somebody may read W: write it at every step */
    int busy;          /* taken by a call: see pylstm_acquire         */

    /* The layers next to it, NULL where there is none; the network is known by the top one. */
    struct pylstm_network *below, *above;
    struct pylstm_network
        *mate; /* of the same layer, which reads a sequence from its end, or NULL */
} pylstm_network;

/* What a call of the network level returns. */
enum pylstm_status { PYLSTM_OK, PYLSTM_DIVERGED };

/* The network level, one table per instruction set and precision; another for layers one upon the
   other, whose calls take the top one. */
typedef struct {
    /* Constants of the shape into `work`; state and traces to zero. Once, after the buffers are
     * set. */
    void (*prepare)(pylstm_network *);
    void (*reset)(pylstm_network *);
    /* target: (n_outputs), learned from at once, or NULL; y: (n_outputs). */
    int (*step)(pylstm_network *, pylstm_input, const void *target, void *y);
    int (*predict)(pylstm_network *, pylstm_input, void *y);
    /* target or dy: (n_outputs); both add the error to the last step's record. */
    double (*learn)(pylstm_network *, const void *target);
    void (*learn_from)(pylstm_network *, const void *dy);
    /* Z = decay Z + the gradient of dy y: dy adds to the eligibility, not to the gradient. */
    void (*trace_from)(pylstm_network *, const void *dy, double decay);
    /* Change the weights by error Z, upwards. */
    void (*reinforce)(pylstm_network *, double error);
    /* Change the weights by everything collected. */
    void (*update)(pylstm_network *);
    /* Whether every weight is finite still; reads all that may have changed. */
    int (*check_weights)(const pylstm_network *);
    /* Bring the gradient buffer up to date with every recorded error. */
    void (*collect)(pylstm_network *);
    /* Bring W and E up to date where their change was put off. */
    void (*write_back)(pylstm_network *);
    /* X: (n_steps, n_inputs), or NULL and tokens: (n_steps); targets: (n_steps, n_outputs) or NULL,
       a row of NaN is no target; Y: (n_steps, n_outputs). *done: steps made. */
    int (*run)(pylstm_network *, ptrdiff_t n_steps, const void *X, const int32_t *tokens,
               const void *targets, void *Y, ptrdiff_t update_every, ptrdiff_t *done);
    /* The first of n numbers that is not finite, or -1. */
    ptrdiff_t (*first_not_finite)(const void *numbers, ptrdiff_t n);
    /* Gradient and traces up to the last step, which cannot be learned from any more. */
    void (*settle)(pylstm_network *);
    /* Of several heads the loss of each at the last step, without its weight; NaN without a target.
       losses: (n_heads) */
    void (*head_losses)(const pylstm_network *, const void *target, double *losses);
} pylstm_table;

/* Count one more update and fill in its rate and, with Adam, the corrections for young moments. */
void pylstm_begin_update(pylstm_optimizer *);

/* Take the network for one call: 1 when it was free, 0 when another thread holds it. */
static inline int pylstm_acquire(pylstm_network *n)
{
    return pylstm_take(&n->busy);
}

static inline void pylstm_release(pylstm_network *n)
{
    pylstm_give(&n->busy);
}

#endif
