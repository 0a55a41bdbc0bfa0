"""A transaction with its repositories."""

from hitherto.store.database import Run
from hitherto.store.repositories.deliveries import DeliveryRows
from hitherto.store.repositories.embedders import EmbedderRows
from hitherto.store.repositories.jobs import JobRows
from hitherto.store.repositories.ledger import LedgerRows
from hitherto.store.repositories.projects import ProjectRows
from hitherto.store.repositories.users import ProjectUsers


class Transaction:
    """Access to all rows; valid only inside the function that the store runs."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.projects = ProjectRows(run)
        self.jobs = JobRows(run)
        self.deliveries = DeliveryRows(run)
        self.ledger = LedgerRows(run)
        self.embedders = EmbedderRows(run)

    def users(self, project_id: str) -> ProjectUsers:
        """Return the users of a project, which need not exist."""
        return ProjectUsers(self._run, project_id)
