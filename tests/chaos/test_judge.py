"""The judge itself: what it calls lost, twice and misplaced."""

from datetime import UTC, datetime

from bot.ports import StageMessage, StageThread
from connectors.stage import Write
from tests.chaos.judge import Judgement, judge

AT = datetime(2026, 11, 21, tzinfo=UTC)
FIRST, SECOND = "Can you engrave my initials on order 7?", "Can you engrave my initials on order 8?"


def thread(id: str, *said: str) -> StageThread:
    """A conversation of one customer."""
    messages = tuple(StageMessage(f"{id}{n}", "customer", "Maria", text, AT) for n, text in enumerate(said))
    return StageThread(id, "Help", "open", "Maria", messages)


def note(conversation: str, message: str, text: str, place: str = "") -> Write:
    """A note with our mark, in its conversation or elsewhere."""
    mark = f"d-zendesk-{conversation}-customer_message-{message}-handoff"
    return Write("note", place or conversation, text, mark, public=False)


def zendesk(threads: list[StageThread], writes: list[Write]) -> Judgement:
    """Judged alone."""
    return judge({"zendesk": threads}, {"zendesk": writes})


def test_one_answer_to_the_newest_question_is_fine() -> None:
    found = zendesk([thread("1", FIRST, SECOND)], [note("1", "10", FIRST), note("1", "11", f"{FIRST} {SECOND}")])

    assert found.fine
    assert found.answered == 1


def test_a_newest_question_without_an_answer_is_lost() -> None:
    found = zendesk([thread("1", FIRST, SECOND)], [note("1", "10", FIRST)])

    assert found.lost == ("zendesk 1, order 8",)


def test_a_mark_that_stands_twice_is_twice() -> None:
    found = zendesk([thread("1", FIRST)], [note("1", "10", FIRST), note("1", "10", FIRST)])

    assert found.twice == (
        "zendesk 1, order 7: 2 answers",
        "zendesk: d-zendesk-1-customer_message-10-handoff 2 times",
    )


def test_an_answer_in_another_conversation_is_misplaced() -> None:
    found = zendesk([thread("1", FIRST), thread("2", SECOND)], [note("1", "10", FIRST, place="2")])

    assert found.wrong == ("zendesk 1, order 7 answered in 2",)


def test_without_marks_two_replies_in_one_conversation_are_twice() -> None:
    replies = [Write("comment", "1", "30 days.", ""), Write("comment", "1", "30 days.", "")]

    found = judge({"intercom": [thread("1", FIRST)]}, {"intercom": replies})

    assert found.twice == ("intercom 1, order 7: 2 answers", "intercom: 1: 30 days. 2 times")


def test_a_question_that_a_person_was_asked_about_is_not_lost() -> None:
    notice = Write("chat.postMessage", "C0REVIEW-1.0", "Was this sent?", "d-notice-dead-look|zendesk:1-3", public=False)

    found = judge({"zendesk": [thread("1", FIRST)], "slack": []}, {"zendesk": [], "slack": [notice]})

    assert found.fine
    assert found.asked == ("zendesk 1, order 7",)


def test_what_was_given_up_and_handed_to_a_person_is_not_lost() -> None:
    event = "d-dead-event|slack-C0SUPPORT-1.5-customer_message-1.5-2026-11-21-back"
    look = "d-dead-look|slack:C0SUPPORT-1.6-2026-11-21-back"
    cards = [Write("chat.postMessage", "C0REVIEW-1.0", "For a person", mark, public=False) for mark in (event, look)]
    note = Write("note", "1", "For a person\nWhat happened: killed", "", public=False)

    found = judge(
        {"slack": [thread("C0SUPPORT-1.5", FIRST), thread("C0SUPPORT-1.6", FIRST)], "intercom": [thread("1", SECOND)]},
        {"slack": cards, "intercom": [note]},
    )

    assert (found.lost, len(found.asked)) == ((), 3)


def test_a_notice_about_conversation_12_does_not_speak_of_conversation_1() -> None:
    notice = Write(
        "chat.postMessage", "C0REVIEW-1.0", "Was this sent?", "d-notice-dead-look|zendesk:12-3", public=False
    )

    found = judge({"zendesk": [thread("1", FIRST)], "slack": []}, {"zendesk": [], "slack": [notice]})

    assert found.lost == ("zendesk 1, order 7",)
