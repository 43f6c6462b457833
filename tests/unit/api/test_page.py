import base64
import hashlib
import re
from importlib.resources import files

from stretto.api.page import _rendered


def test_the_policy_allows_exactly_the_pages_own_script_and_style():
    text, policy = _rendered("simulated", True)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_page_loads_nothing_and_inserts_text_only_as_text():
    page = files("stretto.api").joinpath("page.html").read_text("utf-8")
    assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", page, re.IGNORECASE)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", page)
    assert not re.findall(r"<[^>]*\s(?:on[a-z]+|style|src)\s*=", page)


def test_the_page_says_what_answers_model_calls():
    assert "no model is at work" in _rendered("simulated", True)[0]
    named = _rendered("<b>strong</b>", False)[0]
    assert "“&lt;b&gt;strong&lt;/b&gt;”" in named
    assert "no model is at work" not in named
    assert "dashboard is not built yet" in named
