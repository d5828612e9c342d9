"""Numbers with their nouns."""

from __future__ import annotations

from loader.text import nouns


def test_one_is_spoken_of_as_one() -> None:
    """Noun, verb and pronoun agree with the number; thousands are set apart."""
    assert [nouns.count_rows(number) for number in (0, 1, 2, 1000)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,000 rows",
    ]
    words = (nouns.is_or_are, nouns.was_or_were, nouns.it_or_them, nouns.it_or_they)
    assert [word(1) for word in words] == ["is", "was", "it", "it"]
    assert [word(2) for word in words] == ["are", "were", "them", "they"]
