"""The chat for async applications: `python examples/chat_loop_async.py [memory file]`.

`answer` is the only place where a language model comes in: replace it by a call of yours.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from hitherto import AsyncHitherto, AsyncUser, Message, MessageRole
from hitherto.errors import UserNotFoundError

Model = Callable[[str, list[Message]], Awaitable[str]]


async def answer(system_prompt: str, messages: list[Message]) -> str:
    """Stands in for a language model: says what it was given."""
    words = len(system_prompt.split())
    return f"You said {messages[-1].content!r}; my system prompt has {words} words."


async def chat(memory: AsyncHitherto, user: AsyncUser, model: Model) -> None:
    """One conversation, from the first line of the user to the memories that it leaves."""
    session = await user.create_session()
    while said := await asyncio.to_thread(listen):
        await session.add_message(MessageRole.USER, said)
        context = (await session.get_context(max_tokens=4000)).context
        system_prompt = f"You are a helpful assistant.\n\n{context}"
        page = await session.get_messages(limit=500)
        reply = await model(system_prompt, page.messages)
        await session.add_message(MessageRole.ASSISTANT, reply)
        print(f"assistant> {reply}")
    await session.process()
    await memory.wait_until_processed(timeout_s=60)
    learned = (await user.list_memories(session_id_filter=[session.session_id])).items
    print(f"\n{len(learned)} new memories", *[f"\n- {item.content}" for item in learned], sep="")


def listen() -> str:
    """A line from the user; an empty one at the end of the input."""
    try:
        return input("you> ").strip()
    except EOFError:
        return ""


async def main() -> None:
    """Chat with one user whose memory is kept in a file."""
    async with AsyncHitherto(sys.argv[1] if len(sys.argv) > 1 else "chat.db") as memory:
        try:
            user = await memory.get_user("me")
        except UserNotFoundError:
            user = await memory.create_user("me")
        await chat(memory, user, answer)


if __name__ == "__main__":
    asyncio.run(main())
