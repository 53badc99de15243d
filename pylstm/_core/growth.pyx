# cython: language_level=3, cdivision=True, binding=True
"""A network that gets more inputs or outputs.

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
        if a.n_pending > b.record_rows - 2:
            net.table.settle(a)
            lay_out_grown(a, &b, config)
        if b.n_outputs > a.n_outputs and b.output != PYLSTM_IDENTITY:
            b.learnable = 0  # the last step has no value of the new outputs
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
                key: with_zeros(row, len(row), new.n_columns) for key, row in old.state().items()
            })
    return scaling


cdef int lay_out_grown(const pylstm_network *a, pylstm_network *b, dict config) except -1:
    """b: what a is, in the sizes of `config`; large and lazy where a is."""
    cdef ptrdiff_t n_gates = bool(a.input_gate) + bool(a.forget_gate) + bool(a.output_gate)
    cdef ptrdiff_t n_weights
    b[0] = a[0]
    b.n_inputs, b.n_outputs = config["n_inputs"], config["n_outputs"]
    if not lay_out_network(b):
        raise too_large(b)
    n_weights = pylstm_product(pylstm_product(b.n_sources, b.n_cells), n_gates + 1)
    if b.large and not a.large:
        b.large_from = n_weights + 1
    elif b.lazy and not a.lazy:
        b.large_from = n_weights // PYLSTM_LAZY_TIMES + 1
    if not lay_out_network(b):
        raise too_large(b)
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
    work = aligned_zeros(b.work_size, net.dtype_)
    live, listed = (with_zeros(inputs, a.n_inputs, b.n_inputs) for inputs in (net.live_, net.listed_))
    tokens = aligned_zeros(b.record_rows + 1, np.int32)
    tokens[:b.n_pending + 1] = net.tokens_[:b.n_pending + 1]
    net.parameters_, net.gradient_, net.moments_ = parameters, gradient, moments
    net.eligibility_ = eligibility
    net.traces_, net.record_, net.work_ = traces, record, work
    net.live_, net.listed_, net.tokens_ = live, listed, tokens
    net.n_owners = net.n_references()
    b.parameters = cnp.PyArray_DATA(parameters)
    b.gradient = cnp.PyArray_DATA(gradient)
    for k, moment in enumerate(moments):
        b.optimizer.moments[k] = cnp.PyArray_DATA(moment)
    b.eligibility = NULL if eligibility is None else cnp.PyArray_DATA(eligibility)
    b.traces = cnp.PyArray_DATA(traces)
    b.record = cnp.PyArray_DATA(record)
    b.work = cnp.PyArray_DATA(work)
    b.live = <int32_t *>cnp.PyArray_DATA(live)
    b.listed = <int32_t *>cnp.PyArray_DATA(listed)
    b.tokens = <int32_t *>cnp.PyArray_DATA(tokens)
    net.table.prepare(b)
    return 0


cdef object grown_parameters(const pylstm_network *a, const pylstm_network *b, old):
    """One number a weight: parameters, gradient, moments, eligibility."""
    new = aligned_zeros(b.parameter_size, old.dtype)
    put_in_sources(a, b, old, new, a.n_panels, a.panel_rows)
    x = a.n_cells + (a.n_inputs if a.shortcut else 0)  # the end of the inputs in q
    to = x + (b.n_inputs - a.n_inputs if a.shortcut else 0)
    V = old[a.at_output:a.at_output + a.n_outputs * a.out_stride].reshape(a.n_outputs, a.out_stride)
    U = new[b.at_output:b.at_output + b.n_outputs * b.out_stride].reshape(b.n_outputs, b.out_stride)
    U[:a.n_outputs, :b.n_out_sources] = with_zeros(V[:, :a.n_out_sources], x, to)
    for at, start in ((a.at_peephole_i, b.at_peephole_i), (a.at_peephole_f, b.at_peephole_f),
                      (a.at_peephole_o, b.at_peephole_o)):
        if at >= 0:
            new[start:start + a.n_cells] = old[at:at + a.n_cells]
    return new


cdef object grown_traces(const pylstm_network *a, const pylstm_network *b, old):
    new = aligned_zeros(b.trace_size, old.dtype)
    put_in_sources(a, b, old, new, a.trace_stride // a.panel_traced, a.panel_traced)
    size = a.block_size * a.cell_stride
    for at, start in ((a.trace_peephole_i, b.trace_peephole_i), (a.trace_peephole_f, b.trace_peephole_f)):
        if at >= 0:
            new[start:start + size] = old[at:at + size]
    return new


cdef int put_in_sources(const pylstm_network *a, const pylstm_network *b, old, new,
                        ptrdiff_t panels, ptrdiff_t width) except -1:
    """The panels (n_sources, width) of a matrix over all sources."""
    W = old[:panels * a.n_sources * width].reshape(panels, a.n_sources, width)
    U = new[:panels * b.n_sources * width].reshape(panels, b.n_sources, width)
    U[:, :a.n_inputs] = W[:, :a.n_inputs]
    U[:, b.n_inputs:] = W[:, a.n_inputs:]
    return 0


cdef object grown_record(const pylstm_network *a, const pylstm_network *b, old):
    """The state and the steps after it, field by field."""
    n_rows = b.n_pending + 1
    new = aligned_zeros(pylstm_product(b.record_rows, b.record_stride), old.dtype)
    R = old[:n_rows * a.record_stride].reshape(n_rows, a.record_stride)
    S = new[:n_rows * b.record_stride].reshape(n_rows, b.record_stride)
    fields = [
        (a.at_act, b.at_act), (a.at_c, b.at_c), (a.at_q, b.at_q), (a.at_z, b.at_z),
        (a.at_gates, b.at_gates), (a.at_hc, b.at_hc), (a.at_net_out, b.at_net_out), (a.at_y, b.at_y),
        (a.at_has_error, b.at_has_error), (a.at_delta, b.at_delta), (a.at_e, b.at_e),
        (a.at_eo, b.at_eo), (a.at_coef, b.at_coef), (a.at_trace_coef, b.at_trace_coef),
        (a.record_stride, b.record_stride),
    ]
    x = a.n_cells + a.n_inputs if a.shortcut else 0
    for (start, to), (end, _) in zip(fields, fields[1:]):
        field = R[:, start:end]
        if start == a.at_z:
            field = with_zeros(field[:, :a.n_sources], a.n_inputs, b.n_inputs)
        elif start == a.at_q:
            field = with_zeros(field[:, :a.n_out_sources], x, x + (b.n_inputs - a.n_inputs if x else 0))
        S[:, to:to + field.shape[1]] = field
    return new
