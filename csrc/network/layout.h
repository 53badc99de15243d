/* layout.h: where everything of a network lies. Computed from the shape by pylstm_network_layout;
   nobody else writes it. */
#ifndef PYLSTM_LAYOUT_H
#define PYLSTM_LAYOUT_H

#include <stddef.h>

#include "network/shape.h"

enum { PYLSTM_ALIGNMENT = 64 };
enum {
    PYLSTM_LAZY_BELOW = 8, /* measured, float32: lazy leads from 56,000 to 222,000 weights,    */
    PYLSTM_LAZY_FROM = 64  /* eager from 390,000 to 1.6 million, lazy at 6.3                   */
};
enum { PYLSTM_SHARES = 8 }; /* of the sensitivities at most: see rtrl.inc */

typedef struct {
    /* Counts are in numbers; rows of W and E are whole cache lines, vectors over cells and rows of V
       whole quads.

       A row of W is [i: n_blocks | f: n_blocks | g: n_cells | o: n_blocks | u: n_units];
       row_* is where each starts, -1 where a gate is absent. What the layer says is [h; u], of
       n_hidden numbers.

       A row of E is [i: n_cells | f: n_cells | g: n_cells],
       in i and f with the cell's place in its block slowest: cells fold by whole segments;
       trace_* is where each starts, -1 where absent.

       W and E are stored as panels, one behind the other, each (n_sources, panel_rows). A large
       network, which must have one cell a block and no units, has a panel for every gate, its
       segments whole cache lines; every other has a single one. Panels are what threads
       share: the memory of each is its own, so that no processor fetches ahead into what another is
       writing. Below PYLSTM_LAZY_BELOW times as many weights as make a network large, half as many
       in float64, W and E are in a processor's own cache, and from PYLSTM_LAZY_FROM times on beyond
       the last: there it also writes them lazily where it can, see lazy.inc. */
    int large, lazy;
    double most_f, bend_f; /* f = most_f logistic(net), f' = f + bend_f f^2: see math.inc */
    ptrdiff_t n_cells, n_hidden, n_sources, n_out_sources, n_rows, n_traced;
    ptrdiff_t row_i, row_f, row_g, row_o, row_u;
    ptrdiff_t trace_i, trace_f, trace_g;
    ptrdiff_t n_panels, panel_rows;          /* of W; n_panels * panel_rows = row_stride     */
    ptrdiff_t n_traced_panels, panel_traced; /* of E; likewise trace_stride; the first of W's */
    ptrdiff_t cell_stride;                   /* a vector over cells                     */
    ptrdiff_t hidden_stride;                 /* a vector over cells and units           */
    ptrdiff_t row_stride;                    /* a vector over the rows of W             */
    ptrdiff_t trace_stride;                  /* a vector over the rows of E             */
    ptrdiff_t out_stride;                    /* V: (n_outputs, out_stride)              */
    ptrdiff_t at_output, readout_size;       /* V in the parameters                     */
    ptrdiff_t at_peephole_i, at_peephole_f, at_peephole_o; /* (cell_stride) each */
    ptrdiff_t trace_peephole_i, trace_peephole_f; /* (block_size, cell_stride), in the traces */

    /* The recurrent sources, and W^T of them with PYLSTM_BPTT: panels one behind the other, each
       (row_stride, back_panel). */
    ptrdiff_t n_back, n_back_panels, back_panel;
    ptrdiff_t back_stride;            /* n_back_panels * back_panel; 0 with another method */
    ptrdiff_t at_below, below_stride; /* likewise of the layer below: (row_stride, below_stride) */
    ptrdiff_t below_part;             /* columns of each network of it                           */
    ptrdiff_t back_size;

    /* Record of the steps since the traces were last settled: row 0 is the state before them, rows
       1..n_pending are the steps, one more row is spare for predictions. With PYLSTM_BPTT the steps
       an error may reach. The caller makes room for them before a call, the record never holding
       more than most_pending. Fields of a row: */
    ptrdiff_t record_rows, record_width, most_pending; /* rows to begin with, numbers of a row */
    ptrdiff_t at_act, at_c, at_q;                      /* the state: activations, c, [h; u; x; 1] */
    ptrdiff_t at_z, at_gates, at_hc, at_net_out, at_y; /* the rest of the forward pass         */
    ptrdiff_t at_has_error, at_delta, at_e, at_eo;     /* dL/dnet of y, dL/dc, dL/dnet of o    */
    ptrdiff_t at_eu;                                   /* dL/dnet of u, behind e               */
    ptrdiff_t at_coef, at_trace_coef;                  /* rows over W and E, see lazy.inc      */
    ptrdiff_t at_given;                                /* dL/d[h; u], by the layer above       */
    ptrdiff_t at_down;                                 /* row over W for the one below         */
    ptrdiff_t state_size;                              /* at_act .. the end of [h; u]          */

    /* Sensitivities, with PYLSTM_RTRL only: see rtrl.inc. */
    ptrdiff_t n_carried;                    /* numbers of the state                     */
    ptrdiff_t column_blocks, block_columns; /* of the hidden weights                    */
    ptrdiff_t column_shares;                /* of the blocks, one a thread              */
    ptrdiff_t sensitivity_size;

    ptrdiff_t parameter_size, trace_size, work_size; /* buffer sizes, in numbers; no traces but
                                                        with PYLSTM_TRUNCATED                 */
    /* Constants, the first of `work`. */
    ptrdiff_t constant_slope, constant_a, constant_b, constant_linear; /* squash, one a row of W */
    ptrdiff_t constant_valid; /* 1 for a cell, 0 for padding      */
    ptrdiff_t constant_keep;  /* f where no gate is: 1 - leak     */
    ptrdiff_t constant_after; /* what follows the cells in q      */
    /* Scratch in `work`. */
    ptrdiff_t work_net, work_z;                       /* of the step to come             */
    ptrdiff_t work_f, work_d, work_e, work_u;         /* rows over the traces, over W     */
    ptrdiff_t work_cell;                              /* three vectors over cells and units */
    ptrdiff_t work_delta;                             /* an error at the outputs          */
    ptrdiff_t work_input, work_down;                  /* what comes in, goes down: stack.inc  */
    ptrdiff_t work_flow;                              /* at the recurrent sources: bptt.inc */
    ptrdiff_t work_sensitivity, work_net_sensitivity; /* factors of a step; N, one a share */
} pylstm_layout;

/* 0 when a size is below 1 or some buffer would be larger than any memory: then what is filled in
   is of no use. */
int pylstm_network_layout(const pylstm_shape *, pylstm_layout *);

/* How many steps a record holds that errors go back in over `window` steps, at most. */
ptrdiff_t pylstm_longest_window(ptrdiff_t window);

#endif
