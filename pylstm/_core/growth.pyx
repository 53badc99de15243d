# cython: language_level=3, cdivision=True, binding=True
"""A network, or every one of a population, that gets more inputs or outputs.

New inputs follow the old ones, in z and in q, and new outputs the old ones; rows of W and E, cells
and the order of everything else stay. So each buffer is copied with zeros put in, the record of the
steps not yet learned from too, and whatever is to come of the old parts keeps its bits. A network
also keeps its regime, large or not, lazy or not, because that decides how things are laid out.
"""

import numpy as np

from pylstm._core.arrays import aligned_zeros


from pylstm._core cimport numpy_api as cnp
from libc.stdint cimport int32_t

from pylstm._core.engine cimport in_use, lay_out_network
from pylstm._core.headers cimport *
from pylstm._core.network cimport Network
from pylstm._core.population cimport PopulationBase
from pylstm._core.population_steps cimport start
from pylstm._core.scaling cimport Scaling
from pylstm._core.shape cimport too_large

cnp.import_array()


def grow(Network net, dict before, dict config):
    """Give `net`, whose configuration is `before`, the sizes of `config`, which are no smaller; the
    weights of new outputs are 0, those of new inputs what `_draw_new_inputs` makes them."""
    cdef pylstm_network *a = &net.net
    cdef pylstm_network b
    cdef Scaling scaling = None
    net.take()
    try:
        if net.config_ is not before:
            raise in_use("LSTM")
        net.gather_helpers(False)
        net.table.write_back(a)
        lay_out_grown(a, &b, config)
        if a.progress.n_pending > b.layout.most_pending:
            net.table.settle(a)
            lay_out_grown(a, &b, config)
        if b.shape.n_outputs > a.shape.n_outputs and b.shape.output != PYLSTM_IDENTITY:
            b.progress.learnable = 0  # the last step has no value of the new outputs
        if net.scaled:
            scaling = grown_scaling(net, &b, config)
        grow_buffers(net, &b)
        a[0] = b
        if net.scaled:
            net.scaling = scaling
        net.config_ = config
        net._draw_new_inputs(net._views(net.parameters_), before)
    finally:
        net.release()


cdef Scaling grown_scaling(Network net, pylstm_network *b, dict config):
    """The scaling of the sizes of b, with what is known of the old columns."""
    cdef Scaling scaling = Scaling.__new__(Scaling)
    scaling.set_up(config, b)
    scaling.net = &net.net
    for old, new in ((net.scaling.inputs, scaling.inputs), (net.scaling.targets, scaling.targets)):
        if new is not None:
            new.restore({
                key: with_zeros(rows, old.n_columns, new.n_columns) for key, rows in old.state().items()
            })
    return scaling


cdef int lay_out_grown(const pylstm_network *a, pylstm_network *b, dict config) except -1:
    """b: what a is, in the sizes of `config`; large and lazy where a is."""
    cdef ptrdiff_t n_gates = bool(a.shape.input_gate) + bool(a.shape.forget_gate) + bool(a.shape.output_gate)
    cdef ptrdiff_t n_weights
    b[0] = a[0]
    b.shape.n_inputs, b.shape.n_outputs = config["n_inputs"], config["n_outputs"]
    if not lay_out_network(&b.shape, &b.layout):
        raise too_large(&b.shape)
    n_weights = pylstm_product(pylstm_product(b.layout.n_sources, b.layout.n_cells), n_gates + 1)
    if b.layout.large and not a.layout.large:
        b.shape.large_from = n_weights + 1
    elif b.layout.lazy and not a.layout.lazy:
        b.shape.large_from = n_weights // PYLSTM_LAZY_FROM + 1
    elif a.layout.lazy and not b.layout.lazy:
        b.shape.large_from = 2 * n_weights // PYLSTM_LAZY_BELOW + 1
    if not lay_out_network(&b.shape, &b.layout):
        raise too_large(&b.shape)
    b.buffers.record_rows = max(b.layout.record_rows, a.progress.n_pending + 2)
    return 0


cdef object with_zeros(old, ptrdiff_t at, ptrdiff_t to):
    """`old` with zeros put in along its last axis, so that what was at `at` is at `to`."""
    zeros = np.zeros((*old.shape[:-1], to - at), old.dtype)
    return np.concatenate([old[..., :at], zeros, old[..., at:]], axis=-1)


cdef int grow_buffers(Network net, pylstm_network *b) except -1:
    """Buffers of the layout b with everything that is in those of `net`, whose become they."""
    cdef pylstm_network *a = &net.net
    parameters = grown_parameters(a, b, net.parameters_)
    gradient = grown_parameters(a, b, net.gradient_)
    moments = [grown_parameters(a, b, moment) for moment in net.moments_]
    eligibility = None if net.eligibility_ is None else grown_parameters(a, b, net.eligibility_)
    traces = grown_traces(a, b, net.traces_)
    record = grown_record(a, b, net.record_)
    work = aligned_zeros(b.layout.work_size, net.dtype_)
    live, listed = (
        with_zeros(inputs, a.shape.n_inputs, b.shape.n_inputs) for inputs in (net.live_, net.listed_))
    tokens = aligned_zeros(b.buffers.record_rows + 1, np.int32)
    tokens[:b.progress.n_pending + 1] = net.tokens_[:b.progress.n_pending + 1]
    net.parameters_, net.gradient_, net.moments_ = parameters, gradient, moments
    net.eligibility_ = eligibility
    net.traces_, net.record_, net.work_ = traces, record, work
    net.live_, net.listed_, net.tokens_ = live, listed, tokens
    net.n_owners = net.n_references()
    b.buffers.parameters = cnp.PyArray_DATA(parameters)
    b.buffers.gradient = cnp.PyArray_DATA(gradient)
    for k, moment in enumerate(moments):
        b.optimizer.moments[k] = cnp.PyArray_DATA(moment)
    b.buffers.eligibility = NULL if eligibility is None else cnp.PyArray_DATA(eligibility)
    b.buffers.traces = cnp.PyArray_DATA(traces)
    b.buffers.record = cnp.PyArray_DATA(record)
    b.buffers.work = cnp.PyArray_DATA(work)
    b.buffers.live = <int32_t *>cnp.PyArray_DATA(live)
    b.buffers.listed = <int32_t *>cnp.PyArray_DATA(listed)
    b.buffers.tokens = <int32_t *>cnp.PyArray_DATA(tokens)
    net.table.prepare(b)
    return 0


cdef object grown_parameters(const pylstm_network *a, const pylstm_network *b, old):
    """One number a weight: parameters, gradient, moments, eligibility."""
    new = aligned_zeros(b.layout.parameter_size, old.dtype)
    put_in_sources(a, b, old, new, a.layout.n_panels, a.layout.panel_rows)
    x = a.layout.n_hidden + (a.shape.n_inputs if a.shape.shortcut else 0)  # the end of the inputs in q
    to = x + (b.shape.n_inputs - a.shape.n_inputs if a.shape.shortcut else 0)
    V, U = readout_of(a, old), readout_of(b, new)
    U[:a.shape.n_outputs, :b.layout.n_out_sources] = with_zeros(V[:, :a.layout.n_out_sources], x, to)
    for at, start in ((a.layout.at_peephole_i, b.layout.at_peephole_i),
                      (a.layout.at_peephole_f, b.layout.at_peephole_f),
                      (a.layout.at_peephole_o, b.layout.at_peephole_o)):
        if at >= 0:
            new[start:start + a.layout.n_cells] = old[at:at + a.layout.n_cells]
    return new


cdef object readout_of(const pylstm_network *n, flat):
    """V: (n_outputs, out_stride)"""
    V = flat[n.layout.at_output:n.layout.at_output + n.shape.n_outputs * n.layout.out_stride]
    return V.reshape(n.shape.n_outputs, n.layout.out_stride)


cdef object grown_traces(const pylstm_network *a, const pylstm_network *b, old):
    new = aligned_zeros(b.layout.trace_size, old.dtype)
    if a.layout.n_cells > 0:
        put_in_sources(
            a, b, old, new, a.layout.trace_stride // a.layout.panel_traced, a.layout.panel_traced)
    size = a.shape.block_size * a.layout.cell_stride
    for at, start in ((a.layout.trace_peephole_i, b.layout.trace_peephole_i),
                      (a.layout.trace_peephole_f, b.layout.trace_peephole_f)):
        if at >= 0:
            new[start:start + size] = old[at:at + size]
    return new


cdef int put_in_sources(const pylstm_network *a, const pylstm_network *b, old, new,
                        ptrdiff_t panels, ptrdiff_t width) except -1:
    """The panels (n_sources, width) of a matrix over all sources."""
    W = old[:panels * a.layout.n_sources * width].reshape(panels, a.layout.n_sources, width)
    U = new[:panels * b.layout.n_sources * width].reshape(panels, b.layout.n_sources, width)
    U[:, :a.shape.n_inputs] = W[:, :a.shape.n_inputs]
    U[:, b.shape.n_inputs:] = W[:, a.shape.n_inputs:]
    return 0


cdef list fields_of(const pylstm_layout *row):
    """Where the fields of a row of the record start, and its end."""
    return [
        row.at_act, row.at_c, row.at_q, row.at_z, row.at_gates, row.at_hc, row.at_net_out, row.at_y,
        row.at_has_error, row.at_delta, row.at_e, row.at_eo, row.at_coef, row.at_trace_coef,
        row.record_width,
    ]


cdef object grown_record(const pylstm_network *a, const pylstm_network *b, old):
    """The state and the steps after it, field by field."""
    n_rows = b.progress.n_pending + 1
    new = aligned_zeros(pylstm_product(b.buffers.record_rows, b.layout.record_width), old.dtype)
    R = old[:n_rows * a.layout.record_width].reshape(n_rows, a.layout.record_width)
    S = new[:n_rows * b.layout.record_width].reshape(n_rows, b.layout.record_width)
    fields = list(zip(fields_of(&a.layout), fields_of(&b.layout)))
    x = a.layout.n_hidden + a.shape.n_inputs if a.shape.shortcut else 0
    for (start, to), (end, _) in zip(fields, fields[1:]):
        field = R[:, start:end]
        if start == a.layout.at_z:
            field = with_zeros(field[:, :a.layout.n_sources], a.shape.n_inputs, b.shape.n_inputs)
        elif start == a.layout.at_q:
            to_x = x + (b.shape.n_inputs - a.shape.n_inputs if x else 0)
            field = with_zeros(field[:, :a.layout.n_out_sources], x, to_x)
        S[:, to:to + field.shape[1]] = field
    return new


# ---------------------------------------------------------------- a population

def grow_population(PopulationBase pop not None, dict before, dict config):
    """Give the networks of `pop`, whose configuration is `before`, the sizes of `config`, as `grow`."""
    cdef pylstm_population_call call
    cdef PopulationBase grown = type(pop).__new__(type(pop))
    pop.take()
    try:
        if pop.config_ is not before:
            raise in_use("Population")
        grown._build(config, pop.pop.n_nets)
        grown.set_optimizers(pop.optimizers_)
        grown._need_moments(len(pop.moments_))
        if pop.eligibility_ is not None:
            grown._need_eligibility()
        if config["n_outputs"] > before["n_outputs"] and pop.pop.shape.output != PYLSTM_IDENTITY:
            start(&call, pop.everyone_)
            pop.table.settle(&pop.pop, &call)
            pop.groups_[:, 1] = 0  # the last step has no value of the new outputs
        theirs = grown._lines()
        for name, lines in pop._lines().items():
            theirs[name][...] = grown_lines(&pop.pop, &grown.pop, name, lines)
        grown.groups_[...], grown.counts_[...] = pop.groups_, pop.counts_
        grown.pop.rule = pop.pop.rule
        pop.adopt(grown)
        pop._draw_new_inputs(pop.views(pop.parameters_), before)
    finally:
        pop.release()


cdef object grown_lines(const pylstm_population *a, const pylstm_population *b, str name, lines):
    """Lines of one kind, (n_groups, lines, lanes), with zeros where the new parts are."""
    if name in ("n_updates", "output_error"):
        return lines
    if name in ("input_scale", "target_scale"):
        n, to = a.shape.n_inputs, b.shape.n_inputs
        if name == "target_scale":
            n, to = a.shape.n_outputs, b.shape.n_outputs
        statistics = lines.reshape(len(lines), PYLSTM_STATISTICS, n, -1)
        return _joined(lines, with_lines(statistics, n, to, 2))
    if name == "steps":
        return grown_steps(a, b, lines)
    if name == "traces":
        weights, rest = cut(lines, a.layout.n_sources * a.layout.n_traced)
        weights = weights.reshape(len(lines), a.layout.n_sources, a.layout.n_traced, -1)
        return _joined(lines, with_lines(weights, a.shape.n_inputs, b.shape.n_inputs, 1), rest)
    W, rest = cut(lines, a.at_output)
    V, rest = cut(rest, a.layout.n_out_sources * a.shape.n_outputs)
    W = W.reshape(len(lines), a.layout.n_sources, a.layout.n_rows, -1)
    V = V.reshape(len(lines), a.layout.n_out_sources, a.shape.n_outputs, -1)
    V = with_lines(with_out_sources(a, b, V), a.shape.n_outputs, b.shape.n_outputs, 2)
    return _joined(lines, with_lines(W, a.shape.n_inputs, b.shape.n_inputs, 1), V, rest)


cdef object grown_steps(const pylstm_population *a, const pylstm_population *b, lines):
    """The last step, field by field."""
    rest, fields = lines, []
    for at, kind in ((a.at_q, None), (a.at_z, "q"), (a.at_hc, "z"), (a.at_net_out, None), (a.at_y, "y"),
                     (a.at_d, "y"), (a.at_delta, None), (a.step_lines, "y")):
        field, rest = cut(rest, at - lines.shape[1] + rest.shape[1])
        if kind == "q":
            field = with_out_sources(a, b, field)
        elif kind == "z":
            field = with_lines(field, a.shape.n_inputs, b.shape.n_inputs, 1)
        elif kind == "y":
            field = with_lines(field, a.shape.n_outputs, b.shape.n_outputs, 1)
        fields.append(field)
    return _joined(lines, *fields)


cdef object with_out_sources(const pylstm_population *a, const pylstm_population *b, lines):
    """The sources of the outputs, along the second axis."""
    if not a.shape.shortcut:
        return lines
    n_cells = a.layout.n_cells
    return with_lines(lines, n_cells + a.shape.n_inputs, n_cells + b.shape.n_inputs, 1)


cdef object with_lines(lines, ptrdiff_t at, ptrdiff_t to, int axis):
    """`lines` with zeros put in along an axis, so that what was at `at` is at `to`."""
    return np.moveaxis(with_zeros(np.moveaxis(lines, axis, -1), at, to), -1, axis)


cdef tuple cut(lines, ptrdiff_t at):
    return lines[:, :at], lines[:, at:]


def _joined(lines, *parts):
    """Parts of lines one behind the other, (n_groups, lines, lanes)."""
    return np.concatenate([part.reshape(len(lines), -1, lines.shape[2]) for part in parts], axis=1)
