"""The optimiser of every fit: Adam with decoupled weight decay."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.network.network import Weights


class Adam:
    """Adam with decoupled weight decay (Kingma and Ba 2015)."""

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7

    def __init__(self, variables: list[tf.Variable], weight_decay: float) -> None:
        self._variables = variables
        self._decay = weight_decay
        self._first = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self._second = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self._step = tf.Variable(0.0)

    def state(self) -> Weights:
        """Return all that it remembers, by name."""
        kept = [*self._first, *self._second, self._step]
        return {f"adam/{number}": of.numpy() for number, of in enumerate(kept)}

    def restore(self, state: Mapping[str, NDArray[np.floating]]) -> None:
        """Go on from `state`."""
        for number, of in enumerate([*self._first, *self._second, self._step]):
            of.assign(state[f"adam/{number}"])

    def apply(self, gradients: list[tf.Tensor], rate: tf.Tensor) -> None:
        """Move the variables one step downhill."""
        self._step.assign_add(1)
        unbias1 = 1 - self.BETA1**self._step
        unbias2 = 1 - self.BETA2**self._step
        for variable, gradient, first, second in zip(
            self._variables, gradients, self._first, self._second, strict=True
        ):
            first.assign(self.BETA1 * first + (1 - self.BETA1) * gradient)
            second.assign(self.BETA2 * second + (1 - self.BETA2) * gradient**2)
            move = (first / unbias1) / (tf.sqrt(second / unbias2) + self.EPSILON)
            variable.assign_sub(rate * (move + self._decay * variable))
