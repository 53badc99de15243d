# Sizes of the buffers an object will have, from what decides them alone: nothing is allocated. What was
# saved is compared with them before anything is built; see pylstm/schemas. Included by _core.pyx.


cdef dict sizes_of(const pylstm_shape *shape, const pylstm_layout *layout):
    return {
        "parameters": layout.parameter_size,
        "traces": layout.trace_size,
        "sensitivities": layout.sensitivity_size,
        "record_row": layout.record_width,
        "has_error": layout.at_has_error,
        "most_pending": layout.most_pending if shape.method != PYLSTM_RTRL else 1,
        "lazy_steps": PYLSTM_LAZY_STEPS if layout.lazy else 0,
    }


def network_sizes(dict config, ptrdiff_t from_weights):
    """Sizes of a network of this configuration, in numbers."""
    cdef pylstm_shape shape
    cdef pylstm_layout layout
    memset(&shape, 0, sizeof(pylstm_shape))
    fill_shape(&shape, config)
    shape.method = GRADIENTS[config["gradient"]]
    shape.window = min(config["window"] or 0, longest_window)
    shape.large_from = from_weights
    if not pylstm_network_layout(&shape, &layout):
        raise too_large(&shape)
    return sizes_of(&shape, &layout)


def streams_sizes(Network owner, Py_ssize_t n_streams):
    """Sizes of streams of a network; those of a stream of the record and the traces."""
    cdef pylstm_streams s
    memset(&s, 0, sizeof(pylstm_streams))
    s.n_streams = n_streams
    if not pylstm_streams_layout(&s, &owner.net.shape):
        raise too_large(&owner.net.shape, f"{n_streams} streams of ")
    return {**sizes_of(&s.net.shape, &s.net.layout), "most_pending": s.most_steps}


def population_sizes(dict config, Py_ssize_t n_nets):
    """Groups, lanes, and the lines of each buffer of a population."""
    cdef pylstm_population p
    memset(&p, 0, sizeof(pylstm_population))
    fill_shape(&p.shape, config)
    p.shape.large_from = PY_SSIZE_T_MAX
    p.n_nets = n_nets
    if not pylstm_population_layout(&p):
        raise too_large(&p.shape, f"{n_nets} networks of ")
    return {
        "groups": p.n_groups,
        "lanes": p.lanes,
        "flags": sizeof(pylstm_group) // sizeof(uint32_t),
        "parameters": p.parameter_lines,
        "traces": p.trace_lines,
        "steps": p.step_lines,
    }


def recurrent_sizes(dict config):
    """Sizes of a network of plain recurrent units, in numbers."""
    cdef pylstm_recurrent r
    memset(&r, 0, sizeof(pylstm_recurrent))
    fill_recurrent(&r, config)
    if not pylstm_recurrent_layout(&r):
        raise ValueError("the sizes of its network do not fit in any memory")
    return {
        "parameters": r.parameter_size,
        "sensitivity": r.n_units * r.n_weights if r.rtrl else 0,
        "record_row": r.row_size,
        "most_recorded": longest_record(&r),
    }
