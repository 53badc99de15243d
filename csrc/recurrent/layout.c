/* layout.c: where everything of a plain recurrent network lies; compare layout.c. */
#include "recurrent/recurrent.h"

#include "network/sizes.h"

enum { LINE = PYLSTM_ALIGNMENT / sizeof(double) };

static ptrdiff_t whole_lines(ptrdiff_t count)
{
    return pylstm_whole(count, LINE);
}

int pylstm_recurrent_layout(pylstm_recurrent *r)
{
    if (!pylstm_is_size(r->n_inputs) || !pylstm_is_size(r->n_outputs) ||
        !pylstm_is_size(r->n_units))
        return 0;
    const ptrdiff_t units = whole_lines(r->n_units);
    r->n_sources = pylstm_sum(pylstm_sum(r->n_inputs, r->n_units), r->hidden_bias);
    r->n_out_sources = 0;
    if (r->readout)
        r->n_out_sources =
            pylstm_sum(pylstm_sum(r->n_units, r->shortcut ? r->n_inputs : 0), r->output_bias);
    r->n_weights = whole_lines(pylstm_product(r->n_sources, r->n_units));
    r->at_output = r->n_weights;
    r->parameter_size =
        pylstm_sum(r->at_output, whole_lines(pylstm_product(r->n_out_sources, r->n_outputs)));
    r->sensitivity_size = r->rtrl ? pylstm_product(pylstm_product(2, r->n_units), r->n_weights) : 0;
    r->at_a = whole_lines(r->n_inputs);
    r->at_slope = pylstm_sum(r->at_a, units);
    r->at_e = pylstm_sum(r->at_slope, units);
    r->at_coef = pylstm_sum(r->at_e, units);
    r->row_size = pylstm_sum(r->at_coef, units);
    r->work_net = 0;
    r->work_mix = units;
    r->work_dy = pylstm_sum(r->work_mix, whole_lines(pylstm_product(r->n_units, r->n_units)));
    r->work_size = pylstm_sum(r->work_dy, whole_lines(r->n_outputs));
    return r->parameter_size < PYLSTM_TOO_LARGE && r->sensitivity_size < PYLSTM_TOO_LARGE &&
           r->row_size < PYLSTM_TOO_LARGE && r->work_size < PYLSTM_TOO_LARGE;
}
