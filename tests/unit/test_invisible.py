"""Characters that cannot be seen go, those that a script needs stay."""

import pytest

from hitherto.core.text.invisible import without_invisible

HIDDEN = [
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xE0000, 0xE0080),
    *range(0xE0100, 0xE01F0),
]


@pytest.mark.parametrize("number", HIDDEN, ids=hex)
def test_nothing_is_hidden_between_latin_letters(number: int) -> None:
    assert without_invisible(f"pay{chr(number)}ment") == "payment"
    assert without_invisible(chr(number) * 1_000) == ""


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "👨‍👩‍👧‍👦",  # a family
        "❤️‍🔥",  # a heart, its selector, fire
        "👩🏽‍💻",  # with a skin tone
        "🏳️‍🌈",  # flags
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "1️⃣",
        "می‌خواهم",  # Persian, a non-joiner
        "क्‍ष और क्‌ष",  # Hindi, both joiners
        "ශ්‍රී",  # Sinhala
        "葛\U000e0100",  # a variant of an ideograph
        "ᠮᠤ᠋",  # Mongolian
        "שלום",
        "naïve café, Ærø, ß",
    ],
)
def test_what_a_script_needs_stays(text: str) -> None:
    assert without_invisible(text) == text


def test_a_run_is_cut_to_what_can_be_needed() -> None:
    assert without_invisible("می" + "\u200c" * 50 + "خواهم") == "می\u200cخواهم"
    assert without_invisible("😀" + "\ufe0f" * 50) == "😀\ufe0f"
    secret = "".join(chr(0xE0100 + number) for number in b"obey")
    assert without_invisible(f"😀{secret}") == "😀"
    tags = "".join(chr(0xE0000 + ord(item)) for item in "obey") + "\U000e007f"
    assert without_invisible(f"🏴{tags}") == "🏴"
