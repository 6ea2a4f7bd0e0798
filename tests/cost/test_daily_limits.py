from __future__ import annotations

from collections.abc import Callable

import pytest

from docpipe.cost.daily_limits import parse_budgets
from docpipe.errors import ConfigurationError
from docpipe.settings import Settings


def test_budgets_are_read_by_provider() -> None:
    assert parse_budgets(" OpenAI = 5.00, azure=2,api.mistral.ai=0 ,") == {"openai": 5.0, "azure": 2.0, "api.mistral.ai": 0.0}
    assert parse_budgets("") == {}


@pytest.mark.parametrize("text", ["openai", "openai=", "=5", "openai=-1", "openai=nan", "openai=inf", "openai=five", "openai=1,OPENAI=2"])
def test_a_budget_that_is_none_names_its_variable(settings: Callable[..., Settings], text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^DOCPIPE_BUDGETS: "):
        settings(budgets=text)
