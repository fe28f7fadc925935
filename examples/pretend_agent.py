"""Stands in for a coding agent: it knows git and its prompt, and nothing of the host.

    pretend_agent.py implement PROMPT     writes a file into the current folder and commits it
    pretend_agent.py review PROMPT        says what is wrong with it; exit 0 when nothing is

It is run in the worktree of a work package, as a real agent would be. Put yours in its place.
"""

import subprocess
import sys
from pathlib import Path

INDEX = """\
def index(texts):
    return {text: set(text.casefold().split()) for text in texts}
"""
QUERY_THAT_MINDS_CASE = """\
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
# What it writes first, and what after a review has found fault with that.
DRAFTS = {
    "index.py": (INDEX, INDEX),
    "query.py": (QUERY_THAT_MINDS_CASE, QUERY),
    "search.py": (SEARCH, SEARCH),
}
# What a reviewer tries.
TRIALS = {
    "index.py": "from index import index; assert index(['A b']) == {'A b': {'a', 'b'}}",
    "query.py": "from query import words; assert words('Fish') == words('FISH')",
    "search.py": "from search import search; assert search('a', ['A b', 'c']) == ['A b']",
}


def implement(name: str) -> None:
    """The next draft of the file is committed; the last one is not written twice."""
    path = Path(name)
    is_rework = path.exists()
    draft = DRAFTS[name][is_rework]
    if is_rework and path.read_text(encoding="utf-8") == draft:
        return
    path.write_text(draft, encoding="utf-8")
    run("git", "add", "--", name)
    run("git", "commit", "-q", "-m", f"{'Correct' if is_rework else 'Write'} {name}")


def review(name: str) -> bool:
    """Whether the file stands its trial; what is wrong was printed."""
    trial = TRIALS[name]
    # Without -B, compiled files would stay behind in the worktree as uncommitted work.
    is_sound = run(sys.executable, "-B", "-c", trial, check=False) == 0
    if not is_sound:
        print(f"{name} fails: {trial.partition('; ')[2]}")
    return is_sound


def run(*words: str, check: bool = True) -> int:
    """The exit code of the command; what it had to say is shown only where it had to succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        sys.exit(f"{words[0]}: {done.stderr}")
    return done.returncode


def main(task: str, prompt: str) -> int:
    """The task was done for the file that the prompt asks for."""
    text = Path(prompt).read_text(encoding="utf-8")
    name = next((name for name in DRAFTS if f"Write {name}" in text), None)
    if name is None:
        sys.exit(f"{prompt} asks for nothing that a pretend agent can write")
    if task == "review":
        return 0 if review(name) else 1
    implement(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
