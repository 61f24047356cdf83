"""The command line. Heavy imports happen inside the commands, so that `--help` answers at once."""

from __future__ import annotations

import inspect
import os
import sys
from typing import Annotated, Any

import typer
import typer.core

from churnbench.cli import (
    config_verbs,
    daily_verbs,
    history_verbs,
    interventions_verbs,
    monitoring_verbs,
    project_verbs,
    release_verbs,
    report_verbs,
    scorecard_verbs,
    simulate_verb,
    source_verbs,
    trigger_verbs,
)
from churnbench.cli.completion import completion
from churnbench.domain.errors import ChurnbenchError


class Verbs(typer.core.TyperGroup):
    """The verbs; what goes wrong in one of them becomes part of the JSON object, if one was asked for."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb and note its error before the object is written."""
        from churnbench.cli.terminal import OUTPUT

        try:
            return super().invoke(ctx)
        except Exception as error:
            OUTPUT.fail(error)
            raise


app = typer.Typer(
    cls=Verbs,
    name="churnbench",
    help="Backtest a customer-health formula against real churn, and calibrate it. Start with `churnbench demo`.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        from churnbench import __version__

        sys.stdout.write(f"churnbench {__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only what was asked for, and errors.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout instead of words; what went wrong is its 'error'.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - ends in its own callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Backtest a customer-health formula against real churn, and calibrate it. Start with `churnbench demo`.

    Options before the verb hold for every verb, e.g. churnbench --json check acme
    """
    from churnbench.cli.terminal import OUTPUT

    OUTPUT.begin(quiet=quiet, as_json=as_json)
    context.call_on_close(OUTPUT.end)


for _verbs in (
    project_verbs,
    config_verbs,
    simulate_verb,
    release_verbs,
    scorecard_verbs,
    source_verbs,
    daily_verbs,
    history_verbs,
    trigger_verbs,
    report_verbs,
    interventions_verbs,
    monitoring_verbs,
):
    _verbs.register(app)
app.command()(completion)
for _verb in app.registered_commands:
    # Without the mark \b an example would be broken into lines, and could not be copied into a shell.
    _verb.help = inspect.getdoc(_verb.callback).replace("Example: ", "\b\nExample: ")  # type: ignore[union-attr]


def main() -> None:
    """Run the command line; errors that a user can mend end in one paragraph and an exit code."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        app()
    except ChurnbenchError as error:
        sys.stderr.write(f"churnbench: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("churnbench: interrupted; the run is marked as failed and nothing was published.\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        where = f" '{error.filename}'" if error.filename else ""
        sys.stderr.write(f"churnbench: cannot use{where}: {error.strerror or error}. Give another path.\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
