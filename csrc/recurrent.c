/* recurrent.c: where everything of a plain recurrent network lies; compare layout.c. */
#include "recurrent.h"

enum { LINE = PYLSTM_ALIGNMENT / sizeof(double) };

static ptrdiff_t whole_lines(ptrdiff_t count)
{
    return (count + LINE - 1) / LINE * LINE;
}

void pylstm_recurrent_layout(pylstm_recurrent *r)
{
    const ptrdiff_t units = whole_lines(r->n_units);
    r->n_sources = r->n_inputs + r->n_units + r->hidden_bias;
    r->n_out_sources =
        r->readout ? r->n_units + (r->shortcut ? r->n_inputs : 0) + r->output_bias : 0;
    r->n_weights = whole_lines(r->n_sources * r->n_units);
    r->at_output = r->n_weights;
    r->parameter_size = r->at_output + whole_lines(r->n_out_sources * r->n_outputs);
    r->at_a = whole_lines(r->n_inputs);
    r->at_slope = r->at_a + units;
    r->at_e = r->at_slope + units;
    r->at_coef = r->at_e + units;
    r->row_size = r->at_coef + units;
    r->work_net = 0;
    r->work_mix = units;
    r->work_dy = r->work_mix + whole_lines(r->n_units * r->n_units);
    r->work_size = r->work_dy + whole_lines(r->n_outputs);
}
