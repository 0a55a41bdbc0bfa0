"""Ends of sentences, at abbreviations and numbers of several languages."""

import pytest

from hitherto.core.text.sentences import whole_sentence_spans

SENTENCES = [
    ["Firma Brandau kommt am 13. März zum Ausmessen. ", "Ich freue mich."],
    ["einzug 8. September. ", "Endlich."],
    ["Ich komme am 13. ", "Danach gehen wir."],
    ["Vom 3. bis 7. Mai war ich fort. ", "Schön."],
    ["Ich bin im 2. Stock. ", "Ok."],
    ["mein 3. Kind kommt am 5. Mai. ", "Juhu."],
    ["seit dem 1. august. ", "ok."],
    ["Wir waren bei Dr. Huber, ca. 5 km. ", "Er ist nett."],
    ["Wohnung Nr. 5. ", "Sie ist schön."],
    ["z. B. Kaffee, d. h. Tee. ", "Gut."],
    ["Vive la Sra. García. ", "Es mi jefa."],
    ["M. Dupont et Mme. Lamy arrivent, p. ex. lundi. ", "Oui."],
    ["I am 13. ", "My mom is 40."],
    ["I have 3. ", "Then I stop."],
    ["I live in San Jose, CA. ", "My wife paints."],
    ["1. Mai\n", "2. Juni"],
    ["We met at 5 p.m. in the U.S. ", "I was late."],
]


@pytest.mark.parametrize("parts", SENTENCES, ids="".join)
def test_a_sentence_ends_where_it_ends(parts: list[str]) -> None:
    text = "".join(parts)
    assert [text[start:end] for start, end in whole_sentence_spans(text)] == parts
