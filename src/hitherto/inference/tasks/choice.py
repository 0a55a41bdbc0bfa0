"""Which models the settings choose for which task."""

from hitherto.inference.tasks import Task
from hitherto.models import LOCAL_MODEL
from hitherto.settings import Settings


def chosen_models(settings: Settings) -> dict[Task, tuple[str, ...]]:
    """Return each task's models in the order of their use.

    A task without a model is not among them; it is done by rules.
    """
    own = {
        Task.EXTRACTION: settings.model_extraction,
        Task.RECONCILIATION: settings.model_reconciliation,
        Task.PLANNING: settings.model_planning,
        Task.EXPLORING: settings.model_exploring,
    }
    chosen = {}
    for task, name in own.items():
        first = name or settings.model or LOCAL_MODEL
        if first == LOCAL_MODEL:
            continue
        names = (first, settings.fallback_model) if settings.fallback_model else (first,)
        chosen[task] = tuple(dict.fromkeys(names))
    return chosen
