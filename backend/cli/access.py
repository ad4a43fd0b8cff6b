"""`brushmark pair` and `brushmark tokens`: who may ask the backend."""

from __future__ import annotations

import click

from backend.domain import AuditEvent, Scope, Token, new_id, utc_now

ACTOR = "command line"


@click.command()
def pair() -> None:
    """Print a fresh one-time code for pairing a browser.

    It is good for ten minutes: type it into the extension's options page.

    \b
    Example:
      brushmark pair
    """
    from backend.access import new_pairing_code
    from backend.cli.home import open_home

    with open_home() as repository:
        click.echo(new_pairing_code(repository))


@click.group()
def tokens() -> None:
    """Make, list and revoke the tokens that clients ask with.

    \b
    Example:
      brushmark tokens create --name "newsroom script" --scope check
    """


@tokens.command()
@click.option("--name", required=True, help="Whom or what it is for.")
@click.option(
    "--scope",
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; each includes those before it.",
)
def create(name: str, scope: str) -> None:
    """Make a token and print it, once, alone on stdout.

    \b
    Example:
      brushmark tokens create --name "newsroom script" --scope check > token.txt
    """
    from backend.access import create_token
    from backend.cli.home import open_home

    with open_home() as repository:
        secret, _ = create_token(repository, name, Scope(scope), ACTOR)
    click.echo(secret)


@tokens.command("list")
def list_() -> None:
    """List all tokens, oldest first: id, scope, when made, whether revoked, name.

    \b
    Example:
      brushmark tokens list
    """
    from backend.cli.home import open_home

    with open_home() as repository:
        found = repository.list_tokens()
    for token in found:
        click.echo(_line(token))
    if not found:
        click.echo("There are no tokens yet: `brushmark tokens create --help`.", err=True)


@tokens.command()
@click.argument("token_id", metavar="ID")
def revoke(token_id: str) -> None:
    """Revoke a token by its id, as `brushmark tokens list` shows it.

    \b
    Example:
      brushmark tokens revoke 01JDQ6ZK3V8M5R2X9T4W7Y0A1B
    """
    from backend.cli.home import open_home

    with open_home() as repository:
        token = repository.revoke_token(token_id, utc_now())
        repository.append_event(
            AuditEvent(new_id(), utc_now(), ACTOR, "token.revoke", f"{token.name} ({token.id})")
        )
    click.echo(f"Revoked “{token.name}”.")


def _line(token: Token) -> str:
    made = f"{token.created_at:%Y-%m-%d %H:%M}"
    state = f"revoked {token.revoked_at:%Y-%m-%d}" if token.revoked_at else "in use"
    return "\t".join((token.id, token.scope.value, made, state, token.name))
