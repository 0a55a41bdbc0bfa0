"""Delays between attempts."""

from hypothesis import example, given
from hypothesis import strategies as st

from hitherto.backoff import Backoff, retry_after_s

NOW = "Wed, 21 Oct 2015 07:28:00 GMT"

policies = st.builds(
    Backoff,
    first_s=st.floats(0, 60),
    factor=st.floats(1, 4),
    longest_s=st.floats(0, 600),
    jitter=st.floats(0, 1),
)


def test_a_delay_doubles_up_to_the_longest() -> None:
    policy = Backoff(first_s=0.5, longest_s=3.0)
    assert [policy.delay_s(tries) for tries in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_chance_takes_off_the_share_of_the_jitter() -> None:
    full = Backoff(first_s=8.0, jitter=1.0)
    quarter = Backoff(first_s=8.0, factor=3.0, jitter=0.25)
    assert [full.delay_s(1, chance) for chance in (0.0, 0.5, 1.0)] == [0.0, 4.0, 8.0]
    assert [quarter.delay_s(2, chance) for chance in (0.0, 1.0)] == [18.0, 24.0]


@given(policies, st.integers(1, 10**9), st.floats(0, 1))
@example(Backoff(first_s=1.0, factor=4.0, longest_s=1.0), 10**9, 1.0)
def test_a_delay_is_never_longer_than_the_longest(
    policy: Backoff, tries: int, chance: float
) -> None:
    delay_s = policy.delay_s(tries, chance)
    assert 0 <= delay_s <= policy.longest_s
    assert delay_s <= policy.delay_s(tries + 1, chance) <= policy.delay_s(tries + 1)


def test_the_header_is_read_as_seconds_or_as_a_date_of_the_server() -> None:
    read = {
        value: retry_after_s({"Retry-After": value, "Date": NOW})
        for value in (
            "7",
            " 0.25 ",
            "-3",
            "soon",
            "",
            "nan",
            "inf",
            "Wed, 21 Oct 2015 07:28:30 GMT",
            "Wed, 21 Oct 2015 07:27:30 GMT",
            "Wed, 99 Oct 2015 07:28:30 GMT",
        )
    }
    assert list(read.values()) == [7.0, 0.25, 0.0, None, None, None, None, 30.0, 0.0, None]
    assert retry_after_s({}) is None
    for date in ("", "yesterday"):
        headers = {"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": date}
        assert retry_after_s(headers) is None


dates = st.builds(
    "{}, {} Oct {} {}:28:30 {}".format,
    st.sampled_from(["Wed", "Thu", ""]),
    *[st.one_of(st.integers(), st.integers(0, 30)) for _ in range(3)],
    st.one_of(st.sampled_from(["GMT", "-0000", ""]), st.integers().map("{:+}".format)),
)


@given(st.one_of(dates, st.text()), st.one_of(dates, st.text(), st.just(NOW)))
@example(f"Wed, 21 Oct 2015 07:28:30 +{10**30}", NOW)
@example("Wed, 21 Oct 2015 07:28:30 -0000", NOW)
def test_any_header_is_read_without_an_error(value: str, date: str) -> None:
    seconds = retry_after_s({"Retry-After": value, "Date": date})
    assert seconds is None or 0 <= seconds < float("inf")
