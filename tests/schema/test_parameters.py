import math

import numpy as np
import pytest

from normwise.errors import ClassifierError
from normwise.schema.parameters import (
    check_value,
    choice,
    class_weights,
    either,
    layers,
    nothing,
    number,
    suggestion,
)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (
            number(),
            [0, -1.5, np.float64(2), np.int64(3)],
            [math.nan, math.inf, -math.inf, "1", None, True, 1j],
        ),
        (number(0), [0, 0.0, 1e300], [-1e-9]),
        (number(0, above=True), [1e-9, 10**400], [0, 0.0]),
        (number(1, 5, whole=True), [1, 5, np.int32(3)], [0, 6, 2.0, False]),
        (choice("a", "b"), ["a", "b"], ["c", "A", None, ["a"]]),
        (either(nothing(), number(0)), [None, 2], ["None", -1]),
        (layers(), [3, [4, 2], (1,)], [0, [], [3, 0], 2.5, "8"]),
        (
            class_weights(),
            [None, "balanced", {"ad": 2, "normal": 0.5}],
            ["balance", {}, {"ad": 0}, {"ad": "2"}, 2.0, []],
        ),
    ],
)
def test_rules_accept_what_they_say(rule, good, bad):
    for value in good:
        assert rule.accepts(value), value
    for value in bad:
        assert not rule.accepts(value), value


def test_words_say_the_range():
    assert number(0, 1, above=True).words == "a number above 0 and at most 1"
    assert number(2, whole=True).words == "a whole number of at least 2"
    assert either(nothing(), choice("x", "y")).words == "None or 'x' or 'y'"


def test_an_unknown_setting_is_named_with_the_nearest():
    with pytest.raises(ClassifierError, match="no setting 'max_step'") as caught:
        check_value({"C": number(), "max_steps": number()}, "max_step", 3, subject="classifier logistic")
    assert caught.value.code == "CLS-102"
    assert caught.value.subject == "classifier logistic"
    assert caught.value.advice == "did you mean 'max_steps'?"


def test_a_wrong_value_is_shown_with_its_type():
    with pytest.raises(ClassifierError, match="'C'") as caught:
        check_value({"C": number(0, above=True)}, "C", "high", subject="classifier logistic")
    assert (caught.value.code, caught.value.seen) == ("CLS-103", "'high' (str)")
    assert caught.value.expected == "a number above 0"


def test_a_suggestion_finds_case_and_else_lists():
    assert suggestion("c", {"C": 0, "gamma": 0}) == "did you mean 'C'?"
    assert suggestion("zzz", {"C": 0, "gamma": 0}) == "choose one of C, gamma"
