# cython: language_level=3, cdivision=True, binding=True
"""What a network has come to: its weights and its state by name, its progress saved and restored."""

import numpy as np

from pylstm._core.shape import MOMENTS, layer_configs

from pylstm._core cimport numpy_api as cnp
from libc.string cimport memmove

from pylstm._core.engine cimport give, network_contradiction, refuse_contradiction
from pylstm._core.headers cimport *
from pylstm._core.network_buffers cimport NetworkBuffers

cnp.import_array()


cdef class NetworkProgress(NetworkBuffers):
    """Views and copies of what is in the buffers of one network."""

    # ------------------------------------------------------------ views

    def _views(self, flat):
        """The flat parameters, or their gradient, as named arrays (rows, sources)."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        W = flat[:layout.n_sources * layout.row_stride].reshape(
            layout.n_panels, layout.n_sources, layout.panel_rows)
        cell_sources = layout.n_sources - (n.shape.hidden_bias == PYLSTM_BIAS_GATES)
        views = {}
        for name, row, count in (("input_gate", layout.row_i, n.shape.n_blocks),
                                 ("forget_gate", layout.row_f, n.shape.n_blocks),
                                 ("cell_input", layout.row_g, layout.n_cells),
                                 ("output_gate", layout.row_o, n.shape.n_blocks),
                                 ("unit", layout.row_u, n.shape.n_units)):
            if row >= 0 and count > 0:
                first = row % layout.panel_rows
                views[name] = W[row // layout.panel_rows, :, first:first + count].T
        for name in ("cell_input", "unit"):
            if name in views:
                views[name] = views[name][:, :cell_sources]
        for name, start in (("peephole_input", layout.at_peephole_i),
                            ("peephole_forget", layout.at_peephole_f),
                            ("peephole_output", layout.at_peephole_o)):
            if start >= 0:
                views[name] = flat[start:start + layout.n_cells].reshape(n.shape.n_blocks, n.shape.block_size)
        V = flat[layout.at_output:layout.at_output + n.shape.n_outputs * layout.out_stride]
        views["output"] = V.reshape(n.shape.n_outputs, layout.out_stride)[:, :layout.n_out_sources]
        return views

    cdef trace_segment(self, flat, ptrdiff_t row):
        """The traces of one gate, (n_sources, n_cells), in a buffer of traces; row: where it starts."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        E = flat[:layout.n_sources * layout.trace_stride].reshape(-1, layout.n_sources, layout.panel_traced)
        first = row % layout.panel_traced
        return E[row // layout.panel_traced, :, first:first + layout.n_cells]

    def _live_inputs(self):
        """The inputs whose weights a learning step visits, sorted."""
        cdef pylstm_network *n = self.lowest
        self.take()
        try:
            if n.progress.all_live:
                return np.arange(n.shape.n_inputs)
            return np.sort((<NetworkBuffers>self.layers()[0]).live_[:n.progress.n_live])
        finally:
            self.release()

    def _count_parameters(self):
        """Those of `_views`, without looking at any."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        cdef ptrdiff_t n_peepholes = (
            (layout.at_peephole_i >= 0) + (layout.at_peephole_f >= 0) + (layout.at_peephole_o >= 0))
        cdef ptrdiff_t n_gates = (layout.row_i >= 0) + (layout.row_f >= 0) + (layout.row_o >= 0)
        return (sum([layer._count_parameters() for layer in self.below])
                + layout.n_sources * (n_gates * n.shape.n_blocks + layout.n_hidden)
                - (layout.n_hidden if n.shape.hidden_bias == PYLSTM_BIAS_GATES else 0)
                + n_peepholes * layout.n_cells + n.shape.n_outputs * layout.n_out_sources)

    def _flat_parameters(self):
        """All parameters in one vector, up to date as long as somebody holds it."""
        self.take()
        try:
            return self.flat_parameters()
        finally:
            self.release()

    cdef object flat_parameters(self):
        self.gather_helpers(False)
        self.table.write_back(&self.net)
        return self.parameters_[:]

    def _named_parameters(self):
        """The same as named views."""
        self.take()
        try:
            self.flat_parameters()
            return self.named("parameters")
        finally:
            self.release()

    cdef dict named(self, str what):
        """The parameters of all networks, or their gradient, as named views; the state, as copies. Where
        there are several, names begin with the prefix of each, but for the outputs of the top one."""
        views = {}
        for config, layer in zip(layer_configs(self.config_), self.layers()):
            if what == "state":
                own = (<NetworkProgress>layer).state()
            else:
                buffers = <NetworkBuffers>layer
                own = layer._views(buffers.parameters_[:] if what == "parameters" else buffers.gradient_)
            for name, view in own.items():
                if name == "output" and not len(view):
                    continue
                plain = name == "output" and layer is self
                views[name if plain else config.get("prefix", "") + name] = view
        return views

    def _state(self):
        """Copies of the state: cell state, cell output, gate activations."""
        self.take()
        try:
            return self.named("state")
        finally:
            self.release()

    cdef object state(self):
        cdef pylstm_network *n = &self.net
        start = n.progress.n_pending * n.buffers.record_stride
        row = self.record_[start:start + n.buffers.record_stride]
        return state_by_name(&n.shape, &n.layout, row, n.layout.at_act, n.layout.at_c, n.layout.at_q)

    # ------------------------------------------------------------ persistence

    def _progress(self):
        """Everything that decides how the stream goes on, as plain numbers and arrays."""
        self.take()
        try:
            return self.progress()
        finally:
            self.release()

    def _identity_and_progress(self):
        """What `_identity` says the network is, and its progress, of one moment."""
        self.take()
        try:
            return {**self._identity(), **self.progress()}
        finally:
            self.release()

    cdef object progress(self):
        cdef pylstm_network *n = &self.net
        progress = {
            **counts(&n.progress),
            "n_absorbed": n.progress.n_absorbed,
            "large_from": n.shape.large_from,
            "learnable": n.progress.learnable,
            "traces_zero": n.progress.traces_zero,
            "all_live": n.progress.all_live,
            "live": self.live_[:n.progress.n_live].copy(),
            "tokens": self.tokens_[:n.progress.n_pending + 1].copy(),
            "parameters": self.parameters_.copy(),
            "record": self.recorded(),
        }
        if not n.progress.traces_zero:
            progress["traces"] = self.traces_.copy()
        if self.sensitivities_.any():
            progress["sensitivities"] = self.sensitivities_.copy()
        if n.progress.collected:
            progress["gradient"] = self.gradient_.copy()
        progress |= self._scales()
        progress["n_updates"] = n.optimizer.n_updates
        progress["output_error"] = n.optimizer.error
        for name, moment in zip(MOMENTS, self.moments_):
            progress[name] = moment.copy()
        if self.eligibility_ is not None:
            progress["eligibility"] = self.eligibility_.copy()
        if self.below:
            progress["below"] = [(<NetworkProgress>layer).progress() for layer in self.below]
        return progress

    cdef object recorded(self):
        """A copy of the rows of the record in use, zero where a row holds what older steps have left:
        errors without an error, coefficients that are computed anew before they are read."""
        cdef pylstm_network *n = &self.net
        cdef const pylstm_layout *layout = &n.layout
        record = self.record_[:(n.progress.n_pending + 1) * n.buffers.record_stride].copy()
        rows = record.reshape(n.progress.n_pending + 1, n.buffers.record_stride)
        rows[rows[:, layout.at_has_error] == 0, layout.at_delta:layout.at_coef] = 0
        # In use are those of steps absorbed, or of the one step that may be learned from eagerly.
        if n.progress.n_absorbed > 0:
            rows[n.progress.n_absorbed + 1:, layout.at_coef:] = 0
        elif n.progress.n_pending != 1:
            rows[:, layout.at_coef:] = 0
        return record

    def _scales(self):
        """The statistics of inputs and targets, of those that are scaled."""
        scales = {}
        if self.scales_inputs():
            scales["input_scale"] = self.scaling.inputs.state()
        if self.scales_targets():
            scales["target_scale"] = self.scaling.targets.state()
        return scales

    def _scales_now(self):
        """The same, of one moment."""
        self.take()
        try:
            return self._scales()
        finally:
            self.release()

    def _restore_scales(self, progress):
        if self.scales_inputs():
            self.scaling.inputs.restore(progress["input_scale"])
        if self.scales_targets():
            self.scaling.targets.restore(progress["target_scale"])

    def _restore(self, progress):
        """Go on from what `_progress` returned, which has been checked, see pylstm/schemas/networks.py;
        where it contradicts itself all the same, the network is as if never built."""
        self.take()
        try:
            self.restore(progress)
        except BaseException:
            self.parameters_ = None
            raise
        finally:
            give(&self.net.busy)

    cdef restore(self, progress):
        cdef pylstm_network *n = &self.net
        buffers = {"parameters": self.parameters_, "traces": self.traces_,
                   "sensitivities": self.sensitivities_, "gradient": self.gradient_, "eligibility": self.eligibility_,
                   **dict(zip(MOMENTS, self.moments_))}
        for layer, own in zip(self.below, progress.get("below", ())):
            (<NetworkProgress>layer).restore(own)
        for name, buffer in buffers.items():
            if name in progress:
                buffer[:] = progress[name]
        record = progress["record"]
        self.make_room(progress["n_pending"])
        self._restore_scales(progress)
        self.record_[:record.size] = record
        self.tokens_[:progress["tokens"].size] = progress["tokens"]
        n.progress.n_live = progress["live"].size
        self.live_[:n.progress.n_live] = progress["live"]
        self.listed_[progress["live"]] = 1
        n.progress.all_live = progress["all_live"]
        restore_counts(&n.progress, progress)
        n.progress.n_absorbed = progress["n_absorbed"]
        n.progress.learnable = progress["learnable"]
        n.progress.traces_zero = progress["traces_zero"]
        n.optimizer.n_updates = progress["n_updates"]
        n.optimizer.error = progress["output_error"]
        refuse_contradiction(network_contradiction(n), "network")

    cdef void forget(self) noexcept nogil:
        """Keep the state and nothing to learn from: records and traces of all layers start anew."""
        cdef pylstm_network *n = &self.net
        cdef ptrdiff_t size = 8 if n.shape.precision == PYLSTM_FLOAT64 else 4
        while n != NULL:
            memmove(n.buffers.record,
                    <char *>n.buffers.record + n.progress.n_pending * n.buffers.record_stride * size,
                    n.layout.state_size * size)
            n.progress.n_pending = n.progress.n_collect = 0
            n.progress.closed = n.progress.learnable = n.progress.has_errors = n.progress.collected = 0
            n.progress.traces_zero = 1
            n = n.below


cdef dict state_by_name(const pylstm_shape *shape, const pylstm_layout *layout, rows, ptrdiff_t at_act,
                        ptrdiff_t at_c, ptrdiff_t at_q):
    """Copies of the state: cell state, cell output, activations; where they are in the rows."""
    parts = [("cell_state", at_c, layout.n_cells), ("cell_output", at_q, layout.n_cells)]
    for name, gate in (("input_gate", layout.row_i), ("forget_gate", layout.row_f),
                       ("output_gate", layout.row_o)):
        if gate >= 0:
            parts.append((name, at_act + gate, shape.n_blocks))
    parts.append(("unit", at_act + layout.row_u, shape.n_units))
    return {name: rows[..., start:start + size].copy() for name, start, size in parts if size > 0}


cdef dict counts(const pylstm_progress *made):
    """What is counted from step to step of a network, or of several streams together."""
    return {
        "n_pending": made.n_pending,
        "n_waiting": made.n_waiting,
        "n_collect": made.n_collect,
        "closed": made.closed,
        "has_errors": made.has_errors,
        "collected": made.collected,
        "n_steps": made.n_steps,
    }


cdef restore_counts(pylstm_progress *made, progress):
    made.n_pending = progress["n_pending"]
    made.n_waiting = progress["n_waiting"]
    made.n_collect = progress["n_collect"]
    made.closed = progress["closed"]
    made.has_errors = progress["has_errors"]
    made.collected = progress["collected"]
    made.n_steps = progress["n_steps"]
