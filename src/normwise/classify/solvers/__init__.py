"""How classifiers are fitted, on arrays.

* ``newton``: the penalised cross-entropy and its minimum.
* ``gradient_descent``: batch gradient descent with its cost curve.
* ``learning_rates``: what a learning rate does: refused, warned of, compared.
* ``one_weight``: the cost of one weight, and the steps on it.
* ``row_space``: rows in the basis of their span, so that a grid shares one factorisation.
* ``standardize``: mean and standard deviation of the training rows.
"""

__all__: list[str] = []
