"""Categories: which of a project's fit what a memory says."""

from datetime import UTC, datetime

import numpy as np
import pytest

from hitherto.core.reconciliation.categories import EmbeddedCategory, fitting, texts
from hitherto.inference import LocalInference
from hitherto.models import Category, GenerationPreferences, Message, MessageRole

NOW = datetime(2025, 1, 5, tzinfo=UTC)


def embedded(name: str, *vector: float, description: str = "") -> EmbeddedCategory:
    return EmbeddedCategory(Category(name, name, description, NOW), np.array(vector, np.float32))


FOOD = embedded("food_preferences", 1, 0, 0, description="dishes, drinks and diets")
WORK = embedded("work", 0, 1, 0, description="job, employer, office")


def fitting_names(content: str, vector: list[float], *categories: EmbeddedCategory) -> list[str]:
    (names,) = fitting([content], np.array([vector], np.float32), categories)
    return names


def test_a_name_is_read_with_spaces_and_with_its_description() -> None:
    assert texts(FOOD.category) == (
        "food preferences",
        "food preferences: dishes, drinks and diets",
    )
    assert texts(Category("x", "_pets_", "  ", NOW)) == ("pets",)


def test_what_is_alike_in_meaning_is_found_and_the_rest_is_left_out() -> None:
    assert fitting_names("User loves soup", [0.4, 0, 0.9], FOOD, WORK) == ["food_preferences"]
    assert fitting_names("User is a nurse", [0.1, 0.4, 0.9], FOOD, WORK) == ["work"]
    assert fitting_names("User has a red bicycle", [0.1, 0.1, 0.9], FOOD, WORK) == []


def test_a_word_of_the_name_or_the_description_makes_up_for_some_likeness() -> None:
    for content in ("User brings drinks", "User has a preference"):
        assert fitting_names(content, [0.1, 0.05, 0.9], FOOD, WORK) == ["food_preferences"]
    assert fitting_names("User brings drinks", [-0.1, 0.1, 0.9], FOOD, WORK) == []


def test_several_can_fit_the_best_first() -> None:
    others = [embedded(name, 0, 0, 0) for name in ("travel", "health", "home")]
    both = fitting_names("User is a cook", [0.5, 0.6, 0.6], FOOD, WORK, *others)
    assert both == ["work", "food_preferences"]


def test_a_single_category_is_given_only_where_it_fits() -> None:
    assert fitting_names("User is a nurse", [0, 0.4, 0.9], WORK) == ["work"]
    assert fitting_names("User has a red bicycle", [0, 0.2, 0.9], WORK) == []


def test_what_is_like_everything_fits_nothing() -> None:
    alike = [embedded(name, 0.2, 0, 0) for name in ("one", "two", "three")]
    assert fitting_names("User is", [1, 0, 0], *alike) == []
    apart = embedded("four", 0.5, 0, 0)
    assert fitting_names("User is", [1, 0, 0], *alike, apart) == ["four"]


def test_equals_come_in_the_order_given() -> None:
    for names in (["a", "b"], ["b", "a"]):
        assert fitting_names("User is", [1, 0], *(embedded(name, 1, 0) for name in names)) == names


def test_without_categories_or_contents_there_is_nothing() -> None:
    assert fitting_names("User is a nurse", [1, 0, 0]) == []
    assert fitting([], np.zeros((0, 3), np.float32), [FOOD]) == []


# Generation preferences, as far as they can be followed without a language model


@pytest.mark.parametrize("kind", ["negative_examples", "false_positive_examples"])
async def test_an_example_of_what_not_to_keep_is_dropped_word_for_word(kind: str) -> None:
    messages = [Message(MessageRole.USER, "I live in Porto. I have two cats.", NOW)]
    inference = LocalInference()

    async def contents(preferences: GenerationPreferences) -> list[str]:
        extraction = await inference.extract(messages, NOW, preferences=preferences, categories=())
        return [candidate.content for candidate in extraction.candidates]

    everything = await contents(GenerationPreferences())
    assert everything == ["User lives in Porto", "User has two cats"]
    unwanted = GenerationPreferences(**{kind: ("user LIVES in  porto.",)})
    assert await contents(unwanted) == ["User has two cats"]
    similar = GenerationPreferences(**{kind: ("User lives in",)})
    assert await contents(similar) == everything


async def test_instructions_change_nothing_without_a_language_model() -> None:
    messages = [Message(MessageRole.USER, "I live in Porto.", NOW)]
    preferences_with_example = GenerationPreferences(
        exclusion_instructions=("Never remember places",)
    )
    extraction = await LocalInference().extract(
        messages, NOW, preferences=preferences_with_example, categories=()
    )
    assert [candidate.content for candidate in extraction.candidates] == ["User lives in Porto"]
