"""Every verb shows how it is used, and what it shows can be typed."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules

import click
import pytest

from gateway import commands, drivers
from gateway.commands import cli

FIRST_OF_ITS_LINE = re.compile(r"sleepgate (?=[a-z])(.*?)(?:$|[|>]|\)\")")


def leaves(command, name):
    """Yield every verb with its name, those of groups included."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for each in command.list_commands(context):
        yield from leaves(command.get_command(context, each), [*name, each])


GROUPS = {
    name
    for name in commands.SUMMARIES
    if isinstance(cli.get_command(click.Context(cli), name), click.Group)
}
VERBS = [pytest.param(*leaf, id=" ".join(leaf[0])) for leaf in leaves(cli, [])]


def helped(name, command):
    return command.get_help(click.Context(command, info_name=" ".join(name)))


def parsed(words):
    """Parse a command line as it would be, and run nothing."""
    command, context = cli, None
    while isinstance(command, click.Group):
        context = command.make_context("sleepgate", list(words), parent=context)
        words = [*context._protected_args, *context.args]  # noqa: SLF001
        _, command, words = command.resolve_command(context, words)
    return command, command.make_context("verb", list(words), parent=context)


@pytest.mark.parametrize(("name", "command"), VERBS)
def test_its_help_ends_with_examples_that_can_be_parsed(name, command):
    _, _, shown = helped(name, command).partition("Examples:\n")
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    assert lines, "no Examples"
    for line in lines:
        found = FIRST_OF_ITS_LINE.search(line)
        assert found, line
        assert parsed(shlex.split(found.group(1)))[0] is command


@pytest.mark.parametrize(("name", "command"), VERBS)
def test_it_says_what_it_does_in_one_line(name, command):
    assert re.match(r"[A-Z].*[.]", command.get_short_help_str(200))


def test_the_table_of_commands_repeats_their_own_help():
    modules = {m.name.replace("_", "-") for m in iter_modules(commands.__path__)}
    context = click.Context(cli)
    own = {name: cli.get_command(context, name).help for name in modules}
    assert {n: text.split("\n")[0] for n, text in own.items()} == commands.SUMMARIES


@pytest.mark.parametrize(
    "group", [[], *([n] for n in cli.list_commands(None) if n in GROUPS)]
)
def test_no_line_of_help_is_cut_off(group):
    shown = subprocess.run(
        [sys.executable, "-m", "gateway", *group, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    ).stdout
    assert "Commands:" in shown
    assert not re.search(r"\.\.\.$", shown.partition("\n")[2], re.MULTILINE)


def test_a_wrong_option_in_an_example_would_be_found():
    with pytest.raises(click.NoSuchOption):
        parsed(["status", "--wacth"])


def test_versions_and_digest_are_reported(in_process):
    code, out, _ = in_process("version")
    assert code == 0
    digest = re.search(r"\(([0-9a-f]{12})\)", out).group(1)
    told = json.loads(in_process("version", "--json")[1])
    assert told["model"]["digest"] == digest
    assert told["libraries"]["numpy"]
    assert told["python"].count(".") == 2


def test_bash_completes_verbs_and_options(tmp_path):
    """Source it, and ask as the shell does after Tab."""
    program = tmp_path / "sleepgate"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(sleepgate completion bash)"\n'
        "complete -p sleepgate\n"
        "COMP_WORDS=(sleepgate sta); COMP_CWORD=1\n"
        '_sleepgate_completion sleepgate; echo "${COMPREPLY[@]}"\n'
        "COMPREPLY=(); COMP_WORDS=(sleepgate status --w); COMP_CWORD=2\n"
        '_sleepgate_completion sleepgate; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd=Path(__file__).parents[2],
    )
    told = done.stdout.splitlines()
    assert "_sleepgate_completion" in told[0]
    assert told[1].split() == ["start", "status"]
    assert told[2].split() == ["--watch"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_theirs(in_process, shell):
    code, out, _ = in_process("completion", shell)
    assert (code, "_SLEEPGATE_COMPLETE" in out) == (0, True)


def test_drivers_are_listed_for_programs(in_process):
    listed = json.loads(in_process("driver", "--json")[1])
    assert {each["name"] for each in listed} == set(drivers.names())


@pytest.mark.parametrize(
    ("typed", "told"),
    [("drivers", "did you mean driver?"), ("statsu", "status"), ("xyz", "No such")],
)
def test_a_mistyped_verb_is_guessed_but_not_done(in_process, typed, told):
    code, out, err = in_process(typed)
    assert (code, out, told in err) == (2, "", True)
