"""Providers' invoices: each form is read, each mistake has its place, and both sides are compared."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import DocumentInvalid
from stretto.gateway.ledger.invoice import Billed, plain_model, read_invoice
from stretto.gateway.ledger.reconcile import Side, compare
from stretto.gateway.provider import TokenCounts

DAY = date(2026, 7, 31)


def read(folder: Path, text: str) -> tuple[str, dict[tuple[date, str], Billed]]:
    path = folder / "invoice.csv"
    path.write_bytes(text.encode())
    form, invoice = read_invoice(path)
    return form, dict(invoice)


def test_openai_usage(tmp_path: Path) -> None:
    # Cached tokens are a part of the input there, and days are told in Unix time and as text.
    form, found = read(
        tmp_path,
        "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,input_tokens,output_tokens,"
        "input_cached_tokens\n"
        "1785456000,1785542400,2026-07-31T00:00:00+00:00,2026-08-01T00:00:00+00:00,p1,3,gpt-5-2025-08-07,1000,200,400\n"
        "1785456000,1785542400,,,p2,1,gpt-5-2025-08-07,10,2,\n",
    )
    assert form == "OpenAI usage"
    assert found == {(DAY, "gpt-5"): Billed(TokenCounts(input=610, cached_input=400, output=202))}


def test_openai_cost(tmp_path: Path) -> None:
    form, found = read(
        tmp_path,
        "start_time,end_time,start_time_iso,amount_value,amount_currency,line_item,project_id\n"
        '1785456000,1785542400,2026-07-31T00:00:00Z,0.1000000000000000000001,usd,"gpt-5-2025-08-07, input",p\n'
        '1785456000,1785542400,2026-07-31T00:00:00Z,1e-2,usd,"gpt-5-2025-08-07, output",p\n'
        "1785456000,1785542400,2026-07-31T00:00:00Z,-5,usd,credit,p\n",
    )
    assert form == "OpenAI cost"
    assert found == {
        (DAY, "gpt-5"): Billed(None, Decimal("0.1100000000000000000001")),
        (DAY, "credit"): Billed(None, Decimal(-5)),
    }


def test_anthropic_usage(tmp_path: Path) -> None:
    form, found = read(
        tmp_path,
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
        "usage_output_tokens,web_search_count\n"
        "2026-07-31,claude-sonnet-4-5-20250929,k,Default,standard,≤ 200k,10,20,3,40,50,0\n"
        "2026-07-31,claude-sonnet-4-5-20250929,k2,Default,standard,> 200k,1,0,0,0,1,0\n",
    )
    assert form == "Anthropic usage"
    assert found == {
        (DAY, "claude-sonnet-4-5"): Billed(TokenCounts(input=11, cached_input=40, cache_write=23, output=51))
    }


def test_anthropic_cost(tmp_path: Path) -> None:
    form, found = read(
        tmp_path,
        "\ufeffusage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd\r\n"
        "2026-07-31,Claude Haiku 4.5,Default,k,message,≤ 200k,input_no_cache,0.05,0.05\r\n"
        "2026-07-31,Claude Haiku 4.5,Default,k,message,≤ 200k,output,0.25,0.25\r\n",
    )
    assert form == "Anthropic cost"
    assert found == {(DAY, "claude-haiku-4-5"): Billed(None, Decimal("0.30"))}


def test_the_plain_form_in_any_order_with_what_it_has(tmp_path: Path) -> None:
    form, found = read(tmp_path, 'Model , Day,Cost USD,Output,Input,note\n\ngpt-5,2026-07-31,"$1,234.50",,"1,000",x\n')
    assert form == "plain, with cost"
    assert found == {(DAY, "gpt-5"): Billed(TokenCounts(input=1000), Decimal("1234.50"))}
    form, found = read(tmp_path, "day,model,input,output\n20260731,gpt-5,1,2\n")
    assert form == "plain, tokens only"
    assert found == {(DAY, "gpt-5"): Billed(TokenCounts(input=1, output=2))}
    assert read(tmp_path, "day,model,cost_usd\n") == ("plain, with cost", {})


def test_every_mistake_has_its_place(tmp_path: Path) -> None:
    text = (
        "day,model,input,output,cost_usd\n"
        "31.7.2026,gpt-5,1,1,1\n"
        '2026-07-31,"gpt\n-5",1,1,1\n'
        "2026-07-31,gpt-5,-1,1,1\n"
        "2026-07-31,gpt-5,1.5,1,1\n"
        "2026-07-31,gpt-5,1,1,much\n"
        "2026-07-31,gpt-5,1,1,NaN\n"
        "2026-07-31,,1,1,1\n"
        "2026-07-31,gpt-5,1,1\n"
    )
    with pytest.raises(DocumentInvalid) as caught:
        read(tmp_path, text)
    told = [(problem.line, problem.message) for problem in caught.value.problems]
    assert [line for line, _ in told] == [2, 5, 6, 7, 8, 9, 10]
    assert all(problem.file.endswith("invoice.csv") and problem.remedy for problem in caught.value.problems)
    assert "'31.7.2026'" in told[0][1]
    assert "4 values" in told[-1][1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "No known form"),
        (b"a,b,c\n1,2,3\n", "a, b, c"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'day,model,cost_usd\n2026-07-31,"gpt\n', "no CSV"),
        (b"start_time,line_item,amount_value,amount_currency\n1785456000,gpt-5,1,eur\n", "US dollars"),
        (b"start_time,model,input_tokens,output_tokens,input_cached_tokens\n1785456000,m,1,1,2\n", "more than"),
        (b"start_time,line_item,amount_value\n99999999999999999999,gpt-5,1\n", "no day"),
    ],
)
def test_a_file_that_is_no_invoice_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "invoice.csv"
    path.write_bytes(content)
    with pytest.raises(DocumentInvalid, match=told):
        read_invoice(path)


def test_a_file_that_is_not_there_and_a_flood_of_mistakes(tmp_path: Path) -> None:
    with pytest.raises(DocumentInvalid, match="cannot be read"):
        read_invoice(tmp_path / "none.csv")
    with pytest.raises(DocumentInvalid) as caught:
        read(tmp_path, "day,model,cost_usd\n" + "x,y,z\n" * 500)
    assert len(caught.value.problems) == 20


def test_models_are_compared_by_their_plain_names() -> None:
    assert plain_model("Claude Sonnet 4.5") == plain_model("claude-sonnet-4-5-20250929") == "claude-sonnet-4-5"
    assert plain_model("gpt-4.1-2025-04-14") == "gpt-4.1"
    assert plain_model(" GPT-5 ") == "gpt-5"


amounts = st.integers(0, 50)
sides = st.dictionaries(
    st.tuples(st.dates(date(2026, 1, 1), date(2026, 1, 3)), st.sampled_from(["a", "b"])),
    st.tuples(amounts, amounts, st.decimals(0, 9, places=8)),
)


@given(sides, sides)
def test_differences_add_up_to_the_difference_of_the_totals(
    billed: dict[tuple[date, str], tuple[int, int, Decimal]], held: dict[tuple[date, str], tuple[int, int, Decimal]]
) -> None:
    invoice = {
        key: Billed(TokenCounts(input=read, output=written), cost) for key, (read, written, cost) in billed.items()
    }
    ledger = {key: Side(TokenCounts(input=read, output=written), cost) for key, (read, written, cost) in held.items()}
    found = compare("p", "plain", invoice, ledger)
    money = sum(
        ((d.invoice.cost_usd if d.invoice else None) or 0) - ((d.ledger.cost_usd if d.ledger else None) or 0)
        for d in found.differences
    )
    # What agrees may differ by less than the sixth place.
    total = (found.invoice_usd or 0) - found.ledger_usd
    assert abs(total - money) <= Decimal("0.000001") * max(found.agree, 0)
    assert found.agree + len(found.differences) == len({*invoice, *ledger})
    same = compare("p", "plain", invoice, {key: Side(b.tokens, b.cost_usd) for key, b in invoice.items()})
    assert same.differences == ()


def test_the_largest_difference_comes_first_and_money_alone_is_compared_as_money() -> None:
    tokens = TokenCounts(input=10, output=1)
    held = {
        (DAY, "a"): Side(tokens, Decimal(1)),
        (DAY, "b"): Side(tokens, Decimal(1)),
        (DAY, "c"): Side(tokens, Decimal(7)),
        (DAY, "d"): Side(tokens, Decimal(0)),
    }
    invoice = {
        (DAY, "a"): Billed(None, Decimal(3)),
        (DAY, "b"): Billed(None, Decimal("1.0000001")),
        (DAY, "d"): Billed(TokenCounts(input=11, output=1)),
    }
    found = compare("p", "plain", invoice, held)
    assert [(d.model, d.cost_usd, d.tokens, d.missing) for d in found.differences] == [
        ("c", None, None, "invoice"),
        ("a", Decimal(2), None, ""),
        ("d", None, 1, ""),
    ]
    assert found.agree == 1
