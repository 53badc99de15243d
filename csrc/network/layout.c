/* layout.c: where everything lies. Shapes in, offsets and strides out; no arithmetic on data.

   Every vector starts on a cache line and is padded to whole lines plus one, because a kernel may
   write a whole vector where only the start of it counts and let the next segment overwrite the
   rest (see segments in factors.inc). Padding is zero and stays zero.

   Sizes that would overflow stop at a limit: see sizes.h. */
#include "network/network.h"
#include "network/sizes.h"

enum { RECORD_NUMBERS = 1 << 20, MIN_RECORD = 16, MAX_RECORD = 1024 };
enum { SENSITIVITY_LINES = 16 };

static ptrdiff_t lanes(const pylstm_network *n)
{
    return PYLSTM_ALIGNMENT / (n->precision == PYLSTM_FLOAT32 ? 4 : 8);
}

static ptrdiff_t padded(const pylstm_network *n, ptrdiff_t count)
{
    return pylstm_whole(count, lanes(n));
}

/* Vectors over cells and over the readout's sources come in quads: see FOR_QUADS in real.inc. */
static ptrdiff_t quads(ptrdiff_t count)
{
    return pylstm_whole(count, 4);
}

/* Reserve `count` numbers at *end, with a spare cache line, and return where they start. */
static ptrdiff_t reserve(const pylstm_network *n, ptrdiff_t *end, ptrdiff_t count)
{
    const ptrdiff_t start = *end;
    *end = pylstm_sum(*end, pylstm_sum(padded(n, count), lanes(n)));
    return start;
}

/* Start of a segment of `count` rows, or -1 when its gate is absent. */
static ptrdiff_t segment(ptrdiff_t *end, int present, ptrdiff_t count)
{
    const ptrdiff_t start = *end;
    if (!present)
        return -1;
    *end = pylstm_sum(*end, count);
    return start;
}

static void layout_rows(pylstm_network *n)
{
    const int n_gates = !!n->input_gate + !!n->forget_gate + !!n->output_gate;
    n->n_cells = pylstm_product(n->n_blocks, n->block_size);
    n->n_sources = pylstm_sum(n->n_inputs, n->hidden_bias != PYLSTM_BIAS_NONE);
    if (n->cell_recurrence)
        n->n_sources = pylstm_sum(n->n_sources, n->n_cells);
    if (n->gate_recurrence)
        n->n_sources = pylstm_sum(n->n_sources, pylstm_product(n_gates, n->n_blocks));
    n->n_out_sources = pylstm_sum(n->n_cells, n->output_bias ? 1 : 0);
    if (n->shortcut)
        n->n_out_sources = pylstm_sum(n->n_out_sources, n->n_inputs);
    const ptrdiff_t n_weights =
        pylstm_product(pylstm_product(n->n_sources, n->n_cells), n_gates + 1);
    n->large = n->block_size == 1 && n_weights >= n->large_from;
    n->lazy =
        n->large && n->method == PYLSTM_TRUNCATED && n_weights / PYLSTM_LAZY_TIMES >= n->large_from;
    const ptrdiff_t gate = n->large ? padded(n, n->n_blocks) : n->n_blocks;
    const ptrdiff_t cells = n->large ? padded(n, n->n_cells) : n->n_cells;
    n->n_rows = 0;
    n->row_i = segment(&n->n_rows, n->input_gate, gate);
    n->row_f = segment(&n->n_rows, n->forget_gate, gate);
    n->row_g = segment(&n->n_rows, 1, cells);
    n->row_o = segment(&n->n_rows, n->output_gate, gate);
    n->n_traced = 0;
    n->trace_i = segment(&n->n_traced, n->input_gate, cells);
    n->trace_f = segment(&n->n_traced, n->forget_gate, cells);
    n->trace_g = segment(&n->n_traced, 1, cells);
    n->row_stride = padded(n, n->n_rows);
    n->trace_stride = padded(n, n->n_traced);
    n->panel_rows = n->large ? cells : n->row_stride;
    n->panel_traced = n->large ? cells : n->trace_stride;
    n->n_panels = n->row_stride / n->panel_rows;
    n->n_traced_panels = n->trace_stride / n->panel_traced;
    n->cell_stride = quads(n->n_cells);
    n->out_stride = quads(n->n_out_sources);
}

/* Panels of W^T are what threads share in the scan, and as wide as net_input likes them. */
static void layout_back(pylstm_network *n)
{
    enum { PANEL_LINES = 4 };
    const ptrdiff_t panel = PANEL_LINES * lanes(n);
    n->n_back = n->n_sources - n->n_inputs - (n->hidden_bias != PYLSTM_BIAS_NONE);
    n->back_stride = n->method == PYLSTM_BPTT ? padded(n, n->n_back) : 0;
    if (n->large)
        n->back_stride = pylstm_whole(n->back_stride, panel);
    n->back_panel = n->large ? panel : n->back_stride;
    n->n_back_panels = n->back_stride > 0 ? n->back_stride / n->back_panel : 0;
    n->back_size = pylstm_product(n->row_stride, n->back_stride);
}

static void layout_buffers(pylstm_network *n)
{
    ptrdiff_t end = pylstm_product(n->n_sources, n->row_stride);
    n->at_output = end;
    n->readout_size = padded(n, pylstm_product(n->n_outputs, n->out_stride));
    end = pylstm_sum(end, n->readout_size);
    n->at_peephole_i = n->at_peephole_f = n->at_peephole_o = -1;
    if (n->peepholes && n->input_gate)
        n->at_peephole_i = reserve(n, &end, n->n_cells);
    if (n->peepholes && n->forget_gate)
        n->at_peephole_f = reserve(n, &end, n->n_cells);
    if (n->peepholes && n->output_gate)
        n->at_peephole_o = reserve(n, &end, n->n_cells);
    n->parameter_size = end;

    const ptrdiff_t pairs = pylstm_product(n->block_size, n->cell_stride);
    end = pylstm_product(n->n_sources, n->trace_stride);
    n->trace_peephole_i = n->trace_peephole_f = -1;
    if (n->at_peephole_i >= 0)
        n->trace_peephole_i = reserve(n, &end, pairs);
    if (n->at_peephole_f >= 0)
        n->trace_peephole_f = reserve(n, &end, pairs);
    n->trace_size = n->method == PYLSTM_TRUNCATED ? end : 0;
}

/* Twice the window, so that a step moves one row of the record on average. */
ptrdiff_t pylstm_longest_window(ptrdiff_t window)
{
    if (window == 0)
        return PTRDIFF_MAX;
    return window < MIN_RECORD / 2 ? MIN_RECORD : pylstm_product(2, window);
}

static void layout_record(pylstm_network *n)
{
    const ptrdiff_t longest = n->row_stride > n->trace_stride ? n->row_stride : n->trace_stride;
    ptrdiff_t end = 0;
    n->at_act = reserve(n, &end, n->n_rows);
    n->at_c = reserve(n, &end, n->n_cells);
    n->at_q = reserve(n, &end, n->n_out_sources);
    n->state_size = pylstm_sum(n->at_q, padded(n, n->n_cells));
    n->at_z = reserve(n, &end, n->n_sources);
    n->at_gates = reserve(n, &end, pylstm_product(3, n->cell_stride));
    n->at_hc = reserve(n, &end, n->n_cells);
    n->at_net_out = reserve(n, &end, n->n_outputs);
    n->at_y = reserve(n, &end, n->n_outputs);
    n->at_has_error = reserve(n, &end, 1);
    n->at_delta = reserve(n, &end, n->n_outputs);
    n->at_e = reserve(n, &end, n->n_cells);
    n->at_eo = reserve(n, &end, n->n_cells);
    n->at_coef = reserve(n, &end, longest);
    n->at_trace_coef = reserve(n, &end, n->method == PYLSTM_TRUNCATED ? n->n_traced : 0);
    n->record_stride = end;
    ptrdiff_t rows = RECORD_NUMBERS / end;
    rows = rows < MIN_RECORD ? MIN_RECORD : rows > MAX_RECORD ? MAX_RECORD : rows;
    n->most_pending = n->method == PYLSTM_BPTT ? pylstm_longest_window(n->window) : rows;
    n->record_rows = (n->method == PYLSTM_TRUNCATED ? rows : MIN_RECORD) + 2;
}

/* Blocks of columns as wide as the cache takes them, all alike. */
static void layout_sensitivities(pylstm_network *n)
{
    const int n_gates = !!n->input_gate + !!n->forget_gate + !!n->output_gate;
    const ptrdiff_t lines = (n->parameter_size - n->readout_size) / lanes(n);
    const ptrdiff_t gates = n->gate_recurrence ? pylstm_product(n_gates, n->n_blocks) : 0;
    n->n_carried = pylstm_sum(pylstm_product(2, n->n_cells), gates);
    n->column_blocks = (lines + SENSITIVITY_LINES - 1) / SENSITIVITY_LINES;
    n->block_columns = (lines + n->column_blocks - 1) / n->column_blocks * lanes(n);
    n->column_shares = n->column_blocks < PYLSTM_SHARES ? n->column_blocks : PYLSTM_SHARES;
    n->sensitivity_size =
        pylstm_product(pylstm_product(n->column_blocks, n->n_carried), n->block_columns);
}

static void layout_work(pylstm_network *n)
{
    const ptrdiff_t longest = n->row_stride > n->trace_stride ? n->row_stride : n->trace_stride;
    ptrdiff_t end = 0;
    n->work_net = reserve(n, &end, n->n_rows);
    n->work_z = reserve(n, &end, n->n_sources);
    n->work_slope = reserve(n, &end, n->n_rows);
    n->work_a = reserve(n, &end, n->n_rows);
    n->work_b = reserve(n, &end, n->n_rows);
    n->work_linear = reserve(n, &end, n->n_rows);
    n->work_valid = reserve(n, &end, n->n_cells);
    n->work_keep = reserve(n, &end, n->n_cells);
    n->work_after = reserve(n, &end, n->n_cells);
    n->work_f = reserve(n, &end, longest);
    n->work_d = reserve(n, &end, longest);
    n->work_e = reserve(n, &end, longest);
    n->work_u = reserve(n, &end, longest);
    n->work_cell = reserve(n, &end, pylstm_product(3, n->cell_stride));
    n->work_delta = reserve(n, &end, n->n_outputs);
    n->work_flow = reserve(n, &end, n->back_stride);
    if (n->method == PYLSTM_RTRL) {
        n->work_sensitivity = reserve(n, &end, pylstm_product(9, n->cell_stride));
        n->work_net_sensitivity = reserve(
            n, &end, pylstm_product(pylstm_product(n->column_shares, n->n_rows), n->block_columns));
    }
    n->work_size = end;
}

int pylstm_layout(pylstm_network *n)
{
    if (!pylstm_is_size(n->n_inputs) || !pylstm_is_size(n->n_outputs) ||
        !pylstm_is_size(n->n_blocks) || !pylstm_is_size(n->block_size))
        return 0;
    n->most_f = 1 - n->leak;
    n->bend_f = -1 / n->most_f;
    layout_rows(n);
    layout_back(n);
    layout_buffers(n);
    if (n->parameter_size >= PYLSTM_TOO_LARGE)
        return 0;
    layout_record(n);
    if (n->method == PYLSTM_RTRL)
        layout_sensitivities(n);
    layout_work(n);
    return n->trace_size < PYLSTM_TOO_LARGE && n->back_size < PYLSTM_TOO_LARGE &&
           pylstm_product(n->record_rows, n->record_stride) < PYLSTM_TOO_LARGE &&
           n->sensitivity_size < PYLSTM_TOO_LARGE && n->work_size < PYLSTM_TOO_LARGE;
}
