"""Adam, and clipping, that are wrong."""

import numpy as np

from mlp import Adam, AdamW, Parameter, clip_grad_norm
from museum.exhibit import Exhibit
from museum.tools import Moments, first_steps, ready, show


class NoBiasCorrection(Exhibit):
    """Adam without bias correction.

    The loss leaps in the first steps, and then it trains as usual. m and v
    begin at 0; after one step m is 0.1 g, √v is 0.032 |g|, and their quotient
    3.16. Divided by 1 − β₁ and 1 − β₂, they are g and |g| (Kingma and Ba, ICLR
    2015, section 3).
    """

    says = "Wrong's first step: 3.16 lr"
    clean = "Right's first step: 1.00 lr\nAdam's first step: 1.00 lr\n"
    instead = "Look at the first step: it is to be as long as lr, in every entry."

    class Wrong(Moments):
        def step(self):
            for p, m, v in zip(self.parameters, self.m, self.v, strict=True):
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad**2 - v)
                p.data -= self.lr * m / (np.sqrt(v) + 1e-8)

    class Right(Moments):
        def step(self):
            self.t += 1
            for p, m, v in zip(self.parameters, self.m, self.v, strict=True):
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad**2 - v)
                m_hat, v_hat = m / (1 - 0.9**self.t), v / (1 - 0.999**self.t)
                p.data -= self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)

    def look(It):
        first_steps(It, 5.0)
        first_steps(Adam, 5.0)


class EpsilonInside(Exhibit):
    """ε inside the root.

    It trains, but parameters with small gradients hardly move, though Adam was chosen
    for their sake: √(v + 10⁻⁸) is never below 10⁻⁴, whereas √v + 10⁻⁸ goes down to
    10⁻⁸. RMSprop is published in both forms; an ε of one form is not right for the
    other.
    """

    says = "Wrong's first step: 1.00 lr, 0.10 lr"
    clean = (
        "Right's first step: 1.00 lr, 1.00 lr\nAdam's first step: 1.00 lr, 1.00 lr\n"
    )
    instead = "Look at the first step along a gradient of 10⁻⁵: it is to be lr long."

    class Wrong(Moments):
        def step(self):
            self.t += 1
            for p, m, v in zip(self.parameters, self.m, self.v, strict=True):
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad**2 - v)
                m_hat, v_hat = m / (1 - 0.9**self.t), v / (1 - 0.999**self.t)
                p.data -= self.lr * m_hat / np.sqrt(v_hat + 1e-8)

    Right = NoBiasCorrection.Right

    def look(It):
        first_steps(It, 5.0, 1e-5)
        first_steps(Adam, 5.0, 1e-5)


class CountedForEachParameter(Exhibit):
    """t is counted once for each parameter.

    The first parameter is right, and the others begin with steps that are too
    short, the more so the further back they stand in the list. `self.t += 1`
    stands one indentation too deep.
    """

    says = "Wrong's first step: 1.00 lr, 0.74 lr, 0.64 lr"
    clean = (
        "Right's first step: 1.00 lr, 1.00 lr, 1.00 lr\n"
        "Adam's first step: 1.00 lr, 1.00 lr, 1.00 lr\n"
    )
    instead = "Look at the first step of several parameters: all are to be lr long."

    class Wrong(Moments):
        def step(self):
            for p, m, v in zip(self.parameters, self.m, self.v, strict=True):
                self.t += 1
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad**2 - v)
                m_hat, v_hat = m / (1 - 0.9**self.t), v / (1 - 0.999**self.t)
                p.data -= self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)

    Right = NoBiasCorrection.Right

    def look(It):
        first_steps(It, 5.0, 5.0, 5.0)
        first_steps(Adam, 5.0, 5.0, 5.0)


class DecayInsideAdam(Exhibit):
    """Decay inside Adam, where AdamW was meant.

    weight_decay can be set to anything, and little changes. In Adam λ θ is a part
    of the gradient, and is divided by its size like the rest: where the gradient
    is large, nothing of the decay is left. AdamW takes lr λ θ beside the step
    (Loshchilov and Hutter, ICLR 2019).
    """

    says = "the decay moves a weight of 1 by 0.0000"
    clean = "the decay moves a weight of 1 by 0.0100\n"
    instead = (
        "Take a step with the decay and one without it: the difference is to be lr λ θ."
    )

    def wrong(parameters, weight_decay):
        return Adam(parameters, lr=0.1, weight_decay=weight_decay)

    def right(parameters, weight_decay):
        return AdamW(parameters, lr=0.1, weight_decay=weight_decay)

    def look(It):
        with_decay, without = Parameter([1.0]), Parameter([1.0])
        for p, weight_decay in ((with_decay, 0.1), (without, 0.0)):
            p.grad = [5.0]
            It([p], weight_decay).step()
        moved = abs(with_decay.data[0] - without.data[0])
        show(f"the decay moves a weight of 1 by {moved:.4f}")


class ClippedByEntry(Exhibit):
    """Each entry is clipped, where the norm was meant.

    Training is stable, and slower than it could be: the step no longer points along
    the gradient, since large entries are cut and small ones are not. Scale all
    gradients by one factor.
    """

    says = "angle to the gradient: 42°"
    clean = "angle to the gradient: 0°\n"
    instead = (
        "Look at the angle between the gradient before and after: it is to be 0. "
        "clip_grad_norm returns the norm before."
    )

    def wrong(parameters, most):
        for p in parameters:
            p.grad = np.clip(p.grad, -most, most)

    def right(parameters, most):
        clip_grad_norm(parameters, most)

    def look(It):
        p, before = Parameter([0.0, 0.0]), np.array([10.0, 0.5])
        p.grad = before
        It([p], 0.5)
        cosine = before @ p.grad / (np.linalg.norm(before) * np.linalg.norm(p.grad))
        show(f"angle to the gradient: {np.degrees(np.arccos(min(cosine, 1))):.0f}°")


class ClippedParameterByParameter(Exhibit):
    """The norm of each parameter by itself.

    The step turns, as in the exhibit before: a layer with a large gradient is held
    back, and one with a small gradient is not. The norm that is meant is that of all
    gradients as one vector.
    """

    says = "first over second gradient: 1.0"
    clean = "first over second gradient: 100.0\n"
    instead = "Look at the ratio of two gradients: clipping is to leave it as it is."

    def wrong(parameters, most):
        for p in parameters:
            clip_grad_norm([p], most)

    def right(parameters, most):
        clip_grad_norm(parameters, most)

    def look(It):
        first, second = Parameter([0.0]), Parameter([0.0])
        first.grad, second.grad = [200.0], [2.0]
        It([first, second], 1.0)
        ratio = first.grad[0] / second.grad[0]
        show(f"first over second gradient: {ratio:.1f}")


class ClippedTooEarly(Exhibit):
    """Clipping between zero_grad and backward.

    The loss explodes as if nothing were clipped, and nothing is: there is no
    gradient yet, or it is that of the step before.
    """

    says = "norm that was clipped: 0.00"
    clean = "norm that was clipped: 0.84\n"
    instead = "Print what clip_grad_norm returns: 0 says that there was no gradient."

    def wrong(model, criterion, optimizer, x, y):
        criterion.forward(model.forward(x), y)
        optimizer.zero_grad()
        norm = clip_grad_norm(model.parameters(), 1.0)
        model.backward(criterion.backward())
        optimizer.step()
        return norm

    def right(model, criterion, optimizer, x, y):
        criterion.forward(model.forward(x), y)
        optimizer.zero_grad()
        model.backward(criterion.backward())
        norm = clip_grad_norm(model.parameters(), 1.0)
        optimizer.step()
        return norm

    def look(It):
        show(f"norm that was clipped: {It(*ready()):.2f}")
