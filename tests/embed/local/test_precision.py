import pytest

from docpipe.embed.local.precision import cpu_precision, precision_of


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f avx512_bf16 vaes\n", "bf16"),
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512f avx512_bf16 avx512_fp16 vaes\n", "f32"),
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 amx_tile amx_bf16\n", "bf16"),
        ("flags : fpu amx_tile amx_bf16\n", "bf16"),
        ("Features\t: fp asimd bf16\n", "bf16"),
        ("flags : fpu avx2 avx512f\n", "f32"),
        ("model name : avx512_bf16\nflags : fpu\n", "f32"),
        ("", "f32"),
    ],
)
def test_precision_follows_the_processors_flags(cpuinfo: str, expected: str) -> None:
    assert precision_of(cpuinfo) == expected


def test_this_processor_has_an_answer() -> None:
    assert cpu_precision() in {"bf16", "f32"}
