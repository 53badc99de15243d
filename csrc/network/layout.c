/* layout.c: where everything lies. A shape in, offsets and strides out; no arithmetic on data.

   Every vector starts on a cache line and is padded to whole lines plus one, because a kernel may
   write a whole vector where only the start of it counts and let the next segment overwrite the
   rest (see segments in factors.inc). Padding is zero and stays zero.

   Sizes that would overflow stop at a limit: see sizes.h. */
#include "network/layout.h"

#include <string.h>

#include "network/sizes.h"

enum { RECORD_NUMBERS = 1 << 20, FIRST_RECORD = 2, MIN_RECORD = 16, MAX_RECORD = 1024 };
enum { SENSITIVITY_LINES = 16 };

static ptrdiff_t lanes(const pylstm_shape *s)
{
    return PYLSTM_ALIGNMENT / (s->precision == PYLSTM_FLOAT32 ? 4 : 8);
}

static ptrdiff_t padded(const pylstm_shape *s, ptrdiff_t count)
{
    return pylstm_whole(count, lanes(s));
}

/* Vectors over cells and over the readout's sources come in quads: see FOR_QUADS in real.inc. */
static ptrdiff_t quads(ptrdiff_t count)
{
    return pylstm_whole(count, 4);
}

/* Reserve `count` numbers at *end, with a spare cache line, and return where they start. */
static ptrdiff_t reserve(const pylstm_shape *s, ptrdiff_t *end, ptrdiff_t count)
{
    const ptrdiff_t start = *end;
    *end = pylstm_sum(*end, pylstm_sum(padded(s, count), lanes(s)));
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

/* Without blocks there are no gates. */
static int has_gate(const pylstm_shape *s, int gate)
{
    return gate && s->n_blocks > 0;
}

static void layout_rows(const pylstm_shape *s, pylstm_layout *l)
{
    const int has_i = has_gate(s, s->input_gate), has_f = has_gate(s, s->forget_gate);
    const int has_o = has_gate(s, s->output_gate), n_gates = has_i + has_f + has_o;
    l->n_cells = pylstm_product(s->n_blocks, s->block_size);
    l->n_hidden = pylstm_sum(l->n_cells, s->n_units);
    l->n_sources = pylstm_sum(s->n_inputs, s->hidden_bias != PYLSTM_BIAS_NONE);
    if (s->cell_recurrence)
        l->n_sources = pylstm_sum(l->n_sources, l->n_hidden);
    if (s->gate_recurrence)
        l->n_sources = pylstm_sum(l->n_sources, pylstm_product(n_gates, s->n_blocks));
    l->n_out_sources = pylstm_sum(l->n_hidden, s->output_bias ? 1 : 0);
    if (s->shortcut)
        l->n_out_sources = pylstm_sum(l->n_out_sources, s->n_inputs);
    const ptrdiff_t n_weights =
        pylstm_product(pylstm_product(l->n_sources, l->n_cells), n_gates + 1);
    l->large = s->block_size == 1 && s->n_units == 0 && n_weights >= s->large_from;
    const ptrdiff_t below = PYLSTM_LAZY_BELOW / (s->precision == PYLSTM_FLOAT32 ? 1 : 2);
    l->lazy = l->large && s->method == PYLSTM_TRUNCATED &&
              (n_weights / below < s->large_from || n_weights / PYLSTM_LAZY_FROM >= s->large_from);
    const ptrdiff_t gate = l->large ? padded(s, s->n_blocks) : s->n_blocks;
    const ptrdiff_t cells = l->large ? padded(s, l->n_cells) : l->n_cells;
    l->n_rows = 0;
    l->row_i = segment(&l->n_rows, has_i, gate);
    l->row_f = segment(&l->n_rows, has_f, gate);
    l->row_g = segment(&l->n_rows, 1, cells);
    l->row_o = segment(&l->n_rows, has_o, gate);
    l->row_u = segment(&l->n_rows, 1, s->n_units);
    l->n_traced = 0;
    l->trace_i = segment(&l->n_traced, has_i, cells);
    l->trace_f = segment(&l->n_traced, has_f, cells);
    l->trace_g = segment(&l->n_traced, 1, cells);
    l->row_stride = padded(s, l->n_rows);
    l->trace_stride = padded(s, l->n_traced);
    l->panel_rows = l->large ? cells : l->row_stride;
    l->panel_traced = l->large ? cells : l->trace_stride;
    l->n_panels = l->row_stride / l->panel_rows;
    l->n_traced_panels = l->n_cells > 0 ? l->trace_stride / l->panel_traced : 0;
    l->cell_stride = quads(l->n_cells);
    l->hidden_stride = quads(l->n_hidden);
    l->out_stride = quads(l->n_out_sources);
}

/* Panels of W^T are what threads share in the scan, and as wide as net_input likes them. */
static void layout_back(const pylstm_shape *s, pylstm_layout *l)
{
    enum { PANEL_LINES = 4 };
    const ptrdiff_t panel = PANEL_LINES * lanes(s);
    l->n_back = s->cut ? 0 : l->n_sources - s->n_inputs - (s->hidden_bias != PYLSTM_BIAS_NONE);
    l->back_stride = s->method == PYLSTM_BPTT ? padded(s, l->n_back) : 0;
    if (l->large)
        l->back_stride = pylstm_whole(l->back_stride, panel);
    l->back_panel = l->large ? panel : l->back_stride;
    l->n_back_panels = l->back_stride > 0 ? l->back_stride / l->back_panel : 0;
    l->at_below = pylstm_product(l->row_stride, l->back_stride);
    const int n_parts = s->bidirectional ? 2 : 1;
    l->below_part = s->method == PYLSTM_BPTT ? padded(s, s->n_below / n_parts) : 0;
    l->below_stride = n_parts * l->below_part;
    l->back_size = pylstm_sum(l->at_below, pylstm_product(l->row_stride, l->below_stride));
}

static void layout_buffers(const pylstm_shape *s, pylstm_layout *l)
{
    ptrdiff_t end = pylstm_product(l->n_sources, l->row_stride);
    l->at_output = end;
    l->readout_size = padded(s, pylstm_product(s->n_outputs, l->out_stride));
    end = pylstm_sum(end, l->readout_size);
    l->at_peephole_i = l->at_peephole_f = l->at_peephole_o = -1;
    if (s->peepholes && l->row_i >= 0)
        l->at_peephole_i = reserve(s, &end, l->n_cells);
    if (s->peepholes && l->row_f >= 0)
        l->at_peephole_f = reserve(s, &end, l->n_cells);
    if (s->peepholes && l->row_o >= 0)
        l->at_peephole_o = reserve(s, &end, l->n_cells);
    l->parameter_size = end;

    const ptrdiff_t pairs = pylstm_product(s->block_size, l->cell_stride);
    end = pylstm_product(l->n_sources, l->trace_stride);
    l->trace_peephole_i = l->trace_peephole_f = -1;
    if (l->at_peephole_i >= 0)
        l->trace_peephole_i = reserve(s, &end, pairs);
    if (l->at_peephole_f >= 0)
        l->trace_peephole_f = reserve(s, &end, pairs);
    l->trace_size = s->method == PYLSTM_TRUNCATED ? end : 0;
}

/* Twice the window, so that a step moves one row of the record on average. */
ptrdiff_t pylstm_longest_window(ptrdiff_t window)
{
    if (window == 0)
        return PTRDIFF_MAX;
    return window < MIN_RECORD / 2 ? MIN_RECORD : pylstm_product(2, window);
}

static void layout_record(const pylstm_shape *s, pylstm_layout *l)
{
    const ptrdiff_t longest = l->row_stride > l->trace_stride ? l->row_stride : l->trace_stride;
    ptrdiff_t end = 0;
    l->at_act = reserve(s, &end, l->n_rows);
    l->at_c = reserve(s, &end, l->n_cells);
    l->at_q = reserve(s, &end, l->n_out_sources);
    l->state_size = pylstm_sum(l->at_q, padded(s, l->n_hidden));
    l->at_z = reserve(s, &end, l->n_sources);
    l->at_gates = reserve(s, &end, pylstm_product(3, l->cell_stride));
    l->at_hc = reserve(s, &end, l->n_cells);
    l->at_net_out = reserve(s, &end, s->n_outputs);
    l->at_y = reserve(s, &end, s->n_outputs);
    l->at_has_error = reserve(s, &end, 1);
    l->at_delta = reserve(s, &end, s->n_outputs);
    l->at_e = reserve(s, &end, pylstm_sum(l->cell_stride, s->n_units));
    l->at_eu = l->at_e + l->cell_stride;
    l->at_eo = reserve(s, &end, l->n_cells);
    l->at_coef = reserve(s, &end, longest);
    l->at_trace_coef = reserve(s, &end, s->method == PYLSTM_TRUNCATED ? l->n_traced : 0);
    if (s->has_above && s->method == PYLSTM_BPTT)
        l->at_given = reserve(s, &end, l->n_hidden);
    l->at_down = s->cut && s->n_below > 0 ? reserve(s, &end, longest) : l->at_coef;
    l->record_width = end;
    ptrdiff_t rows = RECORD_NUMBERS / end;
    rows = rows < MIN_RECORD ? MIN_RECORD : rows > MAX_RECORD ? MAX_RECORD : rows;
    l->most_pending = s->method == PYLSTM_BPTT   ? pylstm_longest_window(s->window)
                      : s->method == PYLSTM_RTRL ? 1
                                                 : rows;
    l->record_rows = FIRST_RECORD + 2;
}

/* Blocks of columns as wide as the cache takes them, all alike. */
static void layout_sensitivities(const pylstm_shape *s, pylstm_layout *l)
{
    const int n_gates = (l->row_i >= 0) + (l->row_f >= 0) + (l->row_o >= 0);
    const ptrdiff_t lines = (l->parameter_size - l->readout_size) / lanes(s);
    const ptrdiff_t gates = s->gate_recurrence ? pylstm_product(n_gates, s->n_blocks) : 0;
    l->n_carried = pylstm_sum(pylstm_sum(l->n_cells, l->n_hidden), gates);
    l->column_blocks = (lines + SENSITIVITY_LINES - 1) / SENSITIVITY_LINES;
    l->block_columns = (lines + l->column_blocks - 1) / l->column_blocks * lanes(s);
    l->column_shares = l->column_blocks < PYLSTM_SHARES ? l->column_blocks : PYLSTM_SHARES;
    l->sensitivity_size =
        pylstm_product(pylstm_product(l->column_blocks, l->n_carried), l->block_columns);
}

static void layout_work(const pylstm_shape *s, pylstm_layout *l)
{
    const ptrdiff_t longest = l->row_stride > l->trace_stride ? l->row_stride : l->trace_stride;
    ptrdiff_t end = 0;
    l->constant_slope = reserve(s, &end, l->n_rows);
    l->constant_a = reserve(s, &end, l->n_rows);
    l->constant_b = reserve(s, &end, l->n_rows);
    l->constant_linear = reserve(s, &end, l->n_rows);
    l->constant_valid = reserve(s, &end, l->n_cells);
    l->constant_keep = reserve(s, &end, l->n_cells);
    l->constant_after = reserve(s, &end, l->n_cells);
    l->work_net = reserve(s, &end, l->n_rows);
    l->work_z = reserve(s, &end, l->n_sources);
    l->work_f = reserve(s, &end, longest);
    l->work_d = reserve(s, &end, longest);
    l->work_e = reserve(s, &end, longest);
    l->work_u = reserve(s, &end, longest);
    l->work_cell = reserve(s, &end, pylstm_product(3, l->hidden_stride));
    l->work_delta = reserve(s, &end, s->n_outputs);
    l->work_flow = reserve(s, &end, l->back_stride);
    l->work_input = reserve(s, &end, s->n_below > 0 ? s->n_inputs : 0);
    l->work_down = reserve(s, &end, pylstm_product(l->n_panels, s->n_below));
    if (s->method == PYLSTM_RTRL) {
        l->work_sensitivity =
            reserve(s, &end, pylstm_sum(pylstm_product(9, l->cell_stride), s->n_units));
        l->work_net_sensitivity = reserve(
            s, &end, pylstm_product(pylstm_product(l->column_shares, l->n_rows), l->block_columns));
    }
    l->work_size = end;
}

int pylstm_network_layout(const pylstm_shape *s, pylstm_layout *l)
{
    memset(l, 0, sizeof *l);
    const int no_outputs = s->has_above && s->n_outputs == 0;
    if (!pylstm_is_size(s->n_inputs) || !(no_outputs || pylstm_is_size(s->n_outputs)) ||
        !(s->n_blocks == 0 || pylstm_is_size(s->n_blocks)) || !pylstm_is_size(s->block_size) ||
        !(s->n_units == 0 || pylstm_is_size(s->n_units)) || s->n_blocks + s->n_units == 0)
        return 0;
    l->most_f = 1 - s->leak;
    l->bend_f = -1 / l->most_f;
    layout_rows(s, l);
    layout_back(s, l);
    layout_buffers(s, l);
    if (l->parameter_size >= PYLSTM_TOO_LARGE)
        return 0;
    layout_record(s, l);
    if (s->method == PYLSTM_RTRL)
        layout_sensitivities(s, l);
    layout_work(s, l);
    return l->trace_size < PYLSTM_TOO_LARGE && l->back_size < PYLSTM_TOO_LARGE &&
           pylstm_product(l->record_rows, l->record_width) < PYLSTM_TOO_LARGE &&
           l->sensitivity_size < PYLSTM_TOO_LARGE && l->work_size < PYLSTM_TOO_LARGE;
}
