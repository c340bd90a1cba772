"""What a body says of its caller: it may say what the token says, and nothing else.

The token alone decides whose a request is. A body that names somebody else is refused, for what it
asks for would not be done. What never lives here: the token (``tokens``).
"""

from __future__ import annotations

from delivery_api.problems import ProblemError
from delivery_api.tokens import Principal


def refuse_another_tenant(tenant_id: str | None, caller: Principal) -> None:
    """Lets a body name no tenant but its caller's.

    Raises:
        ProblemError: 422, naming both.
    """
    if tenant_id not in (None, caller.tenant_id):
        raise _not_the_tokens("tenant_id", str(tenant_id), caller.tenant_id)


def refuse_another_author(created_by: str | None, caller: Principal) -> None:
    """Lets a body name no author but its caller: who approves and publishes depends on it.

    Raises:
        ProblemError: 422, naming both.
    """
    if created_by not in (None, caller.user_id):
        raise _not_the_tokens("created_by", str(created_by), caller.user_id)


def _not_the_tokens(field: str, said: str, held: str) -> ProblemError:
    return ProblemError(
        422, "invalid-value", f"{field} is {said!r} and the token's is {held!r}: leave it out"
    )
