from samples.markup import Directive, Equation, Heading, Items, Note, Paragraph, parse

SOURCE = """# Title

Two lines
of one paragraph.

- first
- second that
  goes on

1. step

$ a = b ; (1)

[^1]: A note.

{{table costs}}
"""


def test_every_kind_of_block_is_read() -> None:
    assert list(parse(SOURCE)) == [
        Heading(1, "Title"),
        Paragraph("Two lines of one paragraph."),
        Items(False, ("first", "second that goes on")),
        Items(True, ("step",)),
        Equation("a = b", "(1)"),
        Note("1", "A note."),
        Directive("table", "costs"),
    ]
