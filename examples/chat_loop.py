"""A chat that remembers: `python examples/chat_loop.py [memory file]`. An empty line ends it.

`answer` is the only place where a language model comes in: replace it by a call of yours.
"""

import sys
from collections.abc import Callable

from hitherto import Hitherto, Message, MessageRole, User
from hitherto.errors import UserNotFoundError

Model = Callable[[str, list[Message]], str]


def answer(system_prompt: str, messages: list[Message]) -> str:
    """Stands in for a language model: says what it was given."""
    words = len(system_prompt.split())
    return f"You said {messages[-1].content!r}; my system prompt has {words} words."


def chat(memory: Hitherto, user: User, model: Model) -> None:
    """One conversation, from the first line of the user to the memories that it leaves."""
    session = user.create_session()
    while said := listen():
        session.add_message(MessageRole.USER, said)
        context = session.get_context(max_tokens=4000).context
        system_prompt = f"You are a helpful assistant.\n\n{context}"
        reply = model(system_prompt, session.get_messages(limit=500).messages)
        session.add_message(MessageRole.ASSISTANT, reply)
        print(f"assistant> {reply}")
    session.process()
    memory.wait_until_processed(timeout_s=60)
    learned = user.list_memories(session_id_filter=[session.session_id]).items
    print(f"\n{len(learned)} new memories", *[f"\n- {item.content}" for item in learned], sep="")


def listen() -> str:
    """A line from the user; an empty one at the end of the input."""
    try:
        return input("you> ").strip()
    except EOFError:
        return ""


def main() -> None:
    """Chat with one user whose memory is kept in a file."""
    with Hitherto(sys.argv[1] if len(sys.argv) > 1 else "chat.db") as memory:
        try:
            user = memory.get_user("me")
        except UserNotFoundError:
            user = memory.create_user("me")
        chat(memory, user, answer)


if __name__ == "__main__":
    main()
