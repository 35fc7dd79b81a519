"""From exceptions to one line and an exit code."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from api.redaction import redact

FOUND = 1
UNUSABLE = 2
UNREACHABLE = 3
CRASHED = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130
NOT_READ = 141
"""As if SIGPIPE had ended it."""

_NOT_NOW = frozenset(
    {
        *("embedded_postgres", "migration", "store_unavailable", "contended", "rebuild_running"),
        *("sandbox", "child_failed", "demo"),
    }
)
"""Codes of errors that are not about what was given: the same command may succeed another time."""
_MAY_NOT_SET_ROLE = re.compile(r'permission denied to set role "([^"]+)"')
_EVENTSOURCING = "eventsourcing.persistence"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_MIGRATED = "The database has no ledger of this name yet, or an older one: run `liberation migrate`."


def unwritable(path: Path, error: OSError) -> CommandError:
    exit_code = UNREACHABLE if error.errno in _FULL else UNUSABLE
    return CommandError(f"{path} cannot be written: {error.strerror or error}.", exit_code)


class CommandError(click.ClickException):
    """One line on stderr; `exit_code` as documented in `api.cli`."""

    exit_code: int  # type: ignore[misc]  # click looks at the instance

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(" ".join(redact(message).split()))
        self.exit_code = exit_code


@contextmanager
def explained() -> Iterator[None]:
    """Turns the exceptions that somebody can act on into `CommandError`; others pass."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        raise CommandError("Interrupted.", INTERRUPTED) from None
    except BrokenPipeError:
        raise click.exceptions.Exit(NOT_READ) from None
    except EOFError as error:  # click would take it for the user's
        raise RuntimeError("something ended too early") from error
    except Exception as error:
        command_error = _command_error(error)
        if command_error is None:
            raise
        raise command_error from error


def _command_error(error: BaseException) -> CommandError | None:
    if isinstance(error, BaseExceptionGroup):  # of a service's tasks: the first that says something
        return next(filter(None, map(_command_error, error.exceptions)), None)
    return _of_ours(error) or _of_libraries(error)


def _of_ours(error: BaseException) -> CommandError | None:
    from api.settings import SettingsError
    from api.stripe.objects import UnexpectedAnswer
    from ledger.errors import ChainBroken, LedgerError
    from projections.engine.projection import CannotProject
    from projections.registry import UnknownProjection

    match error:
        case ChainBroken():
            return CommandError(error.detail, FOUND)
        case CannotProject():
            return CommandError(str(error), FOUND)
        case LedgerError():
            return CommandError(error.detail, UNREACHABLE if error.code in _NOT_NOW else UNUSABLE)
        case SettingsError() | UnknownProjection():
            return CommandError(str(error), UNUSABLE)
        case UnexpectedAnswer():
            return CommandError(f"Stripe answers strangely: {error}", UNREACHABLE)
    return None


def _of_libraries(error: BaseException) -> CommandError | None:
    import psycopg
    from stripe import StripeError

    # by name, as only the store and the runner may know eventsourcing
    of_the_store = {kind.__name__ for kind in type(error).__mro__ if kind.__module__ == _EVENTSOURCING}
    if "MapperDeserialisationError" in of_the_store:
        return CommandError(f"A fact cannot be read: {error}", FOUND)
    match error:
        case psycopg.Error():
            return _of_database(error, error)
        case _ if "PersistenceError" in of_the_store:
            return _of_database(error, error.__cause__)
        case StripeError():
            return _of_stripe(error)
        case OSError():
            return _of_system(error)
    return None


def _of_system(error: OSError) -> CommandError | None:
    if error.filename:
        return CommandError(f"{error.filename} cannot be used: {error.strerror}.", UNUSABLE)
    if error.errno in _FULL:
        return CommandError(f"The output cannot be written: {error.strerror}.", UNREACHABLE)
    return None


def _of_database(error: BaseException, cause: BaseException | None) -> CommandError | None:
    """`cause` is what the driver said."""
    import psycopg
    from psycopg import errors

    if may_not := _MAY_NOT_SET_ROLE.search(str(error)):
        return CommandError(_not_a_member(may_not[1]), UNUSABLE)
    no_role = "role " in str(error) and "does not exist" in str(error)
    if no_role or isinstance(
        cause, errors.UndefinedTable | errors.InvalidSchemaName | errors.UndefinedColumn
    ):
        return CommandError(_NOT_MIGRATED, UNREACHABLE)
    if isinstance(cause, errors.InsufficientPrivilege):
        return CommandError(_not_the_owner(str(cause)), UNUSABLE)
    if cause is not error or isinstance(error, psycopg.OperationalError):
        return CommandError(f"The database cannot be reached: {error}", UNREACHABLE)
    return None


def _not_the_owner(message: str) -> str:
    todo = "let LIBERATION_DATABASE_URL name the ledger's owner for this command"
    if "for database" in message:
        return (
            f"The database user may not make a schema here, which this command does: {todo}, and see that "
            f"the owner may (GRANT CREATE ON DATABASE … TO …). {message}"
        )
    return f"The database user may not do this: {todo}. {message}"


def _not_a_member(role: str) -> str:
    """The service's own login should be a member of one role, and never an auditor too."""
    from ledger.store import APPLICATION

    works = f"This command works as {role}, and the database user is no member of that role: "
    if role == APPLICATION:
        return f"{works}GRANT {role} TO that user. `liberation doctor` says what else is missing."
    return (
        f"{works}let LIBERATION_DATABASE_URL name another login for it, one that is (GRANT {role} TO …), or "
        "the owner. The service's own login needs no such grant."
    )


def _of_stripe(error: Exception) -> CommandError:
    import stripe

    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return CommandError("Stripe refuses the key: check LIBERATION_STRIPE_API_KEY.", UNUSABLE)
    return CommandError(f"Stripe cannot be reached: {type(error).__name__}", UNREACHABLE)
