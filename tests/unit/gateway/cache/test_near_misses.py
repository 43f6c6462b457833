"""Questions that lie close and mean something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.cache.near_misses import means_the_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the tax in 2023?", "What is the tax in 2024?"),
        ("Is this mushroom safe to eat?", "Is this mushroom not safe to eat?"),
        ("Is it safe?", "Isn't it safe?"),
        ("Who is the mayor of Berlin?", "Who is the mayor of Hamburg?"),
        ("Translate 'open' to French", "Translate 'close' to French"),
        ("How do I enable the firewall?", "How do I disable the firewall?"),
        ("Convert 10 km to miles", "Convert 10.5 km to miles"),
        ("Does it start at 9:00?", "Does it start at 9:30?"),
        ("Is 5% more than this?", "Is 5% less than this?"),
        ("Paris weather today", "London weather today"),
        ("weather in paris", "weather in london"),
        ("Is Python faster than Rust?", "Is Rust faster than Python?"),
        ("Convert dollars to euros", "Convert euros to dollars"),
        ("Translate this from French to English", "Translate this from English to French"),
        ("When was Siemens founded?", "Where was Siemens founded?"),
        ("Who founded Siemens?", "When was Siemens founded?"),
        ("How many users are there?", "How much users are there?"),
        ("Is it -5 degrees?", "Is it 5 degrees?"),
        ("a recipe with two eggs", "a recipe with three eggs"),
        ("is it safe to eat", "is it unsafe to eat"),
        ("What are the pros of nuclear power?", "What are the cons of nuclear power?"),
        ("Is my mother insured?", "Is my father insured?"),
        ("Should he pay her?", "Should she pay him?"),
        ("10 km in total", "10 miles in total"),
        ("the price of gpt-4", "the price of gpt-5"),
        ("Is aspirin good for dogs?", "Is aspirin good for cats?"),
        ("how do I delete a user", "how do I create a user"),
        ("Drugs that interact with warfarin", "Drugs that interact with heparin"),
        ("Can I fly to spain from italy?", "Can I fly to italy from spain?"),
        ("monday opening hours", "tuesday opening hours"),
        ("Is this possible?", "Is this impossible?"),
        ("x > 3", "x < 3"),
        ("the largest city in texas", "the smallest city in texas"),
        ("Compute 2+3", "Compute 2*3"),
        ("Compute 2-3", "Compute 2+3"),
        ("Is $5 right?", "Is €5 right?"),
        ("日本の首都は", "中国の首都は"),
        ("What about C?", "What about C++?"),
        ("Explain C", "Explain C#"),
        ("What is the tax in 2023?", "What is the tax in 2023 or 2024?"),
        ("Can I?", "Can't I?"),
        ("Why is it allowed?", "Why is it disallowed?"),
        ("who beats whom: cats or dogs", "who beats whom: dogs or cats"),
        ("All users may log in?", "No users may log in?"),
        ("All users may log in?", "Some users may log in?"),
        ("Is it always wrong?", "Is it sometimes wrong?"),
        ("my invoice", "your invoice"),
        ("Is it legal in the US?", "Is it legal for us?"),
        ("Does this apply to US?", "Does this apply to us?"),
        ("Was it open?", "Is it open?"),
        ("Should I sell?", "Can I sell?"),
        ("a != b", "a = b"),
        ("2*(3+4)", "2*3+4"),
    ],
)
def test_these_differ(one: str, other: str):
    assert not means_the_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "how can I reset my password"),
        ("What is the capital of France?", "Tell me what the capital of France is."),
        ("Is it safe? Tell me.", "Tell me: is it safe"),
        ("Don’t I need one?", "Don't I need one?"),
        ("How do I reset my password?", "Please tell me how I can reset my password"),
        ("What is your refund policy?", "what's your refund policy?"),
        ("Where can I find my invoices?", "Where do I find my invoice?"),
        ("How to install the app?", "How do I install the app?"),
        ("What does the premium plan cost?", "Can you tell me what the premium plan costs?"),
        ("How to install the app?", "Can you tell me how I can install an app?"),
        ("", "  ?"),
    ],
)
def test_these_do_not(one: str, other: str):
    assert means_the_same(one, other)


WORDS = ["paris", "rome", "not", "2023", "2024", "before", "after", "my", "your", "tax", "+", "-", "un", "who", "when"]


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.lists(st.sampled_from(WORDS), max_size=8))
def test_no_word_with_a_meaning_may_differ_or_change_its_place(one: list[str], other: list[str]):
    same = means_the_same(f"Please tell me: {' '.join(one)}?", " ".join(other))
    assert same == (one == other)


@given(st.text(max_size=100))
def test_every_question_means_the_same_as_itself(text: str):
    assert means_the_same(text, text)
    assert means_the_same(text, f"  {text} ")
