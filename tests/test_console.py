"""The operator's commands: what they change, what they say, and that a mistake is named without a traceback."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

import connectors
from bot import passwords
from bot.model import Entry, PersonRole, Ref
from bot.settings import index_folder
from bot.store import audit, knowledge, limits, people, reviews
from bot.store.tables import work
from bot.work import ring
from connectors import load
from connectors.stage import Fault
from tests.helpdesk import Fake
from tests.shell import HIDDEN, OIDC, Said, Shell
from tests.waits import until

ROOT = Path(__file__).parent.parent
INES = ("person", "ines@fernweh.example", "--name", "Ines Duarte", "--role", "lead")
ZENDESK = {
    "ZENDESK_SUBDOMAIN": "fernweh",
    "ZENDESK_AUTHOR_ID": "900",
    "ZENDESK_CLIENT_ID": "understudy",
    "ZENDESK_CLIENT_SECRET": HIDDEN,
    "ZENDESK_WEBHOOK_SECRET": HIDDEN,
}
INTERCOM = {"INTERCOM_TOKEN": HIDDEN, "INTERCOM_CLIENT_SECRET": HIDDEN, "INTERCOM_ADMIN_ID": "900"}
SLACK = {
    "SLACK_BOT_TOKEN": f"xoxb-{HIDDEN}",
    "SLACK_SIGNING_SECRET": HIDDEN,
    "SLACK_TEAM_ID": "T0FERNWEH",
    "SLACK_REVIEW_CHANNEL": "C0REVIEW",
}


@pytest.fixture
def helpdesks(shell: Shell) -> Iterator[dict[str, Fake]]:
    """All three vendors, set up."""
    fakes: dict[str, Fake] = {name: load(name, "fake").Fake() for name in connectors.found()}
    for fake in fakes.values():
        shell.set(**fake.settings())
    yield fakes
    for fake in fakes.values():
        fake.close()  # type: ignore[attr-defined]


def audited(shell: Shell, about: str) -> list[tuple[str, str, str]]:
    """Who did what and why, newest first."""
    with shell.store().read() as conn:
        return [(e.who, e.what, e.why) for e in audit.entries(conn, about)]


def knows(shell: Shell, *topics: str) -> None:
    """There is an entry about each of these."""
    with shell.store().write() as conn:
        for topic in topics:
            knowledge.add_entry(conn, Entry(f"e-{topic}", 1, "How?", "So.", topic=topic, at=datetime.now(UTC)))


def test_stop_and_go_hold_for_every_process_and_are_recorded(shell: Shell) -> None:
    shell("people")
    stop = shell("stop", "--why", "wrong prices")
    with shell.store().read() as conn:
        assert limits.stopped(conn)
    go = shell("go")
    with shell.store().read() as conn:
        assert not limits.stopped(conn)

    assert stop.out.startswith("Nothing is sent any more. `app.py go` lets it go on.")
    assert (stop.status, go.status, go.out.startswith("Sending goes on.")) == (0, 0, True)
    assert audited(shell, "everything") == [("command line", "let go", ""), ("command line", "stopped", "wrong prices")]


def test_a_stop_that_would_stop_nothing_says_so(shell: Shell, tmp_path: Path) -> None:
    shell.set(DATABASE_URL=f"sqlite:///{tmp_path}/mistyped.db")

    said = shell("stop")

    assert (said.status, "there is no database at" in said.err) == (2, True)
    assert not (tmp_path / "mistyped.db").exists()


def test_stop_needs_no_setting_but_the_database(shell: Shell) -> None:
    shell("people")
    shell.environment.delenv("SECRET_KEY")

    assert shell("stop").status == 0


def test_a_file_that_is_no_database_is_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"not a database, whatever its name" * 100)
    shell.set(DATABASE_URL=f"sqlite:///{tmp_path}/holiday.jpg")

    said = shell("people")

    assert said.status == 2
    assert "DATABASE_URL: the database cannot be reached: file is not a database" in said.err


def test_a_lead_grants_a_topic_for_some_days_and_takes_it_back(shell: Shell) -> None:
    shell(*INES)
    knows(shell, "returns")
    before = datetime.now(UTC)

    granted = shell("grant", "returns", "--by", "Ines@fernweh.example", "--days", "3")

    assert (granted.status, granted.out.startswith("returns: answers alone until ")) == (0, True)
    with shell.store().read() as conn:
        held = limits.licences(conn)["returns"]
        assert "returns" not in limits.licensed(conn, before + timedelta(days=3.1))
    assert held is not None
    assert held.granted_by == "ines@fernweh.example"

    revoked = shell("revoke", "returns", "--by", "ines@fernweh.example")

    assert (revoked.status, revoked.out) == (0, "returns: no licence any more\n")
    with shell.store().read() as conn:
        assert "returns" not in limits.licensed(conn, datetime.now(UTC))
    assert [what for _, what, _ in audited(shell, "topic:returns")] == ["revoke", "grant"]


@pytest.mark.parametrize("who", ["nobody@fernweh.example", "tomasz@fernweh.example"])
def test_only_a_lead_grants(shell: Shell, who: str) -> None:
    shell("person", "tomasz@fernweh.example")

    said = shell("grant", "returns", "--by", who)

    assert said == Said(2, "", f"app.py: --by: {who} is no lead; `app.py people` lists the team\n")
    with shell.store().read() as conn:
        assert "returns" not in limits.licensed(conn, datetime.now(UTC))


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "91", "1e300"])
def test_days_that_make_no_sense_are_refused(shell: Shell, days: str) -> None:
    shell(*INES)

    said = shell("grant", "returns", "--by", "ines@fernweh.example", f"--days={days}")

    assert said == Said(2, "", "app.py: days: a licence needs a number of days above 0, at most 90\n")


@pytest.mark.parametrize("topic", ["bilings", ""])
@pytest.mark.parametrize("command", ["grant", "revoke"])
def test_a_topic_that_nobody_has_written_about_is_named_with_those_that_are_known(
    shell: Shell, command: str, topic: str
) -> None:
    shell(*INES)
    knows(shell, "billing", "", "returns")

    said = shell(command, topic, "--by", "ines@fernweh.example")

    assert said == Said(2, "", f"app.py: topic: no entry speaks about {topic!r}; known are billing, returns\n")
    assert audited(shell, f"topic:{topic}") == []


def test_days_that_are_no_number_are_answered_with_help(shell: Shell) -> None:
    said = shell("grant", "returns", "--by", "ines@fernweh.example", "--days", "week")

    assert (said.status, "invalid float value: 'week'" in said.err, "usage:" in said.err) == (2, True, True)


def test_people_are_added_changed_and_listed(shell: Shell) -> None:
    assert shell("people").out.startswith("Nobody yet.")

    added = shell(*INES, "--also", "slack:U_INES")
    changed = shell("person", "Ines@Fernweh.example", "--also", "zendesk:101")

    assert added.out == "Ines Duarte is lead, known as slack:U_INES\n"
    assert changed.out == "Ines Duarte is lead, known as slack:U_INES, zendesk:101\n"
    assert shell("people").out.split() == [
        *("lead", "Ines", "Duarte", "ines@fernweh.example"),
        *("slack:U_INES", "zendesk:101"),
    ]


def test_someone_new_is_an_agent_and_becomes_a_lead_only_when_told(shell: Shell) -> None:
    shell("person", "priya@fernweh.example")
    with shell.store().read() as conn:
        new = people.by_email(conn, "priya@fernweh.example")
    said = shell("person", "priya@fernweh.example", "--role", "lead")

    assert (new and new.name, new and new.role) == ("priya", PersonRole.AGENT)
    assert said.out == "priya is lead, known as nobody at the vendors yet (`app.py link`)\n"


def test_a_vendor_id_is_taken_off_a_person_and_a_person_off_the_team_and_recorded(shell: Shell) -> None:
    shell(*INES, "--also", "slack:U_INES", "--also", "zendesk:101")

    without = shell("person", "ines@fernweh.example", "--not", "zendesk:101")
    with shell.store().read() as conn:
        known = [people.person_of(conn, vendor_id) is not None for vendor_id in ("slack:U_INES", "zendesk:101")]
    removed = shell("person", "Ines@fernweh.example", "--remove")
    again = shell("person", "ines@fernweh.example", "--remove")

    assert without.out == "Ines Duarte is lead, known as slack:U_INES\n"
    assert known == [True, False]
    assert removed == Said(0, "Ines Duarte is not on the team any more.\n", "")
    assert again == Said(2, "", "app.py: email: ines@fernweh.example is not on the team; `app.py people` lists it\n")
    assert shell("people").out.startswith("Nobody yet.")
    with shell.store().read() as conn:
        assert people.person_of(conn, "slack:U_INES") is None
        said = [(e.what, e.detail) for e in audit.entries(conn, "ines@fernweh.example")]
    assert said[:2] == [("person removed", {}), ("person", {"role": "lead", "also": "slack:U_INES"})]


def test_whoever_is_added_again_signs_in_anew_with_no_password_or_session_from_before(shell: Shell) -> None:
    shell(*INES)
    secret = shell("password", INES[1]).out.partition("password: ")[2].partition("\n")[0]
    now = datetime.now(UTC)
    with shell.store().write() as conn:
        reviews.add_nonce(conn, "cookie", f"session:{INES[1]}", "", now + timedelta(hours=12))

    shell("person", INES[1], "--remove")
    shell(*INES)

    with shell.store().write() as conn:
        assert passwords.take(conn, INES[1], secret, now) is None
        assert (reviews.get_nonce(conn, "cookie") or ())[3:] == ("command line",)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("ines",), "app.py: email: 'ines' is not an e-mail address\n"),
        (
            ("ines@fernweh.example", "--also", "U_INES"),
            "app.py: --also: is written vendor:id, such as slack:U024BE7LH\n",
        ),
        (("ines@fernweh.example", "--not", "U_INES"), "app.py: --not: is written vendor:id, such as slack:U024BE7LH\n"),
    ],
)
def test_a_wrong_person_is_named(shell: Shell, argv: tuple[str, ...], said: str) -> None:
    assert shell("person", *argv) == Said(2, "", said)
    assert shell("people").out.startswith("Nobody yet.")


def test_link_names_who_was_linked_at_which_vendor(shell: Shell, helpdesks: dict[str, Fake]) -> None:
    shell(*INES)

    assert shell("link").out.splitlines() == [
        "intercom: 1 of 3 linked",
        "  Ines Duarte ines@fernweh.example",
        "slack: 1 of 5 linked",
        "  Ines Duarte ines@fernweh.example",
        "zendesk: 1 of 3 linked",
        "  Ines Duarte ines@fernweh.example",
    ]
    assert shell("people").out.split()[-3:] == ["intercom:901", "slack:U_INES", "zendesk:101"]


@pytest.mark.parametrize("command", [("link",), ("setup",), ("setup", "--dry-run")])
def test_where_no_helpdesk_is_set_up_there_is_nothing_to_link_or_to_install(
    shell: Shell, command: tuple[str, ...]
) -> None:
    assert shell(*command) == Said(2, "", "app.py: helpdesks: none is set up; see README.md\n")


def test_a_vendor_that_is_away_or_refuses_is_named_with_status_1(shell: Shell, helpdesks: dict[str, Fake]) -> None:
    helpdesks["intercom"].knobs.next.append(Fault("status", 503))
    away = shell("link")
    helpdesks["intercom"].knobs.next.append(Fault("status", 401))
    refused = shell("link")

    assert (away.status, away.err) == (1, "app.py: Intercom, reading the teammates: HTTP 503\n")
    assert (refused.status, "set INTERCOM_TOKEN to the app's access token" in refused.err) == (1, True)


def test_the_doctor_says_what_is_missing_and_how_to_mend_it(shell: Shell) -> None:
    ill = shell("doctor")

    assert (ill.status, ill.out.splitlines()) == (
        1,
        [
            "NO  helpdesks: set the settings of at least one, see README.md",
            "NO  someone may approve: add a lead: `app.py person EMAIL --role lead`",
            "ok  texts are compared by meaning (all-MiniLM-L6-v2@a8b4f175aab67af9-int8-2)",
            "ok  no index yet, it is made when it is needed",
        ],
    )


def test_an_index_of_another_embedder_is_a_matter_for_the_doctor(shell: Shell) -> None:
    knows(shell, "returns")
    shell.set(EMBEDDER="words")
    shell("reindex")
    fine = shell("doctor").out
    shell.set(EMBEDDER="all-MiniLM-L6-v2")
    ill = shell("doctor")

    assert "ok  index of 1 passages" in fine
    assert "NO  index: " in ill.out
    assert "holds vectors of words-1, and the embedder is all-MiniLM-L6-v2@" in ill.out
    assert (ill.status, "`app.py reindex` makes them anew" in ill.out) == (1, True)


def test_the_doctor_makes_no_index(shell: Shell) -> None:
    shell("doctor")

    assert not index_folder(shell.url).exists()


def test_the_doctor_is_content_once_everything_is_set_up(shell: Shell, helpdesks: dict[str, Fake]) -> None:
    shell(*INES)
    knows(shell, "returns")
    before = shell("doctor")
    shell.set(PUBLIC_URL="https://bot.fernweh.example", TRUSTED_PROXY="127.0.0.1")
    shell("setup")
    after = shell("doctor")

    assert [line for line in before.out.splitlines() if line.startswith("NO")] == [
        "NO  zendesk: Zendesk: webhook: run `app.py setup`"
    ]
    assert (before.status, after.status, after.out.count("\nok ")) == (1, 0, 15)


def test_who_signs_in_through_a_proxy_that_is_not_named_is_a_matter_for_the_doctor(shell: Shell) -> None:
    shell.set(PUBLIC_URL="https://bot.fernweh.example")
    assert "NO  addresses of those who sign in: set TRUSTED_PROXY=127.0.0.1 behind a proxy" in shell("doctor").out

    shell.set(TRUSTED_PROXY="127.0.0.1")
    assert "TRUSTED_PROXY" not in shell("doctor").out


def test_a_dry_run_of_the_setup_makes_nothing(shell: Shell, helpdesks: dict[str, Fake]) -> None:
    shell.set(PUBLIC_URL="https://bot.fernweh.example")

    said = shell("setup", "--dry-run")

    assert (said.status, said.out.splitlines()[:3]) == (
        0,
        [
            "intercom: by hand: see its README.md",
            "slack: by hand: see its README.md",
            "zendesk: Would make the webhook Understudy to https://bot.fernweh.example/webhooks/zendesk.",
        ],
    )
    assert shell("setup", "--dry-run") == said


@pytest.mark.parametrize("argv", [("dance",), ("stop", "now"), ("grant",), ("person",), ("--fast",)])
def test_a_wrong_command_is_answered_with_help(shell: Shell, argv: tuple[str, ...]) -> None:
    said = shell(*argv)

    assert (said.status, said.out) == (2, "")
    assert "usage: app.py" in said.err
    assert "-h, --help" in said.err


def test_no_command_at_all_lists_them(shell: Shell) -> None:
    said = shell()

    assert said.status == 2
    for command in ("serve", "sandbox", "stop", "go", "grant", "revoke", "people", "person", "link", "doctor", "setup"):
        assert f"\n    {command} " in said.out


@pytest.mark.parametrize("secret", ["", "short"])
@pytest.mark.parametrize("command", [("doctor",), ("setup",), ("serve",), ("worker",)])
def test_a_missing_secret_key_is_named_with_its_fix(shell: Shell, secret: str, command: tuple[str, ...]) -> None:
    shell.set(SECRET_KEY=secret)

    said = shell(*command)

    assert said == Said(
        2, "", "app.py: SECRET_KEY: needs 32 characters or more; make one with `openssl rand -hex 32`\n"
    )


def test_a_password_is_for_somebody_of_the_team_and_recorded_without_itself(shell: Shell) -> None:
    shell(*INES)
    assert shell("password", "tomasz@fernweh.example").err == (
        "app.py: email: tomasz@fernweh.example is not on the team; `app.py people` lists it\n"
    )

    said = shell("password", "Ines@Fernweh.example")

    secret = said.out.partition("password: ")[2].partition("\n")[0]
    assert len(secret) == 16
    assert said.out == (
        f"ines@fernweh.example (lead) signs in once within 24 hours, with\npassword: {secret}\n"
        f"or at http://127.0.0.1:8000/login?email=ines%40fernweh.example&password={secret}\n"
    )
    with shell.store().read() as conn:
        entry = audit.entries(conn, "ines@fernweh.example")[0]
    assert (entry.who, entry.what, secret in str(entry)) == ("command line", "password given", False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "understudy",
        "sqlite://",
        f"mysql://ines:{HIDDEN}@127.0.0.1/understudy",
        f"postgresql://ines:{HIDDEN}@127.0.0.1:port/understudy",
        f"postgresql://ines:{HIDDEN}@127.0.0.1:1/understudy",
        "sqlite:////dev/null/understudy.db",
        "sqlite:////",
    ],
)
@pytest.mark.parametrize("command", ["people", "serve"])
def test_a_wrong_database_is_named(shell: Shell, url: str, command: str) -> None:
    shell.set(DATABASE_URL=url)

    said = shell(command)

    assert (said.status, said.out, said.err.partition(": ")[2][:13]) == (2, "", "DATABASE_URL:")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("REDIS_URL", "http://127.0.0.1"),
        ("REDIS_URL", f"redis://:{HIDDEN}#1@127.0.0.1:6379/0"),
        ("PUBLIC_URL", "bot.fernweh.example"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://["),
        ("PUBLIC_URL", "http://bot.fernweh.example"),
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "nan"),
        ("PORT", "8000.5"),
        ("WORKERS", "-1"),
        ("LOG_LEVEL", "loud"),
        ("SWEEP_EVERY", "0"),
    ],
)
def test_a_wrong_setting_is_named(shell: Shell, setting: str, value: str) -> None:
    shell.set(**{setting: value})

    said = shell("serve")

    assert (said.status, said.out, said.err.partition(": ")[2].partition(":")[0]) == (2, "", setting)


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("OIDC_ISSUER", "http://login.fernweh.example"),
        ("OIDC_ISSUER", ""),
        ("OIDC_CLIENT_ID", ""),
        ("OIDC_CLIENT_SECRET", ""),
    ],
)
def test_a_wrong_setting_of_the_staffs_login_is_named(shell: Shell, setting: str, wrong: str) -> None:
    shell.set(**{**OIDC, setting: wrong})

    said = shell("serve")

    assert (said.status, said.out, said.err.partition(": ")[2].partition(":")[0]) == (2, "", setting)
    assert HIDDEN not in said.err


@pytest.mark.parametrize(
    ("right", "setting", "wrong"),
    [
        (ZENDESK, "ZENDESK_SUBDOMAIN", "https://fernweh.zendesk.com"),
        (ZENDESK, "ZENDESK_AUTHOR_ID", "Ines"),
        (ZENDESK, "ZENDESK_WEBHOOK_SECRET", ""),
        (INTERCOM, "INTERCOM_REGION", "mars"),
        (INTERCOM, "INTERCOM_ADMIN_ID", "Ines"),
        (INTERCOM, "INTERCOM_TOKEN", ""),
        (SLACK, "SLACK_BOT_TOKEN", f"xoxp-{HIDDEN}"),
        (SLACK, "SLACK_TEAM_ID", "Fernweh"),
        (SLACK, "SLACK_SIGNING_SECRET", ""),
    ],
)
@pytest.mark.parametrize("command", ["doctor", "link", "setup", "serve", "worker"])
def test_a_wrong_setting_of_a_vendor_is_named(
    shell: Shell, right: dict[str, str], setting: str, wrong: str, command: str
) -> None:
    shell.set(**{**right, setting: wrong})

    said = shell(command)

    assert (said.status, said.out, said.err.partition(": ")[2].partition(":")[0]) == (2, "", setting)


@pytest.fixture
def process(shell: Shell) -> Callable[..., Said]:
    """The command as an operator runs it."""

    def run(*argv: str) -> Said:
        command = [sys.executable, "app.py", *argv]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    return run


def test_a_port_that_is_taken_is_named(shell: Shell, process: Callable[..., Said]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shell.set(PORT=str(port))

        said = process("serve")

    assert (said.status, said.err.count("\n")) == (2, 1)
    assert said.err.startswith(f"app.py: PORT: cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.long
def test_a_server_that_is_told_to_stop_ends_what_it_has_begun(shell: Shell) -> None:
    fake = load("zendesk", "fake").Fake()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    shell.set(**fake.settings(), PORT=address.rpartition(":")[2])
    command = [sys.executable, "app.py", "serve"]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as served, ExitStack() as after:
        after.callback(served.kill)
        assert served.stdout is not None
        assert served.stdout.readline() == f"Understudy listens on {address} for zendesk\n"
        assert served.stdout.readline().startswith("6 workers here, database ")
        assert requests.get(f"{address}/health", timeout=5).status_code == 200
        fake.hook(address)
        fake.knobs.next.append(Fault("slow", wait=1.0))
        fake.customer_says("How long can I return an order?", customer="maria@example.com")
        until(lambda: not fake.knobs.next)
        served.terminate()
        status = served.wait(30)
    fake.close()

    with shell.store().read() as conn:
        rows = conn.execute(select(work.c.state, work.c.crashes).where(work.c.kind == "look")).all()
    assert (status, rows) == (0, [("done", 0)])


@pytest.mark.long
def test_a_worker_whose_redis_is_away_works_all_the_same(shell: Shell) -> None:
    pytest.importorskip("rq", reason="make test-services installs rq")
    shell.set(REDIS_URL="redis://127.0.0.1:1/0")
    command = [sys.executable, "app.py", "worker"]

    def done() -> bool:
        with shell.store().read() as conn:
            return conn.scalar(select(work.c.state)) == "done"

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker, ExitStack() as after:
        after.callback(worker.kill)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        with shell.store().write() as conn:
            ring(conn, [Ref("pigeon", "1")], datetime.now(UTC))
        until(done)
        worker.terminate()
        status = worker.wait(30)

    assert status == 0


def test_the_shell_sees_the_status_and_the_words(shell: Shell, process: Callable[..., Said]) -> None:
    assert process("people").status == 0

    shell.set(SECRET_KEY="")
    assert process("serve") == Said(
        2, "", "app.py: SECRET_KEY: needs 32 characters or more; make one with `openssl rand -hex 32`\n"
    )


def test_whoever_reads_may_have_had_enough(shell: Shell) -> None:
    shell("person", "ines@fernweh.example")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as pipe:
        said = subprocess.run(
            [sys.executable, "app.py", "people"], cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, timeout=30, check=False
        )
    assert (said.returncode, said.stderr) == (0, b"")
