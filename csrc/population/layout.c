/* layout.c: where everything of a group lies. Counts in, places out, all in lines. */
#include "population/population.h"

#include "network/sizes.h"

enum { CHUNK_NUMBERS = 256, LONGEST_CHUNK = 64, RECORD_BYTES = 1 << 18 /* half a cache */ };

/* Reserve `count` lines at *end and return where they start. */
static ptrdiff_t reserve(ptrdiff_t *end, ptrdiff_t count)
{
    const ptrdiff_t start = *end;
    *end = pylstm_sum(*end, count);
    return start;
}

static ptrdiff_t reserve_if(int present, ptrdiff_t *end, ptrdiff_t count)
{
    return present ? reserve(end, count) : -1;
}

static void layout_weights(pylstm_population *p)
{
    ptrdiff_t end = pylstm_product(p->layout.n_sources, p->layout.n_rows);
    p->at_output = reserve(&end, pylstm_product(p->layout.n_out_sources, p->shape.n_outputs));
    p->at_peephole_i =
        reserve_if(p->shape.peepholes && p->shape.input_gate, &end, p->layout.n_cells);
    p->at_peephole_f =
        reserve_if(p->shape.peepholes && p->shape.forget_gate, &end, p->layout.n_cells);
    p->at_peephole_o =
        reserve_if(p->shape.peepholes && p->shape.output_gate, &end, p->layout.n_cells);
    p->parameter_lines = end;

    const ptrdiff_t pairs = pylstm_product(p->layout.n_cells, p->shape.block_size);
    end = pylstm_product(p->layout.n_sources, p->layout.n_traced);
    p->trace_peephole_i = reserve_if(p->at_peephole_i >= 0, &end, pairs);
    p->trace_peephole_f = reserve_if(p->at_peephole_f >= 0, &end, pairs);
    p->trace_lines = end;
}

static void layout_step(pylstm_population *p)
{
    ptrdiff_t end = 0;
    p->at_act = reserve(&end, p->layout.n_rows);
    p->at_c = reserve(&end, p->layout.n_cells);
    p->at_c_prev = reserve(&end, p->layout.n_cells);
    p->at_q = reserve(&end, p->layout.n_out_sources);
    p->at_z = reserve(&end, p->layout.n_sources);
    p->at_hc = reserve(&end, p->layout.n_cells);
    p->at_net_out = reserve(&end, p->shape.n_outputs);
    p->at_y = reserve(&end, p->shape.n_outputs);
    p->at_d = reserve(&end, p->layout.n_traced);
    p->at_delta = reserve(&end, p->shape.n_outputs);
    p->step_lines = end;
}

static void layout_work(pylstm_population *p)
{
    const ptrdiff_t steps = CHUNK_NUMBERS / pylstm_sum(p->shape.n_inputs, p->shape.n_outputs);
    p->chunk_steps = steps < 1 ? 1 : steps > LONGEST_CHUNK ? LONGEST_CHUNK : steps;
    ptrdiff_t end = 0;
    p->work_step = reserve(&end, p->step_lines);
    p->work_net = reserve(&end, p->layout.n_rows);
    p->work_z = reserve(&end, p->layout.n_sources);
    p->work_delta = reserve(&end, p->shape.n_outputs);
    p->work_e = reserve(&end, p->layout.n_cells);
    p->work_eo = reserve(&end, p->shape.n_blocks);
    p->work_x = reserve(&end, pylstm_product(p->chunk_steps, p->shape.n_inputs));
    p->work_t = reserve(&end, pylstm_product(p->chunk_steps, p->shape.n_outputs));
    p->work_y = reserve(&end, pylstm_product(p->chunk_steps, p->shape.n_outputs));
    p->work_lines = end;
}

/* Whether so many lines for each group are fewer numbers than memory ever holds. */
static int fits(const pylstm_population *p, ptrdiff_t lines)
{
    const ptrdiff_t numbers = pylstm_product(pylstm_product(lines, p->lanes), p->n_groups);
    return numbers < PYLSTM_TOO_LARGE;
}

int pylstm_population_layout(pylstm_population *p)
{
    if (!pylstm_is_size(p->n_nets) || !pylstm_network_layout(&p->shape, &p->layout))
        return 0;
    p->lanes = PYLSTM_ALIGNMENT / (p->shape.precision == PYLSTM_FLOAT32 ? 4 : 8);
    p->n_groups = pylstm_whole(p->n_nets, p->lanes) / p->lanes;
    layout_weights(p);
    layout_step(p);
    layout_work(p);
    return fits(p, p->parameter_lines) && fits(p, p->trace_lines) && fits(p, p->step_lines) &&
           fits(p, p->work_lines);
}

static void layout_row(const pylstm_population *p, int tokens, pylstm_record *r)
{
    r->first = tokens ? p->shape.n_inputs : 0;
    r->n_sources = p->layout.n_sources - r->first;
    ptrdiff_t end = r->n_sources;
    r->at_c_prev = reserve(&end, p->layout.n_cells);
    r->at_h = reserve_if(!p->shape.cell_recurrence, &end, p->layout.n_cells);
    const ptrdiff_t n_gates =
        (p->layout.row_i >= 0) + (p->layout.row_f >= 0) + (p->layout.row_o >= 0);
    ptrdiff_t gates =
        reserve_if(!p->shape.gate_recurrence, &end, pylstm_product(n_gates, p->shape.n_blocks));
    r->at_d = reserve(&end, p->layout.n_traced);
    r->at_e = reserve(&end, p->layout.n_cells);
    r->at_eo = reserve(&end, p->shape.n_blocks);
    r->at_delta = reserve(&end, p->shape.n_outputs);
    r->row_lines = end | 1; /* odd: steps do not compete for the same places of a cache */
    /* in the next row */
    const ptrdiff_t own = r->row_lines + p->shape.n_inputs - r->first;
    r->at_c = r->row_lines + r->at_c_prev;
    if (p->shape.cell_recurrence)
        r->at_h = own;
    if (p->shape.gate_recurrence)
        gates = own + (p->shape.cell_recurrence ? p->layout.n_cells : 0);
    r->at_i = reserve_if(p->layout.row_i >= 0, &gates, p->shape.n_blocks);
    r->at_f = reserve_if(p->layout.row_f >= 0, &gates, p->shape.n_blocks);
    r->at_o = reserve_if(p->layout.row_o >= 0, &gates, p->shape.n_blocks);
}

int pylstm_record_layout(const pylstm_population *p, int tokens, pylstm_record *r)
{
    layout_row(p, tokens, r);
    const ptrdiff_t steps = RECORD_BYTES / PYLSTM_ALIGNMENT / r->row_lines;
    r->steps = steps < 1 ? 1 : steps > PYLSTM_RECORD_STEPS ? PYLSTM_RECORD_STEPS : steps;
    ptrdiff_t end = 0;
    r->rows = reserve(&end, pylstm_product(r->steps + 1, r->row_lines));
    r->gradient = reserve(&end, p->parameter_lines);
    r->traces = reserve(&end, p->trace_lines);
    r->coef = reserve(&end, pylstm_product(PYLSTM_SCAN_STEPS, p->layout.n_traced));
    r->a = reserve(&end, p->layout.n_cells);
    r->p = reserve(&end, p->layout.n_cells);
    r->net = reserve(&end, p->layout.n_rows);
    r->g = reserve(&end, p->layout.n_cells);
    r->hc = reserve(&end, p->layout.n_cells);
    r->net_out = reserve(&end, p->shape.n_outputs);
    r->targets = reserve(&end, pylstm_product(r->steps, p->shape.n_outputs));
    r->y = reserve(&end, pylstm_product(r->steps, p->shape.n_outputs));
    r->tokens = reserve_if(tokens, &end, r->steps);
    r->lines = end;
    return fits(p, end);
}
