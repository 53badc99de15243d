/* recurrent.h: a network of plain recurrent units, for pylstm.baselines; double precision alone.

   With z(t) = [x(t); a(t-1); 1 if biased] and q(t) = [a(t); x(t) if shortcut; 1 if biased]

     s(t) = squash(W z(t))                        W: (n_units, n_sources)
     a(t) = tau a(t-1) + (1 - tau) s(t)           tau = 0: a plain unit; else Mozer 1992
     y(t) = squash_out(V q(t))                    V: (n_outputs, n_out_sources), a readout of its own,
            or a(t)[:n_outputs]                   where the first units are the outputs

   Weights lie source-major, W[m][u] and V[m][k], without padding between sources, so that a pass
   over all weights is one loop, whatever the number of units; zeros follow each up to a whole cache
   line. A source that is zero costs nothing. */
#ifndef PYLSTM_RECURRENT_H
#define PYLSTM_RECURRENT_H

#include "network/network.h"

typedef struct {
    /* Sizes and switches. */
    ptrdiff_t n_inputs, n_outputs, n_units;
    int rtrl;    /* sensitivities are carried forward, else errors sent back                  */
    int readout; /* the outputs are a layer, else the first units                             */
    int shortcut, hidden_bias, output_bias;
    int squashing, output, loss; /* the first units, where they are outputs, have that of outputs */
    ptrdiff_t window;            /* steps an error goes back at most; 0: to the last reset       */
    double learning_rate, momentum;

    /* Layout: filled in by pylstm_recurrent_layout. */
    ptrdiff_t n_sources, n_out_sources;  /* n_out_sources is 0 without a readout     */
    ptrdiff_t n_weights;                 /* numbers of W, whole cache lines          */
    ptrdiff_t at_output, parameter_size; /* numbers; W starts at 0                   */
    ptrdiff_t sensitivity_size;
    ptrdiff_t at_a, at_slope, at_e, at_coef; /* in a row of the record, after x          */
    ptrdiff_t row_size;                      /* numbers                                  */
    ptrdiff_t work_net, work_mix, work_dy;   /* scratch: (n_units), (n_units, n_units),
                                                        (n_outputs)                              */
    ptrdiff_t work_size;

    /* Progress. The record holds steps 1 .. n_recorded; row 0 is what came before them, and there
       is a spare row after the last. */
    ptrdiff_t capacity;   /* steps there is room for                                           */
    ptrdiff_t n_recorded; /* steps an error can go back to                                     */
    ptrdiff_t n_waiting;  /* steps since errors were last sent back                            */
    ptrdiff_t n_collect;  /* steps since the last update                                       */
    int64_t n_steps;
    int learnable;  /* the last step may still be learned from                                 */
    int has_error;  /* delta is an error of the last step which no gradient has                */
    int has_errors; /* there are errors at recorded units which no gradient has                */
    int collected;  /* the gradient buffer holds something                                     */
    int p_zero;     /* the sensitivities are zero, whatever the buffer says                    */
    int answering;  /* nothing will be learned from these steps: see make_step                 */
    int now;        /* which half of the sensitivities is theirs                               */
    int busy;

    /* Buffers, zero to begin with. */
    double *parameters, *gradient, *velocity; /* (parameter_size)                              */
    double *tau;                              /* (n_units)                                     */
    double *record;                           /* (capacity + 2, row_size)                      */
    int32_t *tokens;                          /* (capacity + 2), -1 for a step with a vector   */
    double *sensitivity; /* with rtrl: (2, n_units, n_weights), da / dW; one half is the last */
    double *net_out, *y; /* (2, n_outputs): of the last step, and of a step not made          */
    double *delta;       /* (n_outputs): dL / d net_out of the last step                      */
    double *work;
} pylstm_recurrent;

/* What a call that guesses brings: sequences answered one after another, each by the weights of the
   moment, which are replaced by the next of the pool when an output was wrong. */
typedef struct {
    ptrdiff_t n_sequences;
    const ptrdiff_t *lengths;
    const double *X; /* (n_steps, n_inputs), or NULL and tokens: (n_steps)                     */
    const int32_t *tokens;
    const double *targets; /* (n_steps, n_outputs), with last (n_sequences, n_outputs)         */
    double *Y;             /* the same; NaN where steps were not made                          */
    int last;
    double tolerance;   /* an output is wrong from this error on                               */
    const double *pool; /* (n_pool, n_parameters): W, then V, as they lie but for padding      */
    ptrdiff_t n_pool;
    ptrdiff_t n_taken; /* of the pool, so far                                                  */
} pylstm_guesses;

/* One table per instruction set; each call flushes denormal numbers while it runs. */
typedef struct pylstm_recurrent_table {
    void (*reset)(pylstm_recurrent *);
    /* The outputs of a step that is not made. */
    int (*predict)(pylstm_recurrent *, pylstm_input);
    /* Collect the error of the last step; returns the loss. */
    double (*learn)(pylstm_recurrent *, const double *target);
    /* Change the weights by all that is collected. */
    void (*update)(pylstm_recurrent *);
    /* Bring the gradient buffer up to date with every error. */
    void (*collect)(pylstm_recurrent *);
    /* Steps of one sequence; X: (n_steps, n_inputs), or NULL and tokens: (n_steps); targets, Y:
       (n_steps, n_outputs), or of the last step alone; targets may be NULL, a row that starts with
       NaN is none. */
    int (*run)(pylstm_recurrent *, ptrdiff_t n_steps, const double *X, const int32_t *tokens,
               const double *targets, double *Y, ptrdiff_t every, int last);
    /* A reset and a run for each sequence, and a reset. */
    int (*run_sequences)(pylstm_recurrent *, ptrdiff_t n_sequences, const ptrdiff_t *lengths,
                         const double *X, const int32_t *tokens, const double *targets, double *Y,
                         ptrdiff_t every, int last);
    int (*check_weights)(const pylstm_recurrent *);
    /* Sequences as long as there are weights in the pool; how many. */
    ptrdiff_t (*guess)(pylstm_recurrent *, pylstm_guesses *);
} pylstm_recurrent_table;

/* Fill in the layout from the sizes and switches; 0 as pylstm_network_layout. */
int pylstm_recurrent_layout(pylstm_recurrent *);

#endif
