/* population.c: where everything of a group lies. Counts in, places out, all in lines. */
#include "population.h"

enum { CHUNK_NUMBERS = 256, LONGEST_CHUNK = 64 };

/* Reserve `count` lines at *end and return where they start. */
static ptrdiff_t reserve(ptrdiff_t *end, ptrdiff_t count)
{
    const ptrdiff_t start = *end;
    *end += count;
    return start;
}

static ptrdiff_t reserve_if(int present, ptrdiff_t *end, ptrdiff_t count)
{
    return present ? reserve(end, count) : -1;
}

static void layout_weights(pylstm_population *p)
{
    const pylstm_network *n = &p->shape;
    ptrdiff_t end = n->n_sources * n->n_rows;
    p->at_output = reserve(&end, n->n_out_sources * n->n_outputs);
    p->at_peephole_i = reserve_if(n->peepholes && n->input_gate, &end, n->n_cells);
    p->at_peephole_f = reserve_if(n->peepholes && n->forget_gate, &end, n->n_cells);
    p->at_peephole_o = reserve_if(n->peepholes && n->output_gate, &end, n->n_cells);
    p->parameter_lines = end;

    const ptrdiff_t pairs = n->n_cells * n->block_size;
    end = n->n_sources * n->n_traced;
    p->trace_peephole_i = reserve_if(p->at_peephole_i >= 0, &end, pairs);
    p->trace_peephole_f = reserve_if(p->at_peephole_f >= 0, &end, pairs);
    p->trace_lines = end;
}

static void layout_step(pylstm_population *p)
{
    const pylstm_network *n = &p->shape;
    ptrdiff_t end = 0;
    p->at_act = reserve(&end, n->n_rows);
    p->at_c = reserve(&end, n->n_cells);
    p->at_c_prev = reserve(&end, n->n_cells);
    p->at_q = reserve(&end, n->n_out_sources);
    p->at_z = reserve(&end, n->n_sources);
    p->at_hc = reserve(&end, n->n_cells);
    p->at_net_out = reserve(&end, n->n_outputs);
    p->at_y = reserve(&end, n->n_outputs);
    p->at_d = reserve(&end, n->n_traced);
    p->at_delta = reserve(&end, n->n_outputs);
    p->step_lines = end;
}

static void layout_work(pylstm_population *p)
{
    const pylstm_network *n = &p->shape;
    const ptrdiff_t steps = CHUNK_NUMBERS / (n->n_inputs + n->n_outputs);
    p->chunk_steps = steps < 1 ? 1 : steps > LONGEST_CHUNK ? LONGEST_CHUNK : steps;
    ptrdiff_t end = 0;
    p->work_step = reserve(&end, p->step_lines);
    p->work_net = reserve(&end, n->n_rows);
    p->work_z = reserve(&end, n->n_sources);
    p->work_delta = reserve(&end, n->n_outputs);
    p->work_e = reserve(&end, n->n_cells);
    p->work_eo = reserve(&end, n->n_blocks);
    p->work_x = reserve(&end, p->chunk_steps * n->n_inputs);
    p->work_t = reserve(&end, p->chunk_steps * n->n_outputs);
    p->work_y = reserve(&end, p->chunk_steps * n->n_outputs);
    p->work_lines = end;
}

void pylstm_population_layout(pylstm_population *p)
{
    pylstm_layout(&p->shape);
    p->lanes = PYLSTM_ALIGNMENT / (p->shape.precision == PYLSTM_FLOAT32 ? 4 : 8);
    p->n_groups = (p->n_nets + p->lanes - 1) / p->lanes;
    layout_weights(p);
    layout_step(p);
    layout_work(p);
}
