"""Write the sample documents: `python -m samples.make [FOLDER]`.

The same bytes every time with the same versions of the libraries, but for `bad/password.pdf`, whose encryption is random.
"""

from __future__ import annotations

import sys
from pathlib import Path

from samples import bad, handbook, mail, paper, prices, report, scans, slides, workbook
from samples.markup import SOURCES

DOCUMENTS = Path(__file__).parent / "documents"


def make(folder: Path = DOCUMENTS) -> list[Path]:
    """Write all of them below `folder`, over what is there; their paths come back in order of name."""
    annual = report.make()
    contents = {
        "report.pdf": annual,
        "two-column-paper.pdf": paper.make(),
        "scanned-page.pdf": scans.scanned_page(),
        "rotated-scan.pdf": scans.rotated_scan(),
        "scan.png": scans.scan_png(),
        "handbook.docx": handbook.make(),
        "quarterly.pptx": slides.make(),
        "figures.xlsx": workbook.make(),
        "mail.eml": mail.make(),
        "prices.csv": prices.make(),
        **{name: (SOURCES / name).read_bytes() for name in ("article.html", "notes.md", "readme.txt")},
        "bad/truncated.pdf": bad.truncated(annual),
        "bad/password.pdf": bad.locked(),
        "bad/empty.pdf": b"",
        "bad/contract.pdf": bad.word_file(),
        "bad/minutes.docx": bad.MINUTES.encode(),
        "bad/unknown.bin": bad.noise(),
    }
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return sorted(folder / name for name in contents)


if __name__ == "__main__":
    for written in make(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS):
        print(f"{written.stat().st_size:>9,}  {written}")
