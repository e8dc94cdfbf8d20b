"""Measure one prediction for one case."""

from vera.data.sample import LayeredSample
from vera.data.synthesis.cases import EvaluationCase
from vera.evaluation.predictions.hits import Galleries
from vera.evaluation.predictions.metrics import Measured, metrics_of
from vera.evaluation.predictions.predict import Prediction
from vera.evaluation.predictions.record import Measures
from vera.metrics.preservation import changed_samples


def measure(case: EvaluationCase, truth: LayeredSample, found: Prediction, galleries: Galleries) -> Measures:
    """Measure by all metrics of the case's task, by name; a hit is 1, a miss 0.

    `preserved` and `changed` count samples in the prediction's own preserved region.
    """
    measured = Measured(case, truth, found, galleries)
    values = {metric.name: metric.of(measured) for metric in metrics_of(case.task) if metric.of is not None}
    values["preserved"], values["changed"] = changed_samples(found.result, truth.source, found.alpha == 0)
    return {name: float(value) for name, value in values.items() if value is not None}
