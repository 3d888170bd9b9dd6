"""The dialects: legitimate differences between implementations, as textbook formulas."""

from fractions import Fraction

from golden_exact import INF, NAN, extended_product, extended_sum, fl32



class PyTorch:
    name = "pytorch"
    one_value_is_error = True
    saved = ("saved_mean", "saved_invstd")
    keeps_running = True

    def scalar(self, value):
        """A double as it reaches the implementation."""
        return Fraction(value)

    def normalising_variance(self, squares, n):
        return squares / n

    def running_variance(self, squares, n):
        return squares / (n - 1)

    def denominator(self, variance, eps):
        """(v, e) of √v + e, or None where that is not a positive number."""
        return (variance + eps, Fraction(0)) if variance + eps > 0 else None

    def gradient_radicand(self, variance, eps):
        """V of the 1/√V in the gradient; not a positive number where there is no gradient."""
        return variance + eps

    def average(self, momentum, old, new):
        m = self.scalar(momentum)
        return extended_sum(extended_product(1 - m, old), extended_product(m, new))

    def given_statistics(self, state, channel):
        return state.running_mean.values()[channel], state.running_var.values()[channel]


class FloatScalars(PyTorch):
    one_value_is_error = False

    def scalar(self, value):
        return fl32(value)


class Onnx(FloatScalars):
    """ONNX operator BatchNormalization-15: running = running * momentum + current * (1 - momentum), with
    population variance (ReduceVar), float attributes, and momentum as the weight of the old value."""

    name = "onnx"
    saved = ()

    def running_variance(self, squares, n):
        return squares / n

    def average(self, momentum, old, new):
        w = self.scalar(1 - momentum)
        return extended_sum(extended_product(w, old), extended_product(1 - w, new))


class Keras(Onnx):
    """Keras 3: moving * momentum + batch * (1.0 - momentum). Both weights are Python numbers, and each
    becomes a float by itself where it meets a float tensor: their sum may differ from 1."""

    name = "keras"

    def average(self, momentum, old, new):
        return extended_sum(extended_product(self.scalar(1 - momentum), old),
                            extended_product(self.scalar(momentum), new))


class OneDnn(FloatScalars):
    """The primitive: batch mean and population variance are outputs; the caller averages them."""

    name = "onednn"
    saved = ("saved_mean", "saved_var")
    keeps_running = False


class Caffe(FloatScalars):
    """Sums instead of averages: S ← f·S + s, c ← f·c + 1, and S/c is used (0 while c is 0).
    The correction m/(m−1) of the variance is 1 for m = 1."""

    name = "caffe"
    saved = ()

    def running_variance(self, squares, n):
        return squares / (n - 1) if n > 1 else squares / n

    def average(self, momentum, old, new):
        return extended_sum(extended_product(self.scalar(1 - momentum), old), new)

    def given_statistics(self, state, channel):
        c = state.running_weight.values()[0]
        factor = 1 / c if c != 0 else Fraction(0)
        return [extended_product(factor, s) for s in super().given_statistics(state, channel)]


class Darknet(Keras):
    """The CPU path: variance over n − 1 everywhere (0/0 for one value), ε outside the root, and
    rolling = .99f * rolling + .01f * batch with two float constants. The backward path has an ε of its own,
    .00001f inside the root, and divides by n: it is not the gradient of the forward path."""

    name = "darknet"
    saved = ("saved_mean", "saved_var")

    def normalising_variance(self, squares, n):
        return squares / (n - 1) if n > 1 else NAN

    def running_variance(self, squares, n):
        return self.normalising_variance(squares, n)

    def denominator(self, variance, eps):
        return (variance, eps) if variance >= 0 and (variance > 0 or eps > 0) else None

    def gradient_radicand(self, variance, eps):
        return variance + fl32(1e-5)


DIALECTS = {d.name: d for d in (PyTorch(), Onnx(), Keras(), OneDnn(), Caffe(), Darknet())}
