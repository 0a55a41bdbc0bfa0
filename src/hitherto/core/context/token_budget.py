"""A text as a tree of pieces, and the choice of those pieces that a token budget can pay for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

CountTokens = Callable[[str], int]

SMALLEST_OFFER_TOKENS = 6
"""With less than this left, no line of a context can be paid for, so no more are counted."""

MOST_CHARACTERS_PER_TOKEN = 5
"""A text with more characters per token left is passed over uncounted: lines of a context have
about four. It spares much of the counting once the budget runs low."""


@dataclass(slots=True, eq=False)
class Piece:
    """A line or a block of lines; its children stand under it, in order.

    lead, rest: the text is `lead` + number + `rest`.
    number: "" for none, "1" to count the shown siblings, "1.1" to do so behind the parent's number.
    gap_first, gap: newlines before it, as the first shown child and after a shown sibling.
    when_empty: what stands in place of children if none is shown, the newlines before it included.
    taken: whether it is shown. cost: in tokens, None until it was counted.
    """

    rest: str
    lead: str = ""
    number: str = ""
    gap_first: int = 1
    gap: int = 1
    when_empty: str = ""
    taken: bool = False
    cost: int | None = None
    children: list[Piece] = field(default_factory=list)

    def add(self, child: Piece) -> Piece:
        """Put a piece under this one, behind those already there; returns it."""
        self.children.append(child)
        return child


def write(piece: Piece) -> str:
    """The text of a piece and of everything taken under it."""
    parts: list[str] = []
    _write(piece, "", parts)
    return "".join(parts)


def take_all(piece: Piece) -> None:
    """Show a piece and everything under it."""
    piece.taken = True
    for child in piece.children:
        take_all(child)


class Purse:
    """Tokens to spend on the pieces of a text, and the record of what they were spent on."""

    def __init__(self, body: Piece, tokens: int, count_tokens: CountTokens) -> None:
        self.tokens = tokens
        self._count_tokens = count_tokens
        # Kept here: a piece that knew its parent would be freed by the collector alone, whose
        # rounds took a third of the time of a text that needs no budget.
        self._parents = {child: piece for piece in _all(body) for child in piece.children}
        self._bought: list[tuple[list[Piece], int]] = []

    def spend(self, offers: Iterable[tuple[Piece, int]]) -> None:
        """Take each offered piece that can be paid for, in order.

        An offer is a piece and the tokens that must be left once it is paid. The heading above a
        piece is paid together with the first piece under it. Offering a piece again is allowed.
        """
        for piece, keep in offers:
            if self.tokens < SMALLEST_OFFER_TOKENS:
                return
            if not piece.taken:
                self._buy(piece, self.tokens - keep)

    def give_back(self, tokens: int) -> bool:
        """Undo the last purchases, at least one, until they are worth `tokens`.

        Returns False if there was none to undo.
        """
        if not self._bought:
            return False
        regained = 0
        while self._bought and regained < max(tokens, 1):
            pieces, cost = self._bought.pop()
            for piece in pieces:
                piece.taken = False
            regained += cost
        return True

    def _buy(self, piece: Piece, available: int) -> None:
        unpaid = [piece]
        while (parent := self._parents.get(unpaid[-1])) is not None and not parent.taken:
            unpaid.append(parent)
        price = 0
        for part in unpaid:
            if part.cost is None:
                if len(part.rest) > (available - price) * MOST_CHARACTERS_PER_TOKEN:
                    return
                part.cost = self._count_tokens(f"{part.lead}{part.number}{part.rest}\n")
            price += part.cost
            if price > available:
                return
        for part in unpaid:
            part.taken = True
        self.tokens -= price
        self._bought.append((unpaid, price))


def _all(piece: Piece) -> Iterator[Piece]:
    yield piece
    for child in piece.children:
        yield from _all(child)


def _write(piece: Piece, number: str, parts: list[str]) -> None:
    parts.append(f"{piece.lead}{number}{piece.rest}")
    shown = 0
    counted = 0
    for child in piece.children:
        if not child.taken:
            continue
        own = ""
        if child.number:
            counted += 1
            own = f"{number}.{counted}" if child.number == "1.1" else str(counted)
        parts.append("\n" * (child.gap if shown else child.gap_first))
        _write(child, own, parts)
        shown += 1
    if not shown and piece.when_empty:
        parts.append(piece.when_empty)
