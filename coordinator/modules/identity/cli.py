"""Commands of the console of the NAS: people and sessions (ACC-15, ACC-53)."""

from __future__ import annotations

from typing import Annotated

import typer

from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import DomainError
from coordinator.modules.identity import accounts, handover, sessions, sign_in
from coordinator.modules.identity.keys import change_signing_key
from coordinator.modules.identity.models import UserAccount, UserSession

app = typer.Typer(help="Comptes des utilisateurs (console du serveur).", no_args_is_help=True)


def _factory() -> ContextFactory:
    from coordinator.bootstrap import make_factory

    return make_factory()


def _found(ctx: Context, email: str) -> UserAccount:
    user = sign_in.find_by_email(ctx, email)
    if user is None:
        typer.echo("Utilisateur non trouvé.", err=True)
        raise typer.Exit(1)
    return user


def _console() -> Principal:
    return Principal.service("console")


@app.command("create-master")
def create_master(
    email: Annotated[str, typer.Option(help="E-mail du propriétaire.")],
    first_name: Annotated[str, typer.Option("--prenom", help="Prénom.")] = "",
    last_name: Annotated[str, typer.Option("--nom", help="Nom.")] = "",
    password: Annotated[
        str, typer.Option("--mot-de-passe", prompt="Mot de passe", hide_input=True, confirmation_prompt=True)
    ] = "",
    replace: Annotated[
        bool, typer.Option("--remplacer", help="Remplace un administrateur maître perdu.")
    ] = False,
) -> None:
    """Crée l'administrateur maître, ou le remplace s'il est perdu ; l'acte est inscrit au journal de sécurité."""
    try:
        with _factory().open(_console()) as ctx:
            user = sign_in.find_by_email(ctx, email)
            if user is None and not replace:
                accounts.create_master(
                    ctx, first_name=first_name, last_name=last_name, email=email, password=password
                )
            elif replace:
                if user is None:
                    names = {"first_name": first_name, "last_name": last_name}
                    user = accounts.create_user(ctx, roles=["admin"], email=email, **names)  # type: ignore[arg-type]
                accounts.set_password(ctx, user, password, temporary=False)
                handover.make_master(ctx, user)
            else:
                typer.echo(
                    "Ce compte existe déjà ; ajoutez --remplacer pour lui donner le rôle de maître.", err=True
                )
                raise typer.Exit(1)
    except DomainError as refusal:
        typer.echo(refusal.message(), err=True)
        raise typer.Exit(1) from None
    typer.echo("Administrateur maître enregistré. Le second facteur est demandé à la première connexion.")


@app.command("unlock")
def unlock(email: Annotated[str, typer.Argument(help="E-mail du compte bloqué.")]) -> None:
    """Débloque un compte après trop d'essais."""
    with _factory().open(_console()) as ctx:
        accounts.unlock(ctx, _found(ctx, email))
    typer.echo("Compte débloqué.")


@app.command("revoke-all-sessions")
def revoke_all_sessions() -> None:
    """Ferme toutes les sessions et change la clé de signature ; chacun doit se reconnecter."""
    factory = _factory()
    change_signing_key(factory.config)
    with factory.open(_console()) as ctx:
        count = revoke_everything(ctx)
    typer.echo(f"{count} session(s) fermée(s), clé de signature changée.")


def revoke_everything(ctx: Context) -> int:
    """Close every open session of everybody (ACC-53). Returns how many."""
    from sqlalchemy import update

    statement = (
        update(UserSession)
        .where(UserSession.revoked_at.is_(None))
        .values(revoked_at=ctx.now)
        .returning(UserSession.id)
    )
    count = len(ctx.session.scalars(statement).all())
    sessions.record_act(ctx, "all_sessions_revoked", None, count=count)
    return count
