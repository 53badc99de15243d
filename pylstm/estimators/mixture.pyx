# cython: language_level=3, cdivision=True, binding=True
"""What several networks say of a row, mixed by what their losses have been so far.

    numbers   p = sum_k w_k y_k      w_k = m_k^-16 / sum_j m_j^-16                  `ByError`
              m_k the mean absolute error of expert k, over the last thousand rows or so
    classes   p = softmax(sum_k a_k log y_k)    a_k += 0.005 (t - p) . log y_k      `ByLikelihood`

The first follows the best of few experts closely, without adding up what one of them says wrongly;
the second is the logarithmic opinion pool, its weights learned by the gradient of its own
cross-entropy, as context mixing does it (Mattern, Mixing strategies in data compression, 2012): it
takes what every expert knows, and sharpens or blunts it to the frequencies that come.

Outputs are rows of float64, (n_experts, n_targets) one after another.
"""

import numpy as np

from pylstm._core cimport numpy_api as cnp
from libc.math cimport exp, fabs, fmax, log, pow

from pylstm.estimators.numbers cimport numbers

cnp.import_array()

LEAST_PROBABILITY = 1e-4

cdef double LEAST = LEAST_PROBABILITY
cdef double ROWS_REMEMBERED = 1000  # of errors
cdef double POWER = -16  # of a mean absolute error
cdef double OUTLIER = 20  # times the mean error: no larger one is believed at once
cdef double POOL_RATE = 0.005


cdef class Mixture:
    """What is known of the experts, and how it mixes what they say."""

    cdef void mix_row(self, const double *outputs, double *mixed) noexcept nogil:
        """What the experts say together."""

    cdef void learn_row(self, const double *outputs, const double *target, double *mixed) noexcept nogil:
        """The same, and learn from what was wanted."""

    cdef Mixture copied(self):
        copy = type(self)(self.n_experts, self.n_targets)
        copy.restore(self.state())
        return copy


cdef class ByError(Mixture):
    """Numbers are mixed by the mean absolute errors of the experts, every target for itself."""

    def __init__(self, n_experts, n_targets=1):
        self.n_experts, self.n_targets = n_experts, 0
        self.errors_ = self.shares_ = np.empty((0, n_experts))
        self.n_rows_ = np.empty(0)
        self.grow(n_targets)

    def grow(self, n_targets):
        """There are so many targets by now."""
        more = n_targets - self.n_targets
        if more > 0:
            zeros = np.zeros((more, self.n_experts))
            self.errors_ = np.concatenate([self.errors_, zeros])
            self.shares_ = np.concatenate([self.shares_, zeros + 1.0 / self.n_experts])
            self.n_rows_ = np.concatenate([self.n_rows_, np.zeros(more)])
            self.n_targets = n_targets
            self.point()

    cdef void point(self):
        """The pointers to the arrays there are."""
        self.errors, self.shares = numbers(self.errors_), numbers(self.shares_)
        self.n_rows = numbers(self.n_rows_)

    @property
    def weights(self):
        """An expert's: a number, or one a target."""
        return self.shares_[0].tolist() if self.n_targets == 1 else list(self.shares_.T)

    cdef void mix_row(self, const double *outputs, double *mixed) noexcept nogil:
        cdef Py_ssize_t j, k
        for j in range(self.n_targets):
            mixed[j] = 0
            for k in range(self.n_experts):
                mixed[j] += self.shares[j * self.n_experts + k] * outputs[k * self.n_targets + j]

    cdef void learn_row(self, const double *outputs, const double *target, double *mixed) noexcept nogil:
        cdef Py_ssize_t j
        self.mix_row(outputs, mixed)
        if self.n_experts > 1:
            for j in range(self.n_targets):
                if target[j] == target[j]:
                    self.learn_target(j, target[j], outputs)

    cdef void learn_target(self, Py_ssize_t j, double wanted, const double *outputs) noexcept nogil:
        cdef double *errors = self.errors + j * self.n_experts
        cdef double *n = self.n_rows + j
        cdef double error
        cdef Py_ssize_t k
        n[0] = min(n[0] + 1, ROWS_REMEMBERED)
        for k in range(self.n_experts):
            error = fabs(wanted - outputs[k * self.n_targets + j])
            if errors[k] != 0 and n[0] > 1:
                error = min(error, OUTLIER * errors[k])
            errors[k] += (error - errors[k]) / n[0]
        self.weigh(j)

    cdef void weigh(self, Py_ssize_t j) noexcept nogil:
        cdef const double *errors = self.errors + j * self.n_experts
        cdef double *shares = self.shares + j * self.n_experts
        cdef double least = errors[0], total = 0
        cdef Py_ssize_t k
        for k in range(self.n_experts):
            least = min(least, errors[k])
        for k in range(self.n_experts):
            shares[k] = pow(errors[k] / least, POWER) if least != 0 else errors[k] == 0
            total += shares[k]
        for k in range(self.n_experts):
            shares[k] /= total

    def drop(self, k):
        """Expert k is there no more."""
        self.n_experts -= 1
        self.errors_, self.shares_ = np.delete(self.errors_, k, 1), np.delete(self.shares_, k, 1)
        self.point()
        for j in range(self.n_targets):
            self.weigh(j)

    @property
    def best(self):
        """The expert that counts most, of the targets together."""
        return int(self.shares_.sum(0).argmax())

    def state(self):
        """Return what `restore` goes on from."""
        return {"n_rows": [int(n) for n in self.n_rows_], "errors": self.errors_.ravel().copy()}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.n_rows_ = np.array(state["n_rows"], float)
        self.n_targets = self.n_rows_.size
        self.errors_ = np.array(state["errors"], float).reshape(self.n_targets, self.n_experts)
        self.shares_ = np.empty_like(self.errors_)
        self.point()
        for j in range(self.n_targets):
            self.weigh(j)


cdef class ByLikelihood(Mixture):
    """Probabilities are pooled, with weights that follow the gradient of the cross-entropy."""

    def __init__(self, n_experts, n_targets=1):
        self.n_experts = n_experts
        self.weights_ = np.full(n_experts, 1 / n_experts)
        self.grow(n_targets)

    def grow(self, n_targets):
        """There are so many classes by now, which are weighed alike."""
        self.n_targets = n_targets
        self.logs_ = np.empty((self.n_experts, n_targets))
        self.point()

    cdef void point(self):
        """The pointers to the arrays there are."""
        self.shares, self.logs = numbers(self.weights_), numbers(self.logs_)

    @property
    def weights(self):
        """An expert's."""
        return self.weights_

    cdef void pool(self, const double *outputs, double *mixed) noexcept nogil:
        cdef const double *weights = self.shares
        cdef double *logs = self.logs
        cdef Py_ssize_t j, k, n = self.n_targets
        cdef double mean, most, total = 0
        for j in range(n):
            mixed[j] = 0
        for k in range(self.n_experts):
            mean = 0
            for j in range(n):
                logs[k * n + j] = log(fmax(outputs[k * n + j], LEAST))
                mean += logs[k * n + j]
            mean /= n
            for j in range(n):
                logs[k * n + j] -= mean
                mixed[j] += weights[k] * logs[k * n + j]
        most = mixed[0]
        for j in range(n):
            most = fmax(most, mixed[j])
        for j in range(n):
            mixed[j] = exp(mixed[j] - most)
            total += mixed[j]
        for j in range(n):
            mixed[j] /= total

    cdef void mix_row(self, const double *outputs, double *mixed) noexcept nogil:
        cdef Py_ssize_t j
        if self.n_experts > 1:
            self.pool(outputs, mixed)
            return
        for j in range(self.n_targets):
            mixed[j] = outputs[j]

    cdef void learn_row(self, const double *outputs, const double *target, double *mixed) noexcept nogil:
        cdef double *weights = self.shares
        cdef const double *logs = self.logs
        cdef Py_ssize_t j, k, n = self.n_targets
        cdef double slope
        self.mix_row(outputs, mixed)
        if self.n_experts == 1:
            return
        for k in range(self.n_experts):
            slope = 0
            for j in range(n):
                slope += logs[k * n + j] * (target[j] - mixed[j])
            weights[k] += POOL_RATE * slope

    def drop(self, k):
        """Expert k is there no more."""
        self.n_experts -= 1
        self.weights_ = np.delete(self.weights_, k)
        self.grow(self.n_targets)

    @property
    def best(self):
        """The expert that counts most."""
        return int(np.argmax(self.weights_))

    def state(self):
        """Return what `restore` goes on from."""
        return {"weights": self.weights_.copy()}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.weights_ = np.array(state["weights"], float)
        self.point()
