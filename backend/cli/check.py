"""`brushmark check`: judge pictures in this process, and log nothing unless asked."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="PATH|DIR|URL...")
@click.option("--json", "as_json", is_flag=True, help="Print one prediction record a line.")
@click.option(
    "--evidence",
    "with_evidence",
    is_flag=True,
    help="Show what each file says of its own origin; --json always does.",
)
@click.option(
    "--heatmap",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write NAME-heatmap.png of each picture into this folder.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a report on one picture, to keep or hand over, into this file (HTML).",
)
@click.option(
    "--verify-report",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Check such a report against its picture instead.",
)
@click.option("--log", "keep_log", is_flag=True, help="Add the verdicts to the log in your home.")
@click.pass_context
def check(
    ctx: click.Context,
    what: tuple[str, ...],
    as_json: bool,
    with_evidence: bool,
    heatmap: Path | None,
    report: Path | None,
    verify_report: Path | None,
    keep_log: bool,
) -> None:
    """Say of each picture whether it looks AI-generated or human-made.

    Takes files, folders (walked) and web addresses. No picture is sent anywhere, and nothing
    is logged unless --log is given. A picture that cannot be judged gives one line on
    stderr, the others go on, and the exit code is 1. When piped, prints outcome,
    P(AI-generated), P(human-made), file and sentence with tabs between them; with --evidence,
    each is followed by lines of the word evidence, status, kind, file and finding.

    \b
    Example:
      brushmark check painting.jpg
      brushmark check --evidence download.png
      brushmark check --report opinion.html painting.jpg
      brushmark check --verify-report opinion.html painting.jpg
      brushmark check --heatmap maps/ holiday/ https://example.org/poster.png
      brushmark check --json downloads/ | jq .outcome
    """
    # The model and what decodes pictures are imported here, so that --help stays quick.
    from backend.cli.checking import Output, check_all
    from backend.cli.verifying import verify_one

    if (report or verify_report) and len(what) != 1:
        raise click.UsageError("A report is about one picture: name one file or address.")
    if verify_report is not None:
        if not verify_one(verify_report, what[0]):
            ctx.exit(1)
        return
    output = Output(as_json, with_evidence)
    if not check_all(what, output, heatmap_folder=heatmap, report=report, keep_log=keep_log):
        ctx.exit(1)
