"""Statistics of measures and of preference studies: estimates with intervals, tests, agreement, designs.

Functions of arrays without any state. scipy, choix and krippendorff (the extra `evaluation`) are imported when a
function needs them.
"""

from vera.metrics.statistics.agreement import krippendorff_alpha, krippendorff_interval, repeat_consistency
from vera.metrics.statistics.binomial import binomial_test, wilson_interval, wilson_interval_by_rater
from vera.metrics.statistics.bootstrap import bootstrap_interval, cluster_interval
from vera.metrics.statistics.bradley_terry import Abilities, bradley_terry
from vera.metrics.statistics.holm import holm
from vera.metrics.statistics.interval import Interval
from vera.metrics.statistics.paired import PairedComparison, compare_methods, compare_paired
from vera.metrics.statistics.power import StudyDesign, binomial_power, critical_wins, power, raters_needed
from vera.metrics.statistics.rater_effects import bradley_terry_by_rater
from vera.metrics.statistics.sign_flip import SignFlip, sign_flip, sign_flip_by_rater
from vera.metrics.statistics.simulate import logit_of_win_rate, simulate_comparisons, simulate_wins, win_rate

__all__ = [
    "Abilities",
    "Interval",
    "PairedComparison",
    "SignFlip",
    "StudyDesign",
    "binomial_power",
    "binomial_test",
    "bootstrap_interval",
    "bradley_terry",
    "bradley_terry_by_rater",
    "cluster_interval",
    "compare_methods",
    "compare_paired",
    "critical_wins",
    "holm",
    "krippendorff_alpha",
    "krippendorff_interval",
    "logit_of_win_rate",
    "power",
    "raters_needed",
    "repeat_consistency",
    "sign_flip",
    "sign_flip_by_rater",
    "simulate_comparisons",
    "simulate_wins",
    "wilson_interval",
    "wilson_interval_by_rater",
    "win_rate",
]
