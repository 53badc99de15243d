/* network.h: the C side of the library, seen from outside.

   An LSTM network that learns online by the truncated gradient of Hochreiter & Schmidhuber (1997),
   with the forget gates of Gers et al. (2000) and the peepholes of Gers et al. (2002).

   Symbols, the same in every file:
     x  inputs              i f g o  input gate, forget gate, cell input, output gate
     c  cell state          h        cell output             y  network output
     z  sources of the hidden layer: [x(t); h(t-1); gates(t-1); 1]
     q  sources of the outputs:      [h(t); x(t); 1]
     E  eligibility traces  v        a cell                  b  a block, b(v) = v / block_size
   Gate order is i, f, g, o everywhere; `_prev` is t-1.

   One struct serves both precisions: buffers are `void *`, the kernels know their type. Nothing
   here allocates: the caller fills in the shape, calls pylstm_layout, and supplies zeroed buffers
   of the sizes found there, aligned to PYLSTM_ALIGNMENT bytes. */
#ifndef PYLSTM_NETWORK_H
#define PYLSTM_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "threads/lock.h"
#include "threads/team.h"

enum { PYLSTM_ALIGNMENT = 64 };

enum pylstm_squashing {
    PYLSTM_TANH,
    PYLSTM_LOGISTIC,
    PYLSTM_IDENTITY,
    PYLSTM_TANH_HALF,     /* tanh(x/2), 1997's h   */
    PYLSTM_TWO_TANH_HALF, /* 2 tanh(x/2), 1997's g */
    PYLSTM_SOFTMAX        /* outputs only          */
};
enum pylstm_loss { PYLSTM_SQUARED, PYLSTM_CROSS_ENTROPY };
enum pylstm_bias { PYLSTM_BIAS_NONE, PYLSTM_BIAS_GATES, PYLSTM_BIAS_ALL };
enum pylstm_rule { PYLSTM_SGD, PYLSTM_MOMENTUM, PYLSTM_RMSPROP, PYLSTM_ADAM, PYLSTM_OBGD };
enum pylstm_precision { PYLSTM_FLOAT32, PYLSTM_FLOAT64 };
enum pylstm_method { PYLSTM_TRUNCATED, PYLSTM_BPTT, PYLSTM_RTRL }; /* whose gradient is followed */
enum { PYLSTM_LAZY_TIMES = 64 };   /* measured: eager leads at 1.6 million weights, lazy at 6.3 */
enum { PYLSTM_LAZY_STEPS = 8 };    /* how many changes of the weights are put off: see lazy.inc */
enum { PYLSTM_SHARES = 8 };        /* of the sensitivities at most: see rtrl.inc */
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

typedef struct {
    /* Shape: set by the caller, then fixed. */
    ptrdiff_t n_inputs, n_outputs, n_blocks, block_size;
    int input_gate, forget_gate, output_gate; /* 0: absent, constantly 1; f: 1 - leak */
    double leak;                              /* the part of c no forget gate keeps: see math.inc */
    int peepholes, gate_recurrence, cell_recurrence, shortcut, hidden_bias, output_bias;
    int cell_input, cell_output, output, loss, precision;
    int method;
    ptrdiff_t window;     /* steps an error goes back, with PYLSTM_BPTT; 0: to the last reset    */
    ptrdiff_t large_from; /* weights of the hidden layer from which on it is large, see below */

    pylstm_optimizer optimizer;

    /* Set by the caller for one call. */
    pylstm_team *team; /* threads to share loops with, or NULL       */
    int watched;       /* somebody may read W: write it at every step */

    /* Layout: filled by pylstm_layout. Counts are in numbers; rows of W and E are whole cache
       lines, vectors over cells and rows of V whole quads.

       A row of W is [i: n_blocks | f: n_blocks | g: n_cells | o: n_blocks];
       row_* is where each starts, -1 where absent.

       A row of E is [i: n_cells | f: n_cells | g: n_cells],
       in i and f with the cell's place in its block slowest: cells fold by whole segments;
       trace_* is where each starts, -1 where absent.

       W and E are stored as panels, one behind the other, each (n_sources, panel_rows). A large
       network, which must have one cell a block, has a panel for every gate, its segments whole
       cache lines; every other has a single one. Panels are what threads share: the memory of each
       is its own, so that no processor fetches ahead into what another is writing. From
       PYLSTM_LAZY_TIMES as many weights on, beyond the last cache, it also writes them lazily where
       it can: see lazy.inc. */
    int large, lazy;
    double most_f, bend_f; /* f = most_f logistic(net), f' = f + bend_f f^2: see math.inc */
    ptrdiff_t n_cells, n_sources, n_out_sources, n_rows, n_traced;
    ptrdiff_t row_i, row_f, row_g, row_o;
    ptrdiff_t trace_i, trace_f, trace_g;
    ptrdiff_t n_panels, panel_rows;          /* of W; n_panels * panel_rows = row_stride     */
    ptrdiff_t n_traced_panels, panel_traced; /* of E; likewise trace_stride; the first of W's */
    ptrdiff_t cell_stride;                   /* a vector over cells                     */
    ptrdiff_t row_stride;                    /* a vector over the rows of W             */
    ptrdiff_t trace_stride;                  /* a vector over the rows of E             */
    ptrdiff_t out_stride;                    /* V: (n_outputs, out_stride)              */
    ptrdiff_t at_output, readout_size;       /* V in the parameters                     */
    ptrdiff_t at_peephole_i, at_peephole_f, at_peephole_o; /* (cell_stride) each */
    ptrdiff_t trace_peephole_i, trace_peephole_f; /* (block_size, cell_stride), in the traces */

    /* The recurrent sources, and W^T of them with PYLSTM_BPTT: panels one behind the other, each
       (row_stride, back_panel). */
    ptrdiff_t n_back, n_back_panels, back_panel;
    ptrdiff_t back_stride; /* n_back_panels * back_panel; 0 with another method */
    ptrdiff_t back_size;

    /* Record of the steps since the traces were last settled: row 0 is the state before them, rows
       1..n_pending are the steps, one more row is spare for predictions. With PYLSTM_BPTT the steps
       an error may reach: the caller makes room for them before a call, the record never holding
       more than most_pending. Fields of a row: */
    ptrdiff_t record_rows, record_stride, most_pending;
    ptrdiff_t at_act, at_c, at_q;                      /* the state: activations, c, [h; x; 1] */
    ptrdiff_t at_z, at_gates, at_hc, at_net_out, at_y; /* the rest of the forward pass         */
    ptrdiff_t at_has_error, at_delta, at_e, at_eo;     /* dL/dnet of y, dL/dc, dL/dnet of o    */
    ptrdiff_t at_coef, at_trace_coef;                  /* rows over W and E, see lazy.inc      */
    ptrdiff_t state_size;                              /* at_act .. the end of h               */

    /* Sensitivities, with PYLSTM_RTRL only: see rtrl.inc. */
    ptrdiff_t n_carried;                    /* numbers of the state                     */
    ptrdiff_t column_blocks, block_columns; /* of the hidden weights                    */
    ptrdiff_t column_shares;                /* of the blocks, one a thread              */
    ptrdiff_t sensitivity_size;

    ptrdiff_t parameter_size, trace_size, work_size; /* buffer sizes, in numbers; no traces but
                                                        with PYLSTM_TRUNCATED                 */
    /* Scratch and constants in `work`. */
    ptrdiff_t work_net, work_z;                        /* of the step to come             */
    ptrdiff_t work_slope, work_a, work_b, work_linear; /* squash constants, one a row of W */
    ptrdiff_t work_valid;                              /* 1 for a cell, 0 for padding      */
    ptrdiff_t work_keep;                               /* f where no gate is: 1 - leak     */
    ptrdiff_t work_after;                              /* what follows the cells in q      */
    ptrdiff_t work_f, work_d, work_e, work_u;          /* rows over the traces, over W     */
    ptrdiff_t work_cell;                               /* three vectors over cells         */
    ptrdiff_t work_delta;                              /* an error at the outputs          */
    ptrdiff_t work_flow;                               /* at the recurrent sources: bptt.inc */
    ptrdiff_t work_sensitivity, work_net_sensitivity;  /* factors of a step; N, one a share */

    /* Progress. */
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

    /* Buffers. */
    int32_t *live;   /* (n_inputs): the list                                                  */
    int32_t *listed; /* (n_inputs): whether an input is in it                                  */
    int32_t *tokens; /* (record_rows + 1): the token in z of each record row, and in work_z;
                        -1: any x                                                             */
    void *parameters, *gradient; /* parameter_size each                                        */
    void *eligibility;           /* parameter_size: of the outputs, see reinforce; or NULL     */
    void *traces;                /* trace_size                                                 */
    void *sensitivities;         /* sensitivity_size                                           */
    void *record;                /* record_rows * record_stride                                */
    void *back;                  /* back_size                                                  */
    void *work;                  /* work_size, filled by prepare                               */
    int busy;                    /* taken by a call: see pylstm_acquire                        */
} pylstm_network;

/* What a call of the network level returns. */
enum pylstm_status { PYLSTM_OK, PYLSTM_DIVERGED };

/* The network level, one table per instruction set and precision. */
typedef struct {
    /* Constants of the shape into `work`; state and traces to zero. Once, after the buffers are
     * set. */
    void (*prepare)(pylstm_network *);
    void (*reset)(pylstm_network *);
    /* y: (n_outputs). */
    int (*step)(pylstm_network *, pylstm_input, void *y);
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
       a row that starts with NaN is no target; Y: (n_steps, n_outputs). *done: steps made. */
    int (*run)(pylstm_network *, ptrdiff_t n_steps, const void *X, const int32_t *tokens,
               const void *targets, void *Y, ptrdiff_t update_every, ptrdiff_t *done);
    /* First row of X (n, width) with a number that is not finite, or -1. */
    ptrdiff_t (*first_not_finite)(const void *X, ptrdiff_t n, ptrdiff_t width);
    /* Gradient and traces up to the last step, which cannot be learned from any more. */
    void (*settle)(pylstm_network *);
} pylstm_table;

/* Count one more update and fill in its rate and, with Adam, the corrections for young moments. */
void pylstm_begin_update(pylstm_optimizer *);

/* How many steps a record holds that errors go back in over `window` steps, at most. */
ptrdiff_t pylstm_longest_window(ptrdiff_t window);

/* Fill in the layout from the shape; 0 when a size is below 1 or some buffer would be larger than
   any memory: then what is filled in is of no use. */
int pylstm_layout(pylstm_network *);

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
