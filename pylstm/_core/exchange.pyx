# cython: language_level=3, cdivision=True, binding=True
"""The exchange of a population with single networks."""

import numpy as np

from pylstm._core.scaling import ROWS
from pylstm._core.shape import MOMENTS

from libc.stdint cimport uint32_t

from pylstm._core.headers cimport *
from pylstm._core.network cimport Network
from pylstm._core.population cimport PopulationBase
from pylstm._core.population_buffers cimport statistics_by_name
from pylstm._core.population_steps cimport start

SCALES = ("input_scale", "target_scale")


def take_out(PopulationBase pop not None, ptrdiff_t k, Network net not None):
    """Bring `net`, fresh and of the same architecture, where net k of the population stands."""
    cdef PopulationBase one = type(pop).__new__(type(pop))
    cdef pylstm_population *p = &one.pop
    cdef pylstm_network *n = &net.net
    cdef pylstm_population_call call
    one._build(pop._config(), 1)
    one._need_moments(len(pop.moments_))
    if pop.eligibility_ is not None:
        one._need_eligibility()
        net._need_eligibility()
    pop.take()
    try:
        copy_lane(pop, k, one, 0)
    finally:
        pop.release()
    start(&call, one.everyone_)
    one.table.settle(p, &call)

    progress = net._progress()
    lines = one.steps_[0, :, 0]
    record = np.zeros(n.buffers.record_stride, pop.dtype_)
    for here, there, count in gate_rows(pop, net):
        at = n.layout.at_act + there
        record[at:at + count] = lines[p.at_act + here:p.at_act + here + count]
    record[n.layout.at_c:n.layout.at_c + n.layout.n_cells] = lines[p.at_c:p.at_c + n.layout.n_cells]
    size = n.layout.n_out_sources
    record[n.layout.at_q:n.layout.at_q + size] = lines[p.at_q:p.at_q + size]
    progress["record"] = record
    progress["all_live"] = 1
    progress["tokens"] = np.full(1, -1, np.int32)
    progress["traces"] = np.zeros(n.layout.trace_size, pop.dtype_)
    for ours, theirs in trace_views(one, net, progress["traces"]):
        theirs[...] = ours[0, 0]
    progress["traces_zero"] = 0
    progress["collected"] = int(p.groups[0].collected & 1)
    progress["n_steps"], progress["n_collect"] = one.counts_[:, 0, 0].tolist()
    progress["n_updates"], progress["output_error"] = p.n_updates[0], p.errors[0]
    kept = {"parameters": one.parameters_}
    if progress["collected"]:
        kept["gradient"] = one.gradient_
    for moment in one.moments_[len(net.moments_):]:  # kept, and not in use
        if moment.any():
            net._need_moments(len(net.moments_) + 1)
    kept |= zip(MOMENTS[:len(net.moments_)], one.moments_)
    if one.eligibility_ is not None:
        kept["eligibility"] = one.eligibility_
    for scale in SCALES:
        if scale in one._lines():
            rows = one._lines()[scale][0, :, 0].reshape(PYLSTM_STATISTICS, -1)
            progress[scale] = statistics_by_name(rows)
    for name, buffer in kept.items():
        progress[name] = np.zeros(n.layout.parameter_size, pop.dtype_)
        views = net._views(progress[name])
        for part, view in one.views(buffer).items():
            views[part][...] = view[0, 0]
    net._restore(progress)


def put_in(PopulationBase pop not None, ptrdiff_t k, Network net not None, tuple optimizers):
    """Bring net k where `net`, a copy that may be spent, stands; with the optimizers of all."""
    cdef pylstm_population *p = &pop.pop
    cdef pylstm_network *n = &net.net
    cdef ptrdiff_t group = k // p.lanes, lane = k % p.lanes
    net.table.settle(n)
    progress = net.progress()
    pop.take()
    try:
        pop.set_optimizers(optimizers)
        pop._need_moments(len(net.moments_))
        if net.eligibility_ is not None:
            pop._need_eligibility()
        fill_lane(pop, group, lane, net, progress)
    finally:
        pop.release()


cdef fill_lane(PopulationBase pop, ptrdiff_t group, ptrdiff_t lane, Network net, progress):
    cdef pylstm_population *p = &pop.pop
    cdef pylstm_network *n = &net.net
    cdef uint32_t bit = <uint32_t>1 << lane
    for buffer in pop._lines().values():
        buffer[group, :, lane] = 0
    lines, record = pop.steps_[group, :, lane], progress["record"]
    for here, there, count in gate_rows(pop, net):
        at = n.layout.at_act + there
        lines[p.at_act + here:p.at_act + here + count] = record[at:at + count]
    lines[p.at_c:p.at_c + n.layout.n_cells] = record[n.layout.at_c:n.layout.at_c + n.layout.n_cells]
    size = n.layout.n_out_sources
    lines[p.at_q:p.at_q + size] = record[n.layout.at_q:n.layout.at_q + size]
    if "traces" in progress:
        for ours, theirs in trace_views(pop, net, progress["traces"]):
            ours[group, lane] = theirs
    kept = {"parameters": pop.parameters_, "gradient": pop.gradient_, "eligibility": pop.eligibility_,
            **dict(zip(MOMENTS, pop.moments_))}
    for name, buffer in kept.items():
        if name in progress:
            views = pop.views(buffer)
            for part, view in net._views(progress[name]).items():
                views[part][group, lane] = view
    for scale in SCALES:
        if scale in progress:
            rows = pop._lines()[scale][group].reshape(PYLSTM_STATISTICS, -1, p.lanes)
            for part, at in ROWS.items():
                rows[at, :, lane] = progress[scale][part]
    pop.groups_[group] &= ~bit
    if progress["collected"]:
        p.groups[group].collected |= bit
    pop.counts_[:, group, lane] = progress["n_steps"], progress["n_collect"]
    p.n_updates[group * p.lanes + lane] = progress["n_updates"]
    p.errors[group * p.lanes + lane] = progress["output_error"]


cdef copy_lane(PopulationBase pop, ptrdiff_t k, PopulationBase other, ptrdiff_t to):
    """Net k becomes net `to` of another population of the same architecture."""
    cdef ptrdiff_t lanes = pop.pop.lanes
    theirs = other._lines()
    for name, buffer in pop._lines().items():
        theirs[name][to // lanes, :, to % lanes] = buffer[k // lanes, :, k % lanes]
    other.counts_[:, to // lanes, to % lanes] = pop.counts_[:, k // lanes, k % lanes]
    bits = pop.groups_[k // lanes] >> np.uint32(k % lanes) & 1
    other.groups_[to // lanes] |= bits << np.uint32(to % lanes)


cdef list gate_rows(PopulationBase pop, Network net):
    """Where the rows of a gate start here, and in the network, and how many they are."""
    cdef const pylstm_layout *a = &pop.pop.layout
    cdef const pylstm_layout *b = &net.net.layout
    cdef ptrdiff_t n_blocks = net.net.shape.n_blocks
    rows = ((a.row_i, b.row_i, n_blocks), (a.row_f, b.row_f, n_blocks), (a.row_g, b.row_g, a.n_cells),
            (a.row_o, b.row_o, n_blocks))
    return [row for row in rows if row[0] >= 0]


cdef list trace_views(PopulationBase pop, Network net, flat):
    """Pairs of views of the same traces: (n_groups, lanes, ...) here, (...) in `flat`, the traces of
    a network, whose gates have a cell's place in its block slowest."""
    cdef pylstm_population *p = &pop.pop
    cdef const pylstm_layout *layout = &p.layout
    cdef pylstm_network *n = &net.net
    blocks = (n.shape.n_blocks, n.shape.block_size)
    ours = pop.traces_.transpose(0, 2, 1)
    n_traced = layout.n_traced
    E = ours[:, :, :n.layout.n_sources * n_traced]
    E = E.reshape(p.n_groups, p.lanes, n.layout.n_sources, n_traced)
    pairs = []
    for start, theirs, count in ((layout.trace_i, n.layout.trace_i, n.shape.n_blocks),
                                 (layout.trace_f, n.layout.trace_f, n.shape.n_blocks),
                                 (layout.trace_g, n.layout.trace_g, n.layout.n_cells)):
        if start < 0:
            continue
        here = E[..., start:start + n.layout.n_cells]
        there = net.trace_segment(flat, theirs)
        if count < n.layout.n_cells:
            here = here.reshape(*here.shape[:3], *blocks)
            there = there.reshape(n.layout.n_sources, *blocks[::-1]).swapaxes(1, 2)
        pairs.append((here, there))
    for at, start in ((p.trace_peephole_i, n.layout.trace_peephole_i),
                      (p.trace_peephole_f, n.layout.trace_peephole_f)):
        if at >= 0:  # here (block, source, cell), there (source, cell, block)
            here = ours[:, :, at:at + n.layout.n_cells * n.shape.block_size]
            there = flat[start:start + n.shape.block_size * n.layout.cell_stride]
            there = there.reshape(n.shape.block_size, n.layout.cell_stride)[:, :n.layout.n_cells]
            there = there.reshape(n.shape.block_size, n.shape.block_size, n.shape.n_blocks)
            pairs.append((here.reshape(*here.shape[:2], *blocks, n.shape.block_size),
                          there.transpose(2, 0, 1)))
    return pairs
