"""The service in two minutes: `python examples/service_quickstart.py`.

Starts `hitherto serve` with a temporary memory, talks to it with the released client `recallrai`
and then with Hitherto's own client, and stops it again.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import recallrai
from recallrai.models import MessageRole, SessionStatus

import hitherto

COMMAND = (sys.executable, "-c", "from hitherto.cli import app; app()")
"""What `hitherto` on the command line is, wherever it is installed."""


@contextmanager
def service(db: Path) -> Iterator[str]:
    """Run the service on a free port and yield its address."""
    command = [*COMMAND, "serve", "--db", str(db), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        found = re.search(r"listens on (\S+)", running.stdout.readline())
        if found is None:
            raise SystemExit(f"the service did not start: exit code {running.wait()}")
        try:
            yield found[1]
        finally:
            running.terminate()
            running.communicate()
            print(f"service stopped with exit code {running.returncode}")


def make_key(db: Path) -> tuple[str, str]:
    """A key and its project, made before the first start, which then makes none."""
    made = subprocess.run(
        [*COMMAND, "keys", "create", "--db", str(db), "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    answer = json.loads(made.stdout)
    return answer["api_key"], answer["project_id"]


def tell(client: recallrai.RecallrAI) -> None:
    """One conversation through the released client, from the first message to the memories."""
    user = client.create_user("alice")
    session = user.create_session()
    session.add_message(MessageRole.USER, "I live in Porto and I work as a nurse.")
    session.add_message(MessageRole.ASSISTANT, "Do you work nights too?")
    session.add_message(MessageRole.USER, "Three a week. I'm allergic to peanuts, by the way.")
    session.process()
    while session.status is SessionStatus.PROCESSING or session.status is SessionStatus.PENDING:
        time.sleep(0.1)
        session.refresh()
    print(f"recallrai: the session is {session.status.value}")
    for item in user.list_memories().items:
        print(f"recallrai: {item.content}")


def ask(memory: hitherto.Hitherto) -> None:
    """A question in the next conversation, through Hitherto's own client."""
    session = memory.get_user("alice").create_session()
    session.add_message(hitherto.MessageRole.USER, "Can I have the satay?")
    response = session.get_context(max_tokens=300, include_system_prompt=False)
    print("hitherto: what a model is told")
    print(response.context)


def main() -> None:
    """Run the service, and both clients against it."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "memory.db"
        api_key, project_id = make_key(db)
        with service(db) as url:
            tell(recallrai.RecallrAI(api_key, project_id, url))
            with hitherto.Hitherto(url, api_key=api_key, project_id=project_id) as memory:
                ask(memory)


if __name__ == "__main__":
    main()
