"""What is kept of a contact's answers: when the last one came, so that repetitions of it are known for a while."""

from dataclasses import dataclass

from streams.contacts.ledger import Ledger
from streams.contacts.lifecycle import Cycle


@dataclass
class SurveyCycle(Cycle):
    """The answers of one contact. Nothing lasts, and no answer depends on another."""

    touched_at: int = 0
    """Epoch ms."""

    def expires_at(self, ledger: Ledger) -> int:
        return self.touched_at + ledger.settings.lateness_ms
