"""Index of statements by subject and attribute, for comparison with candidates."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from hitherto.core.reconciliation.connections import Ref
from hitherto.core.statements.reader import Reading, Statement

MOST_NEAR = 128
"""Maximum statements that a candidate is compared with, 20 microseconds each: the newest ones.

In 17 conversations of LoCoMo and LongMemEval, no statement has more than 2 that may bear on it.
"""

_Topic = tuple[str, str]
_Term = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """Existing version or earlier candidate to compare a candidate with.

    positions: of the session's messages that it already rests on. open: whether it can be
    superseded; a superseded version or a waiting candidate cannot.
    """

    ref: Ref
    order: int
    statement: Statement
    start: datetime
    end: datetime
    created_at: datetime
    of_session: bool
    positions: frozenset[int]
    open: bool


@dataclass(slots=True)
class StatementIndex:
    """Items by topic (subject and attribute) and by their values.

    Two readings of an attribute with several values can only matter to each other if the values of
    one are among those of the other. So items are found by all of their values, and by the value
    that was the rarest when they were added. Superseded items are not found.
    """

    items: dict[int, Item] = field(default_factory=dict)
    _orders: dict[Ref, int] = field(default_factory=dict)
    _of_topic: dict[_Topic, dict[int, None]] = field(default_factory=dict)
    _with_value: dict[_Term, dict[int, None]] = field(default_factory=dict)
    _by_rarest: dict[_Term, dict[tuple[int, int], frozenset[str]]] = field(default_factory=dict)
    _by_content: dict[str, list[int]] = field(default_factory=dict)
    _named: dict[tuple[str, str], dict[int, None]] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        """Index an item, so that `near` finds it."""
        self.items[item.order] = item
        self._orders[item.ref] = item.order
        self._by_content.setdefault(item.statement.content, []).append(item.order)
        for number, (topic, values) in enumerate(_keys(item.statement)):
            self._of_topic.setdefault(topic, {})[item.order] = None
            for value in values:
                self._with_value.setdefault((*topic, value), {})[item.order] = None
            rarest = self._rarest(topic, values)
            self._by_rarest.setdefault((*topic, rarest), {})[item.order, number] = values
        for term in _main_terms(item.statement):
            self._named.setdefault(term, {})[item.order] = None

    def remove(self, refs: Iterable[Ref]) -> None:
        """Remove superseded items."""
        for ref in refs:
            item = self.items.pop(self._orders[ref])
            for number, (topic, values) in enumerate(_keys(item.statement)):
                self._of_topic[topic].pop(item.order, None)
                for value in values:
                    self._with_value[*topic, value].pop(item.order, None)
                for value in values or ("",):
                    self._by_rarest.get((*topic, value), {}).pop((item.order, number), None)
            for term in _main_terms(item.statement):
                self._named[term].pop(item.order, None)

    def near(self, statement: Statement) -> list[Item]:
        """Return the items that may matter for a statement, oldest first, at most `MOST_NEAR`.

        Of more, those in the same words and the newest.
        """
        same = self._by_content.get(statement.content, ())
        orders_found = {order for order in same if order in self.items}
        for reading in statement.readings:
            orders_found.update(self._near(reading))
        orders = sorted(orders_found)
        if len(orders) > MOST_NEAR:
            orders = sorted(orders_found.intersection(same).union(orders[-MOST_NEAR:]))
        return [self.items[order] for order in orders]

    def naming(self, subject: str, terms: Iterable[str]) -> list[Item]:
        """Return the items whose main reading gives all of these terms to a subject, in order."""
        lists = [self._named.get((subject, term), {}) for term in terms]
        if not lists:
            return []
        shortest, *others = sorted(lists, key=len)
        orders = sorted(order for order in shortest if all(order in other for other in others))
        return [self.items[order] for order in orders]

    def _near(self, reading: Reading) -> Iterable[int]:
        topic = (reading.subject, reading.attribute)
        if reading.single_valued or not reading.values:
            return self._of_topic.get(topic, ())
        return self._comparable(topic, frozenset(reading.values))

    def _comparable(self, topic: _Topic, values: frozenset[str]) -> Iterator[int]:
        """Yield the items whose values for a topic contain these, or are contained in them."""
        having = [self._with_value.get((*topic, value), {}) for value in values]
        shortest, *others = sorted(having, key=len)
        yield from (order for order in shortest if all(order in other for other in others))
        for value in ("", *values):
            inside = self._by_rarest.get((*topic, value), {})
            yield from (order for (order, _), own in inside.items() if own <= values)

    def _rarest(self, topic: _Topic, values: frozenset[str]) -> str:
        return min(
            sorted(values), key=lambda value: len(self._with_value[*topic, value]), default=""
        )


def _keys(statement: Statement) -> Iterator[tuple[_Topic, frozenset[str]]]:
    for reading in statement.readings:
        yield (reading.subject, reading.attribute), frozenset(reading.values)


def _main_terms(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield the terms of the main reading: its values, and the kind of a possession."""
    reading = statement.reading
    for value in dict.fromkeys((*reading.values, reading.attribute.partition(":")[2])):
        if value:
            yield reading.subject, value
