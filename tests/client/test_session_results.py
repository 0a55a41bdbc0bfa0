"""What processing brought, read together with its session."""

from hitherto import MessageRole
from hitherto.api import MemoryApi


async def tell(api: MemoryApi, *texts: str) -> str:
    session_id = (await api.create_session("alice")).session_id
    for text in texts:
        await api.add_message("alice", session_id, MessageRole.USER, text)
    await api.process("alice", session_id)
    await api.wait_until_processed(timeout_s=20)
    return session_id


async def test_results_are_shown_where_they_are_asked_for(api: MemoryApi) -> None:
    await api.create_user("alice")
    session_id = await tell(api, "I live in Porto.", "I have two dogs.")
    plain = await api.get_session("alice", session_id)
    assert (plain.session_summary, plain.memories) == (None, None)
    with_summary = await api.get_session("alice", session_id, include_summary=True)
    assert "Porto" in (with_summary.session_summary or "")
    assert with_summary.memories is None
    with_memories = await api.get_session("alice", session_id, include_memories=True)
    assert with_memories.session_summary is None
    assert with_memories.memories is not None
    shown = {memory.memory_id: memory.content for memory in with_memories.memories}
    listed = (await api.list_memories("alice")).items
    assert shown == {item.memory_id: item.content for item in listed}
    assert set(shown.values()) == {"User lives in Porto", "User has two dogs"}


async def test_before_processing_there_is_no_summary_and_no_memory(api: MemoryApi) -> None:
    await api.create_user("alice")
    session_id = (await api.create_session("alice")).session_id
    read = await api.get_session("alice", session_id, include_summary=True, include_memories=True)
    assert (read.session_summary, read.memories) == (None, [])


async def test_only_current_memories_of_this_session_are_shown(api: MemoryApi) -> None:
    await api.create_user("alice")
    first = await tell(api, "I live in Porto.", "I have two dogs.")
    second = await tell(api, "I moved to Faro.")
    shown = {}
    for session_id in (first, second):
        read = await api.get_session("alice", session_id, include_memories=True)
        shown[session_id] = [memory.content for memory in read.memories or ()]
    listed = (await api.list_memories("alice")).items
    for session_id, contents in shown.items():
        ours = sorted(item.content for item in listed if item.session_id == session_id)
        assert sorted(contents) == ours
    assert "User lives in Porto" not in shown[first]
    assert "User has two dogs" in shown[first]
    assert shown[second] != []
