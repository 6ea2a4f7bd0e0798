from __future__ import annotations

import pytest

from docpipe.golden import Target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("report.pdf", Target("report.pdf")),
        ("reports/2024/q1.pdf#page=13", Target("reports/2024/q1.pdf", 13)),
        ("mail.eml!//02-Offer 24-3051.pdf#page=1", Target("mail.eml!//02-Offer 24-3051.pdf", 1)),
        ("odd#page=2#page=3", Target("odd#page=2", 3)),
        ("#page=3", Target("#page=3")),
        ("a.pdf#page=0", Target("a.pdf#page=0")),
        ("a.pdf#page=", Target("a.pdf#page=")),
        ("a.pdf#page=1234567890123", Target("a.pdf#page=1234567890123")),
        ("a.pdf#page=٣", Target("a.pdf#page=٣")),
    ],
)
def test_a_page_is_a_fragment(text: str, target: Target) -> None:
    assert Target.parse(text) == target
    assert str(target) == text
