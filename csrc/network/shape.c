/* shape.c: the fields of a shape by their names, but for those that are derived from others. */
#include "network/shape.h"

#define FIELD(kind, name) {#name, offsetof(pylstm_shape, name), kind}

const pylstm_field pylstm_fields[] = {
    FIELD(PYLSTM_SIZE, n_inputs),
    FIELD(PYLSTM_SIZE, n_outputs),
    FIELD(PYLSTM_SIZE, n_blocks),
    FIELD(PYLSTM_SIZE, block_size),
    FIELD(PYLSTM_SIZE, n_units),
    FIELD(PYLSTM_FLAG, input_gate),
    FIELD(PYLSTM_FLAG, forget_gate),
    FIELD(PYLSTM_FLAG, output_gate),
    FIELD(PYLSTM_NUMBER, leak),
    FIELD(PYLSTM_FLAG, peepholes),
    FIELD(PYLSTM_FLAG, gate_recurrence),
    FIELD(PYLSTM_FLAG, cell_recurrence),
    FIELD(PYLSTM_FLAG, shortcut),
    FIELD(PYLSTM_FLAG, hidden_bias),
    FIELD(PYLSTM_FLAG, output_bias),
    FIELD(PYLSTM_FLAG, cell_input),
    FIELD(PYLSTM_FLAG, cell_output),
    FIELD(PYLSTM_FLAG, unit),
    FIELD(PYLSTM_FLAG, output),
    FIELD(PYLSTM_FLAG, loss),
    {NULL, 0, PYLSTM_SIZE},
};
