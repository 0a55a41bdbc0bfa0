"""Tree of text pieces, and the greedy choice of pieces that fit a token budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

CountTokens = Callable[[str], int]

SMALLEST_PIECE_TOKENS = 6
"""With fewer tokens left no line of a context fits, so no further lines are counted."""

MOST_CHARACTERS_PER_TOKEN = 5
"""A text with more characters per token left is skipped uncounted: lines of a context have about
four. It saves most of the counting when the budget is nearly used up."""


@dataclass(slots=True, eq=False)
class Piece:
    """Line or block of lines, with children under it, in order.

    lead, rest: the text is `lead` + number + `rest`.
    number: "" for none, "1" to count the shown siblings, "1.1" to do so after the parent's number.
    gap_first, gap: newlines before it, as the first shown child and after a shown sibling.
    when_empty: text instead of children if none is shown, including the newlines before it.
    is_shown: whether it is in the text. cost: in tokens, None until it is counted.
    """

    rest: str
    lead: str = ""
    number: str = ""
    gap_first: int = 1
    gap: int = 1
    when_empty: str = ""
    is_shown: bool = False
    cost: int | None = None
    children: list[Piece] = field(default_factory=list)

    def add(self, child: Piece) -> Piece:
        """Append a piece to the children of this one, and return it."""
        self.children.append(child)
        return child


def write(piece: Piece) -> str:
    """Return the text of a piece and of all shown pieces under it."""
    parts: list[str] = []
    _write(piece, "", parts)
    return "".join(parts)


def show_all(piece: Piece) -> None:
    """Show a piece and everything under it."""
    piece.is_shown = True
    for child in piece.children:
        show_all(child)


class TokenBudget:
    """Token budget that adds pieces to a text, and can undo the last ones."""

    def __init__(self, body: Piece, tokens: int, count_tokens: CountTokens) -> None:
        self.tokens = tokens
        self._count_tokens = count_tokens
        # Kept here, because pieces with a link to their parent are freed only by the garbage
        # collector, whose runs took a third of the time of a text without a budget.
        self._parents = {child: piece for piece in _all(body) for child in piece.children}
        self._added: list[tuple[list[Piece], int]] = []

    def add(self, candidates: Iterable[tuple[Piece, int]]) -> None:
        """Show each candidate that fits, in order.

        A candidate is a piece and the tokens that must be left after it. The heading above a piece
        is paid together with the first piece under it. A piece may be a candidate several times.
        """
        for piece, reserve in candidates:
            if self.tokens < SMALLEST_PIECE_TOKENS:
                return
            if not piece.is_shown:
                self._add_piece(piece, self.tokens - reserve)

    def undo(self, tokens: int) -> bool:
        """Undo the last additions, at least one, until they are worth `tokens`.

        Returns False if there was none to undo.
        """
        if not self._added:
            return False
        regained = 0
        while self._added and regained < max(tokens, 1):
            pieces, cost = self._added.pop()
            for piece in pieces:
                piece.is_shown = False
            regained += cost
        return True

    def _add_piece(self, piece: Piece, available: int) -> None:
        unpaid = [piece]
        while (parent := self._parents.get(unpaid[-1])) is not None and not parent.is_shown:
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
            part.is_shown = True
        self.tokens -= price
        self._added.append((unpaid, price))


def _all(piece: Piece) -> Iterator[Piece]:
    yield piece
    for child in piece.children:
        yield from _all(child)


def _write(piece: Piece, number: str, parts: list[str]) -> None:
    parts.append(f"{piece.lead}{number}{piece.rest}")
    shown_children = 0
    counted = 0
    for child in piece.children:
        if not child.is_shown:
            continue
        child_number = ""
        if child.number:
            counted += 1
            child_number = f"{number}.{counted}" if child.number == "1.1" else str(counted)
        parts.append("\n" * (child.gap if shown_children else child.gap_first))
        _write(child, child_number, parts)
        shown_children += 1
    if not shown_children and piece.when_empty:
        parts.append(piece.when_empty)
