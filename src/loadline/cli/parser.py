"""The command line into a request: click does the parsing, the data of ``catalogue.py`` says what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from loadline.cli.catalogue import COMMANDS
from loadline.cli.faults import AtWord, CommandLineError, nearest, unknown
from loadline.cli.help import command_help, group_help, root_help
from loadline.cli.spec import Argument, Command, Option, Takes
from loadline.cli.values import read


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the command and the value of each of its options and arguments, under its name."""

    command: Command
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value, or the default where the command has no such option or it was not given."""
        found = self.values.get(name)
        return default if found is None else found


class TextAskedFor(Exception):
    """Help or the version was asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Group(click.Group):
    """A group that offers the nearest command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command a word names."""
        if args[0] not in self.commands:
            if args[0].startswith("-"):
                raise unknown("option", args[0].partition("=")[0], ["--help", "--version"])
            near = [c.words for c in COMMANDS if c.words.split()[-1] == args[0]]
            if near:
                raise AtWord(CommandLineError(f"no command {args[0]!r}", remedy=f"did you mean {near[0]}?"), args[0])
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)


def parse(args: Sequence[str], width: int, version: str) -> Request:
    """Return what the words ask for; raises ``AtWord`` or ``CommandLineError``, and ``TextAskedFor`` for help."""
    root = tree(width, version)
    try:
        found = root.main(list(args), prog_name="loadline", standalone_mode=False)
    except click.UsageError as error:
        raise translated(error, args) from error
    assert isinstance(found, Request)
    return found


def tree(width: int, version: str) -> Group:
    """Return the parser of all commands."""
    root = Group(
        "loadline",
        params=[
            asking("--help", "-h", text=lambda: root_help(width)),
            asking("--version", text=lambda: f"loadline {version}\n"),
        ],
        add_help_option=False,
        invoke_without_command=True,
        callback=lone(lambda: root_help(width)),
    )
    for command in COMMANDS:
        above, _, word = command.words.rpartition(" ")
        if above and above not in root.commands:
            root.add_command(group(above, width))
        parent = root.commands[above] if above else root
        assert isinstance(parent, Group)
        parent.add_command(leaf(command, word, width))
    return root


def group(word: str, width: int) -> Group:
    """Return the parser of a word that stands before several commands."""

    def text() -> str:
        return group_help(word, width)

    return Group(
        word,
        params=[asking("--help", "-h", text=text)],
        add_help_option=False,
        invoke_without_command=True,
        callback=lone(text),
    )


def lone(text: Callable[[], str]) -> Callable[[], Any]:
    """Return the callback of a group: help where no command follows."""

    def callback() -> None:
        if click.get_current_context().invoked_subcommand is None:
            raise TextAskedFor(text())

    return callback


def asking(*flags: str, text: Callable[[], str]) -> click.Option:
    """Return the option that asks for a text."""

    def callback(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            raise TextAskedFor(text())

    return click.Option(flags, is_flag=True, is_eager=True, expose_value=False, callback=callback)


def leaf(command: Command, word: str, width: int) -> click.Command:
    """Return the parser of one command."""
    params: list[click.Parameter] = [asking("--help", "-h", text=lambda: command_help(command, width))]
    for option in command.options:
        if option.takes is Takes.FLAG:
            params.append(click.Option([option.flag, option.name], is_flag=True))
        else:
            flags = [option.flag, option.name, *([option.short] if option.short else [])]
            params.append(click.Option(flags, multiple=option.many, type=str))
    for argument in command.arguments:
        params.append(click.Argument([argument.name], required=False, nargs=-1 if argument.many else 1, type=str))

    def callback(**given: Any) -> Request:
        extra = click.get_current_context().args
        if extra:
            said = ", ".join(a.usage for a in command.arguments) or "no arguments"
            remedy = f"{command.words} takes {said}; options start with --"
            raise AtWord(CommandLineError(f"{extra[0]!r} is one word too many", remedy=remedy), extra[0])
        takes: tuple[Option | Argument, ...] = (*command.arguments, *command.options)
        return Request(command, {what.name: taken(command, what, given[what.name]) for what in takes})

    settings = {"allow_extra_args": True, "allow_interspersed_args": True}
    return click.Command(word, context_settings=settings, callback=callback, params=params, add_help_option=False)


def taken(command: Command, what: Option | Argument, given: Any) -> Any:
    """Return the value of an option or argument; raises ``CommandLineError`` where a required one is absent."""
    if what.takes is Takes.FLAG:
        return bool(given)
    needed = isinstance(what, Argument) or what.required
    if needed and not given:
        example = f"; for example {command.examples[0][0]}" if command.examples else ""
        raise CommandLineError(f"{command.words} needs {what.usage}", remedy=f"give it{example}")
    if what.many:
        return tuple(read(what, word) for word in given)
    if given is None:
        return what.default or None if isinstance(what, Option) else None
    return read(what, given)


def translated(error: click.UsageError, args: Sequence[str]) -> CommandLineError | AtWord:
    """Return click's error in our shape."""
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        near = nearest(name, known_options(error))
        words = error.ctx.command_path if error.ctx else "loadline"
        remedy = f"did you mean {near}?" if near else f"{words} --help lists them"
        return AtWord(CommandLineError(f"no option {name}", remedy=remedy), name)
    if isinstance(error, click.BadOptionUsage):
        flag = error.option_name
        said = "takes no value" if "not take" in error.format_message() else "needs a value"
        example = next((o.example for c in COMMANDS for o in c.options if o.flag == flag and o.example), "")
        remedy = f"write it as in {example}" if example else ""
        return AtWord(CommandLineError(f"{flag} {said}", remedy=remedy), flag)
    return CommandLineError(error.format_message().rstrip("."), remedy="loadline --help lists commands and options")


def known_options(error: click.NoSuchOption) -> list[str]:
    """Return the options of the command that was being parsed."""
    if error.ctx is None:
        return ["--help", "--version"]
    return [opt for p in error.ctx.command.params if isinstance(p, click.Option) for opt in p.opts if opt[:2] == "--"]
