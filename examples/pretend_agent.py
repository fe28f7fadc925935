"""A stand-in for a coding agent. It uses git and its prompt, and knows nothing of the host.

    pretend_agent.py implement PROMPT     write a file in the current folder and commit it
    pretend_agent.py review PROMPT        print what is wrong with the file; exit 0 if nothing is

It runs in the workspace of a work package, as a real agent would. Replace it by yours.
"""

import subprocess
import sys
from pathlib import Path

INDEX = """\
def index(texts):
    return {text: set(text.casefold().split()) for text in texts}
"""
CASE_SENSITIVE_QUERY = """\
def words(query):
    return set(query.split())
"""
QUERY = """\
def words(query):
    return set(query.casefold().split())
"""
SEARCH = """\
from index import index
from query import words


def search(query, texts):
    return [text for text, found in index(texts).items() if words(query) <= found]


if __name__ == "__main__":
    print(search("FISH", ["One fish", "Two birds", "Red fish"]))
"""
# For each file the first draft, and the draft after a review has found a fault.
DRAFTS = {
    "index.py": (INDEX, INDEX),
    "query.py": (CASE_SENSITIVE_QUERY, QUERY),
    "search.py": (SEARCH, SEARCH),
}
# The test that a reviewer runs.
TESTS = {
    "index.py": "from index import index; assert index(['A b']) == {'A b': {'a', 'b'}}",
    "query.py": "from query import words; assert words('Fish') == words('FISH')",
    "search.py": "from search import search; assert search('a', ['A b', 'c']) == ['A b']",
}


def implement(name: str) -> None:
    """Write and commit the next draft of the file, unless the last draft exists already."""
    path = Path(name)
    is_rework = path.exists()
    draft = DRAFTS[name][is_rework]
    if is_rework and path.read_text(encoding="utf-8") == draft:
        return
    path.write_text(draft, encoding="utf-8")
    run("git", "add", "--", name)
    run("git", "commit", "-q", "-m", f"{'Correct' if is_rework else 'Write'} {name}")


def review(name: str) -> bool:
    """Run the test of the file; print the failure and return whether it passed."""
    test = TESTS[name]
    # Without -B, compiled files would remain in the workspace as uncommitted work.
    passed = run(sys.executable, "-B", "-c", test, check=False) == 0
    if not passed:
        print(f"{name} fails: {test.partition('; ')[2]}")
    return passed


def run(*arguments: str, check: bool = True) -> int:
    """Run the command and return its exit code. With `check`, a failure ends the program."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        sys.exit(f"{arguments[0]}: {done.stderr}")
    return done.returncode


def main(task: str, prompt: str) -> int:
    """Do the task for the file that the prompt names."""
    text = Path(prompt).read_text(encoding="utf-8")
    name = next((name for name in DRAFTS if f"Write {name}" in text), None)
    if name is None:
        sys.exit(f"{prompt} does not name a file that the pretend agent can write")
    if task == "review":
        return 0 if review(name) else 1
    implement(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
