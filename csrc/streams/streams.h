/* streams.h: B sequences through shared weights at once, seen from outside.

   A stream is a network of its own (network.h) with the weights of all: own state, own traces, own
   stretch of the record. The record rows of one step lie together, stream by stream, so that net
   inputs and gradients over all streams are single matrix products; a stream sees its rows through
   a stride. A stream that is reset begins anew at the row it has reached: the rows before stay in
   the record, with their coefficients, until the gradient is collected.

   Of a network of several layers there is one struct a layer, and so is a stream a stack of
   networks of its own (stack.inc); a step has the same number in the records of all layers.

   Nothing here allocates: the caller calls pylstm_streams_layout and supplies zeroed, aligned
   buffers of the sizes found there. */
#ifndef PYLSTM_STREAMS_H
#define PYLSTM_STREAMS_H

#include "network/network.h"
#include "threads/team.h"

/* Below this number of streams, threads share the rows of the weights instead. */
enum { PYLSTM_FEW_STREAMS = 4 };

typedef struct pylstm_streams {
    /* What all streams have in common: shape, optimizer, the weights and velocity of the owner, the
       gradient summed over streams; the buffers of all streams together; progress but for what is
       said below. */
    pylstm_network net;
    ptrdiff_t n_streams; /* B, set by the caller */

    /* Layout: filled by pylstm_streams_layout. */
    ptrdiff_t record_steps; /* steps the record has room for, beside the first and a spare one; with
                               PYLSTM_BPTT the caller makes more before a call                */
    ptrdiff_t most_steps;   /* steps the record holds at most                                 */
    ptrdiff_t block_steps;  /* steps whose coefficients are multiplied at once                 */
    ptrdiff_t steps_ahead;  /* steps made at once, at most                                     */
    ptrdiff_t coef_stride;  /* a row of coefficients, as wide as in a record row               */
    ptrdiff_t record_size, traces_size, work_size, nets_size, coefs_size; /* in numbers */

    /* Progress. */
    ptrdiff_t last_error; /* last step of the record with an error not yet in the gradient, or 0 */

    /* Buffers beside those of net. */
    pylstm_network *stream; /* (n_streams): each with its part of net's buffers           */
    ptrdiff_t *n_made;      /* (n_streams): steps made before one diverged                */
    int *has_error;         /* (n_streams): in the steps being collected                  */
    void *nets;             /* net inputs, (n_streams, row_stride); of few streams, (steps_ahead,
                               n_streams, row_stride)                                     */
    void *coefs;            /* (block_steps, n_streams, coef_stride) of the gradient */
    pylstm_team *team;      /* threads that help, or NULL                                 */

    /* The layers next to it, set by the caller, NULL where there is none; several layers are known
       by the top one. */
    struct pylstm_streams *below, *above;
} pylstm_streams;

/* One table per instruction set and precision; compare pylstm_table. The calls take the top layer.
   Rows of several streams are (n_streams, width). */
typedef struct pylstm_streams_table {
    /* Shares out the buffers among the streams of every layer; state and traces to zero. Once. */
    void (*prepare)(pylstm_streams *);
    /* chosen: (n_streams), nonzero for the streams to reset. */
    void (*reset)(pylstm_streams *, const unsigned char *chosen);
    int (*step)(pylstm_streams *, const void *x, void *y);
    int (*predict)(pylstm_streams *, const void *x, void *y);
    /* A row that starts with NaN is none; losses: (n_streams), NaN without target. */
    void (*learn)(pylstm_streams *, const void *targets, double *losses);
    void (*learn_from)(pylstm_streams *, const void *dy);
    void (*update)(pylstm_streams *);
    int (*check_weights)(const pylstm_streams *);
    /* X: (n_steps, n_streams, n_inputs), targets, Y: (n_steps, n_streams, n_outputs) */
    int (*run)(pylstm_streams *, ptrdiff_t n_steps, const void *X, const void *targets, void *Y,
               ptrdiff_t update_every, ptrdiff_t *done);
} pylstm_streams_table;

/* Fill in the layout of the top layer and those below, for its n_streams streams of networks of the
   owner's shapes; 0 as pylstm_network_layout. */
int pylstm_streams_layout(pylstm_streams *, const pylstm_network *owner);

#endif
