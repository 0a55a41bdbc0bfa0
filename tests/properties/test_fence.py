"""However the fence is spelt, recalled text cannot close it."""

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from hitherto.core.context.fence import DEFANGED, defang, indent_continuation, paragraph

ALIKE = {
    "a": "aAａ𝐚𝒶ⓐаΑαáạ4",
    "c": "cCｃ𝐜ⓒсСϲçᴄ",
    "d": "dDｄ𝐝ⓓԁᴅď",
    "e": "eEｅ𝐞ⓔеЕεΕéẹ3",
    "g": "gGｇ𝐠ⓖɡġ",
    "h": "hHｈ𝐡ⓗһНʜ",
    "i": "iIｉ𝐢ⓘіІιΙíɪ1l",
    "l": "lLｌ𝐥ⓛⅼʟ1|",
    "m": "mMｍ𝐦ⓜмМΜᴍ",
    "n": "nNｎ𝐧ⓝΝɴñ",
    "o": "oOｏ𝐨ⓞоОοΟóᴏ0",
    "r": "rRｒ𝐫ⓡгʀŕ",
    "s": "sSｓ𝐬ⓢѕЅꜱ5",
    "t": "tTｔ𝐭ⓣтТτΤ7",
    "v": "vVｖ𝐯ⓥѵνᴠ",
    "y": "yYｙ𝐲ⓨуУγʏÿ",
    "f": "fFｆ𝐟ⓕꜰ",
    "1": "1１𝟏①",
}
TAGS = ["recalled_memory", "version_history", "version_1", "merge_conflict_history"]
BRACKETS = [*"<＜﹤‹\u2329\u3008⟨❬❮❰≺«", "&lt;", "&LT", "&#60;", "&#x3c;", "&amp;lt;", "\\u003c"]
GAPS = ["", " ", "_", "-", "/", ".", "\\", "\u200b", "\u00ad", "\u202e", "\u0301", "\U000e0041"]

gaps = st.lists(st.sampled_from(GAPS), max_size=3).map("".join)
blanks = st.integers(0, 200).map(lambda count: " " * count)


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A bracket and what makes it one of our tags."""
    letters = [
        draw(st.sampled_from(ALIKE[letter])) + draw(gaps)
        for letter in draw(st.sampled_from(TAGS))
        if letter != "_"
    ]
    bracket = draw(st.sampled_from(BRACKETS))
    slash = draw(st.sampled_from(["/", "", "\u2215", "//"]))
    return bracket, draw(gaps) + draw(blanks) + slash + "".join(letters)


@given(st.text("abc \n<>", max_size=30), spellings(), st.text(max_size=20))
def test_a_tag_in_any_spelling_loses_its_bracket(
    before: str, spelling: tuple[str, str], after: str
) -> None:
    bracket, rest = spelling
    defanged = defang(f"{before}.{bracket}{rest}>{after}")
    assert defanged.startswith(f"{defang(f'{before}.')}{DEFANGED}")
    assert defanged == defang(defanged)


@given(st.lists(st.one_of(st.text(max_size=8), spellings().map("".join)), max_size=6).map("".join))
def test_no_text_holds_a_tag_that_plain_folding_shows(text: str) -> None:
    for defanged in (indent_continuation(text), paragraph(text), defang(text)):
        plain = unicodedata.normalize("NFKC", defanged).casefold()
        bare = re.sub(r"[\W_]", "", plain.replace("<", "ʘ"))
        assert not re.search(r"ʘ(?:recalledmemory|versionhistory|version\d|mergeconflict)", bare)
