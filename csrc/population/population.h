/* population.h: many networks of one architecture, stepped together across SIMD lanes.

   A group is as many networks as a cache line has numbers (16 in float32, 8 in float64), and every
   number of a network becomes a line of that many numbers, one for each. So a weight is
   [source][row][lane], a trace [source][traced row][lane], and every operation of a step is one
   vector operation: no shuffles, no sums across a vector, no padding. Lanes of the last group
   beyond n_nets hold networks whose weights and rates are zero.

   Learning is eager: the traces are up to date after every step, or as soon as somebody needs them
   (`pending`); see population/learn.inc.

   A network has diverged when a net input of its outputs was not finite. That step counts, its
   outputs are NaN, and nothing is learned from it, nor done to the network, until a reset; so it is
   in a run and in the loop of its steps. Nobody looks at the weights meanwhile: one that is not
   finite shows in the outputs sooner or later, or does not matter. A reset looks at those of
   networks that have diverged, and they stay out unless all are finite. */
#ifndef PYLSTM_POPULATION_H
#define PYLSTM_POPULATION_H

#include "network/network.h"
#include "threads/team.h"

/* The numbers of a rule in the precision of the weights, a line each: those of a rule of
   network/optimizer.inc, and how the gradient is clipped. The caller sets them but for what an update
   fills in: see optimizer.inc. */
enum {
    PYLSTM_GAIN,
    PYLSTM_RATE,
    PYLSTM_FIRST_PART,
    PYLSTM_FIRST_GAIN,
    PYLSTM_SECOND_PART,
    PYLSTM_ROOT,
    PYLSTM_SMALLEST,
    PYLSTM_KEPT,
    PYLSTM_SHRINK,
    PYLSTM_LIMIT,
    PYLSTM_RULE_LINES
};

/* Where the networks of a group stand: bit l is lane l. */
typedef struct {
    uint32_t pending;   /* the traces do not have the last step yet                        */
    uint32_t learnable; /* the last step may still be learned from                         */
    uint32_t has_error; /* the last step has an error that nobody has used                 */
    uint32_t collected; /* the gradient buffer holds something                             */
    uint32_t diverged;  /* its outputs were not finite: left alone until a reset           */
} pylstm_group;

typedef struct {
    pylstm_shape shape;
    pylstm_layout layout; /* of one network alone: its sizes and rows count here, not its strides */

    ptrdiff_t n_nets;
    double scale_memory, scale_limit; /* of the scales, see network/scale.h */
    int rule; /* of all; PYLSTM_MOMENTUM as soon as one network has momentum */

    /* Layout: filled by pylstm_population_layout. Counts and places are in lines, for one group. */
    ptrdiff_t lanes, n_groups;
    /* W: (n_sources, n_rows) from 0 on; V: (n_out_sources, n_outputs), source-major like W;
       peepholes: (n_blocks, block_size), -1 where absent */
    ptrdiff_t at_output, at_peephole_i, at_peephole_f, at_peephole_o, parameter_lines;
    /* E: (n_sources, n_traced), a row being [i: n_cells | f: n_cells | g: n_cells] in the order of
       the cells; of peepholes: (n_blocks, block_size of sources, block_size) */
    ptrdiff_t trace_peephole_i, trace_peephole_f, trace_lines;
    /* The last step. state: activations (n_rows), c and c(t-1) (n_cells), q (n_out_sources); then
       z (n_sources), hc (n_cells), net_out and y (n_outputs), d (n_traced), delta (n_outputs) */
    ptrdiff_t at_act, at_c, at_c_prev, at_q;
    ptrdiff_t at_z, at_hc, at_net_out, at_y, at_d, at_delta, step_lines;
    /* Scratch: another step; net input and sources of the step to come; errors; inputs, targets and
       outputs of chunk_steps steps */
    ptrdiff_t work_step, work_net, work_z, work_delta, work_e, work_eo, work_x, work_t, work_y;
    ptrdiff_t work_lines, chunk_steps;

    /* Buffers, all zero to begin with: (n_groups, lines, lanes) each. */
    void *parameters, *gradient;
    void *moments[2];  /* as many as the rule has, in the order of network/optimizer.inc   */
    void *eligibility; /* parameter_lines: of the outputs, see reinforce; or NULL           */
    void *traces;
    void *steps;
    void *work;
    void *rules;          /* (n_groups, PYLSTM_RULE_LINES, lanes): see optimizer.inc      */
    void *record;         /* (n_groups, lines of the record, lanes)                       */
    pylstm_group *groups; /* (n_groups)                                                   */
    /* (n_groups) each: networks with descent and no more; those whose rule differs
       from update to update; of them those whose update must see the whole gradient first */
    uint32_t *plain, *varying, *whole;
    pylstm_optimizer *optimizers; /* (n_groups, lanes): what the caller sets of them      */
    int64_t *n_steps;             /* (n_groups, lanes): steps made                        */
    int64_t *n_collect;           /* (n_groups, lanes): steps since the last update       */
    int64_t *n_updates;           /* (n_groups, lanes): as in an optimizer, and error too */
    double *errors;
    double *input_scale, *target_scale; /* (n_groups, PYLSTM_STATISTICS, columns, lanes), or NULL */
    pylstm_team *team;                  /* threads that share the groups; may be NULL      */
    int busy;                           /* taken by a call                                 */
} pylstm_population;

enum { PYLSTM_RECORD_STEPS = 128 }; /* of a sequence, at most, between two backward scans */

/* Memory of a group while it goes through sequences: see population/sequences.inc. All in lines. */
typedef struct {
    /* A step, from the start of its row on. Inputs stand in z unless they are tokens; what the next
       step starts from lies in the row of that step already, where it has a place there. */
    ptrdiff_t n_sources;                    /* in z: all, or those behind the inputs             */
    ptrdiff_t first;                        /* the first of them                                 */
    ptrdiff_t at_c_prev, at_c, at_h;        /* (n_cells) each; z starts the row                  */
    ptrdiff_t at_i, at_f, at_o;             /* (n_blocks) each                                   */
    ptrdiff_t at_d, at_e, at_eo, at_delta;  /* (n_traced), (n_cells), (n_blocks), (n_outputs)    */
    ptrdiff_t row_lines, steps;             /* there is one more row than steps                  */
    ptrdiff_t rows, gradient, traces, coef; /* coef: (PYLSTM_SCAN_STEPS, n_traced)               */
    ptrdiff_t a, p, net, g, hc, net_out;    /* of one step                                       */
    ptrdiff_t targets, y;                   /* (steps, n_outputs)                                */
    ptrdiff_t tokens;                       /* (steps) lines of int32_t, with tokens             */
    ptrdiff_t lines;
} pylstm_record;

enum { PYLSTM_SCAN_STEPS = 16 };

/* Steps of streams one behind the other, as far as they have been drawn. */
typedef struct {
    const int32_t *tokens; /* (n_steps), or NULL and X                                          */
    const void *X;         /* (n_steps, n_inputs)                                               */
    const void *targets;   /* (n_steps, n_outputs); one that starts with NaN is none            */
    const uint8_t *marks;  /* (n_steps)                                                         */
    ptrdiff_t n_steps, at; /* at: the step to come                                              */
} pylstm_tape;

/* Marks of a step: a stream may begin with it; the network is reset before it; with it ends a part,
   which are what is counted. */
enum { PYLSTM_BEGINS = 1, PYLSTM_RESETS = 2, PYLSTM_ENDS = 4 };

/* The way of a network through streams, see population/courses.inc. */
typedef struct {
    pylstm_tape tapes[2]; /* to learn from, and to answer                                       */
    ptrdiff_t most[2];    /* parts of a stream, at most                                         */
    int answering, begun; /* which tape it is on; whether within a stream                       */
    ptrdiff_t n_parts;    /* of this stream, right so far                                       */
    int64_t *lengths;     /* (room): parts of the streams that have ended                       */
    ptrdiff_t n_ended, room;
    int done; /* it waits for what is wanted of it next                                          */
} pylstm_course;

/* What a call brings. Networks that take part are those with a place in its arrays. */
typedef struct {
    const ptrdiff_t *place; /* (n_groups, lanes): row of a network in the arrays, or -1 */
    ptrdiff_t n_steps;
    const void *X;        /* (rows, n_steps, n_inputs); of float64 where inputs are scaled      */
    const void *targets;  /* (rows, n_steps, n_outputs), or NULL; one that starts with NaN is none;
                            of float64 where targets are scaled; learn_from: dL/dy             */
    ptrdiff_t x_stride;   /* numbers from one row of X to the next, 0 when all share one        */
    ptrdiff_t t_stride;   /* the same of targets                                                */
    int all_targets;      /* no target is NaN                                                   */
    ptrdiff_t every;      /* the weights change every so many steps; PYLSTM_UPDATE_AT_END       */
    void *Y;              /* (rows, n_steps, n_outputs)                                         */
    double *losses;       /* (rows)                                                             */
    double decay;         /* trace_from: of the eligibility trace                               */
    const double *errors; /* (rows): reinforce                                                 */

    /* run_sequences: every row is n_sequences sequences one after the other, then padding. */
    const int32_t *tokens;    /* (rows, n_steps), or NULL and X; x_stride is its stride then   */
    ptrdiff_t n_sequences;    /* of each row                                                   */
    const ptrdiff_t *lengths; /* (rows, n_sequences), at least 1 each                          */
    ptrdiff_t l_stride;       /* from one row of lengths to the next, 0 when all share one     */
    int last;                 /* targets and Y: (rows, n_sequences, n_outputs), of last steps  */

    pylstm_course *courses; /* (n_groups, lanes): run_courses                                  */
    double tolerance;       /* an output that is so far from its target is wrong               */
} pylstm_population_call;

/* The population level, one table per instruction set and precision. Each does one verb for the
   networks that take part; the rest keep every bit. */
typedef struct pylstm_population_table {
    void (*run)(pylstm_population *, const pylstm_population_call *);
    void (*predict)(pylstm_population *, const pylstm_population_call *);
    void (*learn)(pylstm_population *, const pylstm_population_call *);
    void (*learn_from)(pylstm_population *, const pylstm_population_call *);
    /* As of a network: an eligibility trace of the outputs, and a change of the weights by it. */
    void (*trace_from)(pylstm_population *, const pylstm_population_call *);
    void (*reinforce)(pylstm_population *, const pylstm_population_call *);
    void (*update)(pylstm_population *, const pylstm_population_call *);
    void (*reset)(pylstm_population *, const pylstm_population_call *);
    /* Bring the traces, and the gradient where there are errors, up to the last step. */
    void (*settle)(pylstm_population *, const pylstm_population_call *);
    /* A reset, a run, a reset, a run, ... and a reset. */
    void (*run_sequences)(pylstm_population *, const pylstm_population_call *);
    /* Networks go through streams of their own, to where one of a group cannot go on. */
    void (*run_courses)(pylstm_population *, const pylstm_population_call *);
} pylstm_population_table;

/* Fill in the layout from the shape and n_nets; 0 as pylstm_network_layout. */
int pylstm_population_layout(pylstm_population *);

/* Fill in the layout of a record; tokens: whether inputs are. 0 as pylstm_network_layout. */
int pylstm_record_layout(const pylstm_population *, int tokens, pylstm_record *);

#endif
