"""The command `sleepgate`."""

import sys

from gateway.commands import cli
from gateway.errors import GatewayError, NoRightError
from gateway.printable import printable_lines


def main() -> None:
    """Run a verb; an expected failure ends in one message and its exit code."""
    try:
        cli(prog_name="sleepgate")
    except GatewayError as error:
        sys.exit(complain(error))
    except PermissionError as error:
        sys.exit(complain(NoRightError(error)))
    except BaseExceptionGroup as group:
        expected, bugs = group.split(GatewayError)
        if bugs is not None or expected is None:
            raise
        sys.exit(max(complain(error) for error in _leaves(expected)))


def complain(error: GatewayError) -> int:
    """Print `error` on stderr and return its exit code."""
    print(f"sleepgate: {printable_lines(str(error))}", file=sys.stderr)  # noqa: T201 (this is the talk)
    return error.exit_code


def _leaves(group: BaseExceptionGroup[GatewayError]) -> list[GatewayError]:
    found: list[GatewayError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += _leaves(error)
        else:
            found.append(error)
    return found


if __name__ == "__main__":
    main()
