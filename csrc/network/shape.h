/* shape.h: what a network is to be. The caller sets it, once, before anything else is made of it. */
#ifndef PYLSTM_SHAPE_H
#define PYLSTM_SHAPE_H

#include <stddef.h>

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
enum pylstm_precision { PYLSTM_FLOAT32, PYLSTM_FLOAT64 };
enum pylstm_method { PYLSTM_TRUNCATED, PYLSTM_BPTT, PYLSTM_RTRL }; /* whose gradient is followed */

/* Some of the outputs, with a squashing and a loss of their own; one head follows the other. */
typedef struct {
    ptrdiff_t from, n_outputs; /* the first of them, and how many */
    int output, loss;
    double weight; /* of its loss in that of the network */
} pylstm_head;

typedef struct {
    ptrdiff_t n_inputs, n_outputs, n_blocks, block_size;
    ptrdiff_t n_units;                        /* ordinary units beside the blocks; one of the two
                                                 may be 0                                          */
    int input_gate, forget_gate, output_gate; /* 0: absent, constantly 1; f: 1 - leak */
    double leak;                              /* the part of c no forget gate keeps: see math.inc */
    int peepholes, gate_recurrence, cell_recurrence, shortcut, hidden_bias, output_bias;
    int cell_input, cell_output, unit, output, loss, precision;
    const pylstm_head *heads; /* n_heads of them; without any, `output` and `loss` are of all */
    ptrdiff_t n_heads;
    int method;
    ptrdiff_t window;     /* steps an error goes back, with PYLSTM_BPTT; 0: to the last reset    */
    int cut;              /* with PYLSTM_BPTT: the truncated gradient, from a record of all steps */
    ptrdiff_t large_from; /* weights of the hidden layer from which on it is large: see layout.h */
    /* Of a layer of several, see stack.inc. */
    ptrdiff_t n_below; /* its first inputs: h and u of the layer below; 0: of none          */
    int has_above;     /* a layer reads its h and u: it may have no outputs                 */
    int bidirectional; /* n_below: of the two networks below, one behind the other          */
} pylstm_shape;

/* The table by which a caller fills a shape from values with names. */
enum pylstm_kind { PYLSTM_SIZE, PYLSTM_FLAG, PYLSTM_NUMBER }; /* ptrdiff_t; int; double */
typedef struct {
    const char *name;
    size_t offset; /* in pylstm_shape */
    enum pylstm_kind kind;
} pylstm_field;

extern const pylstm_field pylstm_fields[]; /* ends with a NULL name */

#endif
