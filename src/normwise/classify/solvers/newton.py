r"""Penalised cross-entropy, minimised by Newton's method with conjugate gradients.

The cost is Σ sᵢ·(−log p(yᵢ)) + ½·λ·‖w‖², the intercept unpenalised; with λ = 1/C it is scikit-learn's
``LogisticRegression`` divided by C. Two classes have one score, whose logistic function is the probability of
the last class. K classes have K scores and the softmax. The penalty makes their sum zero at the optimum, so
K − 1 orthonormal contrasts determine them, and the direction in which the cost is flat is gone.

Every step solves the Newton equations inexactly by conjugate gradients (Dembo, Eisenstat and Steihaug 1982),
preconditioned by the diagonal: in the coordinates of `normwise.classify.solvers.row_space` the Hessian is
nearly diagonal, so that a few products with the rows are enough. `minimise_dual` finds the minimum of two
classes of few rows by Cholesky factors, and `Recalibration` that of two unknowns for thousands of weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs
from scipy.special import expit, log_softmax, softmax

__all__ = ["CrossEntropy", "Minimum", "Recalibration", "minimise", "minimise_dual"]

Floats = NDArray[np.float64]

_MOST_STEPS = 200
_CONVERGED = 1e-6  # relative change of the scores; the step after it would change them by its square
_MOST_DUAL_STEPS = 60
_NEAR = 0.25  # log-odds that scores may have moved since the Hessian that a step is taken with
_DUAL_CONVERGED = 1e-8  # relative change of the scores by the step that is not made
_FLAT = 1e-20  # a smaller slope of the logistic function leaves Newton's step to rounding
_MOST_RECALIBRATION_STEPS, _SMALL_STEP, _LONG_STEP = 50, 1e-5, 2.0
_SEPARATED = 20.0  # a larger intercept or slope is as good as separated
_CELLS = 40_000  # numbers worked on at a time: so many stay in a processor's cache
_CACHED = 2**16  # numbers of the design that a processor's cache holds
_OUTERMOST = 32  # of either end of a class: a sample without any of them is one in 10¹³
_MANY = 1024  # samples from which on they are spread on nodes
_NODES = 20  # on an interval over which the logistic function's argument moves by 2: errors below 1e-12
_TINY = float(np.finfo(float).tiny)
_ARMIJO = 1e-4  # share of the predicted decrease that a step must reach (Nocedal and Wright 2006, 3.1)


class CrossEntropy:
    """Rows, targets and weights of one problem.

    Parameters
    ----------
    design : ndarray of shape (n_samples, n_dimensions + 1)
        Centred rows, best in coordinates whose columns are orthogonal, with a column of ones behind them; it
        is not copied.
    targets : ndarray of shape (n_samples, 1) or (n_samples, n_classes)
        Probability of the last of two classes, or of each class.
    weights : ndarray of shape (n_samples,)
        Weight of each row.
    """

    def __init__(self, design: Floats, targets: Floats, weights: Floats) -> None:
        self.design, self.targets, self.weights = design, targets, weights
        n_classes = targets.shape[1]
        self.contrasts = None if n_classes == 1 else _contrasts(n_classes)
        self.n_columns = max(1, n_classes - 1)
        self.squares = np.einsum("ij,ij->j", self.design, self.design)[:, None]

    @classmethod
    def of_rows(cls, rows: Floats, targets: Floats, weights: Floats) -> Self:
        """Put the column of ones behind rows, (n_samples, n_dimensions)."""
        return cls(np.column_stack([rows, np.ones(len(rows))]), targets, weights)

    def cost(self, scores: Floats) -> float:
        """Return the weighted cross-entropy of scores (n_samples, n_columns)."""
        if self.contrasts is None:
            score, target = scores[:, 0], self.targets[:, 0]
            # Of a sure and right row the loss is less than the last digit of the score.
            losses = (1.0 - target) * np.logaddexp(0.0, score) + target * np.logaddexp(0.0, -score)
        else:
            logs = log_softmax(scores @ self.contrasts.T, axis=1)
            losses = -np.einsum("ij,ij->i", self.targets, logs)
        return float(self.weights @ losses)

    def probabilities(self, scores: Floats) -> Floats:
        """Return the probability of each class, (n_samples, n_classes)."""
        if self.contrasts is None:
            # Both, since one minus a probability next to 1 has lost its digits.
            return np.column_stack([expit(-scores), expit(scores)])
        return np.asarray(softmax(scores @ self.contrasts.T, axis=1))

    def slope(self, probabilities: Floats) -> Floats:
        """Return the derivative of the cost by the scores, (n_samples, n_columns)."""
        if self.contrasts is None:
            target = self.targets[:, 0]
            gap = (1.0 - target) * probabilities[:, 1] - target * probabilities[:, 0]
            return (self.weights * gap)[:, None]
        gaps = self.weights[:, None] * (probabilities - self.targets)
        return np.asarray(gaps @ self.contrasts)

    def curvature(self, probabilities: Floats) -> Floats:
        """Return the second derivative by the scores, (n_columns, n_columns, n_samples)."""
        if self.contrasts is None:
            return (self.weights * probabilities[:, 0] * probabilities[:, 1])[None, None]
        # A sum over pairs of classes has no cancelling terms, unlike mean of squares less squared mean.
        first, second = np.triu_indices(self.contrasts.shape[0], k=1)
        apart = self.contrasts[first] - self.contrasts[second]
        products = self.weights[:, None] * probabilities[:, first] * probabilities[:, second]
        return np.asarray(np.einsum("ip,pa,pb->abi", products, apart, apart))

    def per_class(self, columns: Floats) -> Floats:
        """Turn columns of contrasts, (..., n_columns), into one a class."""
        return columns if self.contrasts is None else columns @ self.contrasts.T


@dataclass(frozen=True)
class Minimum:
    """Where the cost is least.

    Attributes
    ----------
    weights : ndarray of shape (n_dimensions, 1) or (n_dimensions, n_classes)
        Weights of the rows' coordinates.
    intercept : ndarray of shape (1,) or (n_classes,)
        Unpenalised.
    columns : ndarray of shape (n_dimensions + 1, n_columns)
        The same in contrasts, intercept last: a start for the next penalty.
    n_steps : int
        Newton steps.
    converged : bool
        Whether the scores stopped changing.
    """

    weights: Floats
    intercept: Floats
    columns: Floats
    n_steps: int
    converged: bool


def minimise(problem: CrossEntropy, penalty: float, start: Floats | None = None) -> Minimum:
    """Minimise the penalised cross-entropy.

    Parameters
    ----------
    problem : CrossEntropy
        Rows, targets, weights.
    penalty : float
        λ in ½·λ·‖w‖², above 0.
    start : ndarray of shape (n_dimensions + 1, n_columns), optional
        Where to begin, as `Minimum.columns` of a neighbouring penalty; default: zero.

    Returns
    -------
    Minimum

    Examples
    --------
    >>> rows = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    >>> minimum = minimise(CrossEntropy.of_rows(rows, (rows > 0).astype(float), np.ones(4)), penalty=1.0)
    >>> bool(np.isclose(minimum.weights[0, 0], 4 / (1 + np.exp(minimum.weights[0, 0]))))
    True
    """
    design = problem.design
    shrink = np.full((design.shape[1], 1), penalty)
    shrink[-1] = 0.0
    at = np.zeros((design.shape[1], problem.n_columns)) if start is None else start
    scores = design @ at
    cost = problem.cost(scores) + 0.5 * float(np.vdot(at, shrink * at))
    n_steps, converged = 0, False
    while not converged and n_steps < _MOST_STEPS:
        n_steps += 1
        probabilities = problem.probabilities(scores)
        gradient = design.T @ problem.slope(probabilities) + shrink * at
        step, change = _newton_step(problem, problem.curvature(probabilities), shrink, gradient)
        decrease = -float(np.vdot(gradient, step))
        share = 1.0
        while True:
            reached, moved = at + share * step, scores + share * change
            new_cost = problem.cost(moved) + 0.5 * float(np.vdot(reached, shrink * reached))
            # A decrease below the cost's rounding error can't be seen, so the full step is trusted.
            if new_cost <= cost - _ARMIJO * share * decrease or decrease <= 1e-12 * abs(cost) or share < 1e-9:
                break
            share *= 0.5
        at, scores, cost = reached, moved, new_cost
        converged = share == 1.0 and bool(np.abs(change).max() <= _CONVERGED * np.abs(scores).max())
    return Minimum(problem.per_class(at[:-1]), problem.per_class(at[-1]), at, n_steps, converged)


def minimise_dual(
    gram: Floats, target: Floats, penalty: float, start: tuple[Floats, float]
) -> tuple[Floats, float, int] | None:
    """Minimise the cost of two equally weighted classes from the rows' products with one another.

    The weights of the features are ``rows.T @ multipliers``, and the multipliers sum to zero. A step needs a
    Cholesky factor of as many unknowns as there are rows, which for some two hundred rows is the shortest;
    near the minimum the last factor serves again (the chord method: Kelley 1995, *Iterative Methods for
    Linear and Nonlinear Equations*, section 5.4).

    Parameters
    ----------
    gram : ndarray of shape (n_samples, n_samples)
        Products of the centred rows.
    target : ndarray of shape (n_samples,)
        1 for the last class, else 0.
    penalty : float
        λ in ½·λ·‖w‖², above 0.
    start : tuple of ndarray of shape (n_samples,) and float
        Multipliers, which sum to zero, and intercept where to begin.

    Returns
    -------
    tuple of ndarray of shape (n_samples,), float and int, or None
        Multipliers, intercept and number of steps; None where full steps don't converge, so that
        `minimise` is needed.

    Examples
    --------
    >>> rows = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    >>> target = (rows[:, 0] > 0).astype(float)
    >>> multipliers, *_ = minimise_dual(rows @ rows.T, target, 1.0, (np.zeros(4), 0.0))
    >>> direct = minimise(CrossEntropy.of_rows(rows, target[:, None], np.ones(4)), penalty=1.0)
    >>> np.allclose(rows.T @ multipliers, direct.weights[:, 0])
    True
    """
    multipliers, intercept = start
    scores = gram @ multipliers + intercept
    ones, sign = np.ones(len(target)), 2.0 * target - 1.0
    drift = np.inf
    for n_steps in range(1, _MOST_DUAL_STEPS + 1):
        wrong = expit(-sign * scores)  # probability of the other class, which keeps its digits near 0
        if drift > _NEAR:
            curvature = wrong * (1.0 - wrong)
            if np.minimum.reduce(curvature) < _FLAT:
                return None
            system = gram.copy()
            system.flat[:: len(target) + 1] += penalty / curvature
            # Symmetric; transposed it is in the order that LAPACK works on without a copy.
            factor, failed = dpotrf(system.T, lower=True, clean=False, overwrite_a=True)
            if failed:
                return None
            constant, _ = dpotrs(factor, ones, lower=True)
            drift = 0.0
        gap = sign * wrong - penalty * multipliers
        step, _ = dpotrs(factor, gap / curvature, lower=True)
        # The multipliers go on summing to zero.
        shift = float(np.add.reduce(step) / np.add.reduce(constant))
        multipliers = multipliers + step - shift * constant
        intercept += shift
        moved = gram @ multipliers + intercept
        change = float(np.maximum.reduce(np.abs(moved - scores)))
        drift, scores = drift + change, moved
        # A step that arrives anywhere arrives at the minimum, since the cost is convex; one that goes too far
        # ends where the logistic function is flat. The next step would be no longer than this product.
        if change * drift <= _DUAL_CONVERGED * float(np.maximum.reduce(np.abs(scores))):
            return multipliers, intercept, n_steps
    return None


class Recalibration:
    """Intercept a and slope b of logit P(truth) = a + b · score, by maximum likelihood (Cox 1958).

    Of very many samples the likelihood is summed over nodes of the score in place of the samples. Each sample
    spreads its weight on the Chebyshev nodes of an interval that holds it, by Lagrange's polynomials: for a
    function as smooth as the logistic on an interval so short the two sums agree to some 12 digits.

    Parameters
    ----------
    log_odds : ndarray of shape (n_samples,)
        The score.
    truth : ndarray of shape (n_samples,)
        1 for a member of the class, else 0.
    start : ndarray of shape (2,)
        Intercept and slope where to begin.
    slope : bool
        Whether the slope is fitted, or stays where it began.

    Examples
    --------
    >>> truth = np.array([0.0, 1.0, 1.0, 1.0])  # odds of three to one
    >>> fitted = Recalibration(np.zeros(4), truth, np.array([0.0, 1.0]), slope=False).fit(np.ones((1, 4)))
    >>> np.allclose(fitted, [[np.log(3.0), 1.0]])
    True
    """

    def __init__(self, log_odds: Floats, truth: Floats, start: Floats, *, slope: bool) -> None:
        self.log_odds, self.truth, self.start, self.slope = log_odds, truth, start, slope
        self.sums = truth[:, None] * _powers(log_odds)[:, :2]
        self.nodes, self.parts = log_odds, list[tuple[NDArray[np.intp], Floats]]()
        if len(log_odds) >= _MANY:
            nodes, parts = _spread(log_odds, 2.0 / max(1.0, abs(start[1])))
            if 2 * len(nodes) < len(log_odds):
                self.nodes, self.parts = nodes, parts
        order = np.argsort(log_odds, kind="stable")
        ends = [
            part
            for of_class in (order[truth[order] > 0], order[truth[order] <= 0])
            for part in (of_class[:_OUTERMOST], of_class[-_OUTERMOST:])
        ]
        self.outermost = np.unique(np.concatenate(ends))

    def fit(self, weights: Floats) -> Floats:
        """Fit it under sets of weights, such as the counts of bootstrap draws.

        Parameters
        ----------
        weights : ndarray of shape (n_sets, n_samples)
            Not negative.

        Returns
        -------
        ndarray of shape (n_sets, 2)
            Intercept and slope; NaN where the likelihood has no maximum: a class has no weight, or, of a
            fitted slope, the score separates the classes (Albert and Anderson 1984).
        """
        solution = np.full((len(weights), 2), np.nan)
        rows = np.flatnonzero(~self._no_maximum(weights))
        observed, mass = weights @ self.sums, self._on_nodes(weights)
        size = max(1, _CELLS // len(self.nodes))
        for first in range(0, len(rows), size):
            some = rows[first : first + size]
            solution[some] = self._climb(mass[some], observed[some])
        return solution

    def _on_nodes(self, weights: Floats) -> Floats:
        if not self.parts:
            return weights
        return np.concatenate(
            [weights[:, _range_of(inside)] @ shares for inside, shares in self.parts], axis=1
        )

    def _climb(self, weights: Floats, observed: Floats) -> Floats:
        """Maximise the likelihood of weighted nodes by Newton's method."""
        solution = np.tile(self.start, (len(weights), 1))
        converged = np.zeros(len(weights), dtype=bool)
        rows = np.arange(len(weights))
        powers = _powers(self.nodes)
        for number in range(_MOST_RECALIBRATION_STEPS):
            if not len(rows):
                break
            if number == 0:
                # All sets begin at the same place, so that their probabilities are the same.
                at = self.start[0] + self.start[1] * self.nodes
                first = expit(at)[:, None] * powers
                score = observed - weights @ first[:, :2]
                curvature = weights @ (first * expit(-at)[:, None])
            else:
                # 1 / (1 + exp(−a − b x)) in place: this loop is most of the time of a bootstrap.
                p = solution[rows, 1:] * -self.nodes
                p -= solution[rows, :1]
                with np.errstate(over="ignore"):  # exp(∞) is the right answer far out: p = 0
                    np.exp(p, out=p)
                p += 1.0
                np.reciprocal(p, out=p)
                spread = weights * p
                score = observed - spread @ powers[:, :2]
                spread *= np.subtract(1.0, p, out=p)
                curvature = spread @ powers
            h_aa, h_ab, h_bb = curvature.T
            step = np.zeros_like(score)
            if self.slope:
                determinant = h_aa * h_bb - h_ab**2
                safe = np.where(determinant > 0, determinant, np.nan)
                step[:, 0] = (h_bb * score[:, 0] - h_ab * score[:, 1]) / safe
                step[:, 1] = (h_aa * score[:, 1] - h_ab * score[:, 0]) / safe
            else:
                step[:, 0] = score[:, 0] / np.where(h_aa > 0, h_aa, np.nan)
            # A long step from far away overshoots; the likelihood is concave, so a bounded one gets there.
            size = np.abs(step).max(axis=1)
            solution[rows] += step * np.minimum(1.0, _LONG_STEP / np.maximum(size, 1e-300))[:, None]
            # Newton squares its error: a step this small leaves one far below any rounding that is shown.
            converged[rows] = size < _SMALL_STEP
            moving = (size >= _SMALL_STEP) & np.isfinite(size)
            if not moving.all():
                rows, weights, observed = rows[moving], weights[moving], observed[moving]
        finite = converged & (np.abs(solution) < _SEPARATED).all(axis=1)
        return np.where(finite[:, None], solution, np.nan)

    def _no_maximum(self, weights: Floats) -> NDArray[np.bool_]:
        """Whether intercept or slope would grow without end.

        Newton's steps can't tell: once every probability is next to 0 or 1, rounding decides where they stop.
        Where the outermost samples of the classes overlap, all of them do.
        """
        few = self.outermost
        without = self._parted(weights[:, few], few)
        asked = np.flatnonzero(without)
        if len(asked) and len(few) < len(self.log_odds):
            without[asked] = self._parted(weights[asked], np.arange(len(self.log_odds)))
        return without

    def _parted(self, weights: Floats, samples: NDArray[np.intp]) -> NDArray[np.bool_]:
        drawn, odds, member = weights > 0, self.log_odds[samples], self.truth[samples] > 0
        members, others = drawn[:, member], drawn[:, ~member]
        if not self.slope:
            return np.asarray(~members.any(axis=1) | ~others.any(axis=1))
        of_members, of_others = odds[member], odds[~member]
        lowest = np.where(members, of_members, np.inf).min(axis=1, initial=np.inf)
        highest = np.where(members, of_members, -np.inf).max(axis=1, initial=-np.inf)
        above = np.where(others, of_others, -np.inf).max(axis=1, initial=-np.inf) <= lowest
        below = highest <= np.where(others, of_others, np.inf).min(axis=1, initial=np.inf)
        return np.asarray(above | below)


def _powers(log_odds: Floats) -> Floats:
    return np.stack([np.ones_like(log_odds), log_odds, log_odds**2], axis=1)


def _spread(log_odds: Floats, width: float) -> tuple[Floats, list[tuple[NDArray[np.intp], Floats]]]:
    """Return nodes, and of each interval of the score its samples and their share on each of its nodes.

    Parameters
    ----------
    log_odds : ndarray of shape (n_samples,)
        The score.
    width : float
        Of an interval, at most.
    """
    low, high = float(log_odds.min()), float(log_odds.max())
    count = max(1, int(np.ceil((high - low) / width)))
    half = max(high - low, 1e-9) / (2 * count)
    place = np.clip(((log_odds - low) / (2 * half)).astype(np.intp), 0, count - 1)
    angles = (2 * np.arange(_NODES) + 1) * np.pi / (2 * _NODES)
    own, barycentric = np.cos(angles), np.sin(angles) * (-1.0) ** np.arange(_NODES)
    nodes, parts = [], []
    for number in np.unique(place):
        inside, middle = np.flatnonzero(place == number), low + (2 * number + 1) * half
        # Barycentric form of Lagrange's polynomials (Berrut and Trefethen 2004, equation 4.2).
        apart = ((log_odds[inside] - middle) / half)[:, None] - own
        at_node = apart == 0
        shares = barycentric / np.where(at_node, 1.0, apart)
        shares /= shares.sum(axis=1, keepdims=True)
        parts.append((inside, np.where(at_node.any(axis=1, keepdims=True), at_node, shares)))
        nodes.append(middle + half * own)
    return np.concatenate(nodes), parts


def _range_of(places: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return ascending places as a range where none is left out, as of scores in order."""
    first, last = int(places[0]), int(places[-1]) + 1
    return slice(first, last) if last - first == len(places) else places


def _newton_step(
    problem: CrossEntropy, curvature: Floats, shrink: Floats, gradient: Floats
) -> tuple[Floats, Floats]:
    """Solve Hessian · step = −gradient by preconditioned conjugate gradients; return the scores' change too.

    The change adds up from the products with each direction, which spares a pass over the rows.
    """
    design = problem.design
    share = np.trace(curvature.sum(axis=2)) / problem.n_columns
    mean = share / len(design)
    inverse = 1.0 / np.maximum(mean * problem.squares + shrink, _TINY)
    step, change = np.zeros_like(gradient), np.zeros((len(design), problem.n_columns))
    rest = -gradient
    scaled = inverse * rest
    direction = scaled
    size = first = float(np.vdot(rest, scaled))
    # A tenth of the gradient at first and ever less of it near the optimum keeps convergence superlinear.
    wanted = min(0.1, np.sqrt(first)) ** 2 * first
    for _ in range(2 * gradient.size + 10):
        if size <= wanted:
            break
        along, curved = _products(design, curvature, direction)
        product = curved + shrink * direction
        along_curvature = float(np.vdot(direction, product))
        if along_curvature <= 0.0:
            # Every row is certain to the last digit: the cost is flat, and the step so far has to do.
            break
        length = size / along_curvature
        step = step + length * direction
        change += length * along
        rest = rest - length * product
        scaled = inverse * rest
        new_size = float(np.vdot(rest, scaled))
        direction = scaled + (new_size / size) * direction
        size = new_size
    return step, change


def _products(design: Floats, curvature: Floats, direction: Floats) -> tuple[Floats, Floats]:
    """Return design · direction, and designᵀ · curvature · design · direction.

    Some rows at a time, which the second product finds in the processor's cache.
    """
    n_rows, n_unknowns = design.shape
    along, total = np.empty((n_rows, direction.shape[1])), np.zeros_like(direction)
    size = max(1, _CACHED // n_unknowns)
    for first in range(0, n_rows, size):
        rows = slice(first, first + size)
        along[rows] = design[rows] @ direction
        total += design[rows].T @ (
            curvature[0, 0, rows, None] * along[rows]
            if direction.shape[1] == 1
            else np.einsum("abi,ib->ia", curvature[:, :, rows], along[rows])
        )
    return along, total


def _contrasts(n_classes: int) -> Floats:
    """Return orthonormal columns that sum to zero, (n_classes, n_classes − 1)."""
    start = np.column_stack([np.ones(n_classes), np.eye(n_classes)[:, : n_classes - 1]])
    return np.asarray(np.linalg.qr(start)[0][:, 1:])
