"""`/v1/users`: the directory from which the service reads names, addresses and languages."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note, thing_of
from chalicelib.api.answers import UserAnswer, UsersAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.errors import InvalidError, Phrase
from chalicelib.etags import tag_of
from chalicelib.profiles.model import User, UserBody, UserId, UserPatch
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage

writes = partial(endpoint, scope=Scope.USERS_WRITE)
MAX_BATCH = 500
_USER_ID: TypeAdapter[str] = TypeAdapter(UserId, config=ConfigDict(defer_build=True))


class UserBatch(StrictModel):
    """Users to write at once; the last of a repeated id wins."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "users": [
                        {"id": "u-1042", "email": "anna@example.com"},
                        {"id": "u-1043", "email": "boris@example.com"},
                    ]
                }
            ]
        }
    )

    users: Annotated[tuple[User, ...], Field(min_length=1, max_length=MAX_BATCH)]


@writes("PUT", "/v1/users/{id}", summary="Create or replace a user", answer=UserAnswer, tag=tag_of, if_match=True)
def put_user(call: Call[UserBody, None]) -> dict[str, Any]:
    """Fields that are left out become unknown."""
    return stage().directory.put(user_id_of(call), call.body, seen=call.seen).to_dict()


@endpoint("GET", "/v1/users/{id}", summary="One user", scope=Scope.USERS_READ, answer=UserAnswer, tag=tag_of)
def get_user(call: Call[None, None]) -> dict[str, Any]:
    """The user as the directory holds them."""
    return stage().directory.get(call.path["id"]).to_dict()


@writes(
    "PATCH",
    "/v1/users/{id}",
    summary="Change some fields of a user (JSON merge patch)",
    answer=UserAnswer,
    tag=tag_of,
    if_match=True,
)
def patch_user(call: Call[UserPatch, None]) -> dict[str, Any]:
    """Null removes a field; `attributes` are merged by name."""
    return stage().directory.patch(call.path["id"], call.body, seen=call.seen).to_dict()


@writes(
    "DELETE",
    "/v1/users/{id}",
    summary="Erase a user's personal data",
    problems={HTTPStatus.CONFLICT: "others of the same request are being erased; repeat the call"},
    if_match=True,
)
def delete_user(call: Call[None, None]) -> None:
    """Erases the profile, preferences, personal data in the history, and links; counters stay. Letters on their way to
    the user are skipped. May be repeated safely, and completes an erasure that failed half-way."""
    if call.seen is not None:
        stage().directory.close(call.path["id"], seen=call.seen)
    stage().personal_data.erase(call.path["id"])


@writes("POST", "/v1/users/batch", summary="Create or replace up to 500 users", answer=UsersAnswer)
def put_users(call: Call[UserBatch, None]) -> dict[str, Any]:
    """If one is invalid, none is written; a 503 may have written some, and the call may be repeated."""
    note(things=[thing_of(one.id, stage().address_hashes) for one in call.body.users])
    return {"users": [profile.to_dict() for profile in stage().directory.put_many(call.body.users)]}


def user_id_of(call: Call[Any, Any]) -> str:
    """The id in the path. Raises: InvalidError (permanent)."""
    try:
        return _USER_ID.validate_python(call.path["id"])
    except ValidationError as error:
        raise InvalidError.of("id", Phrase("expected 1 to 128 letters of A to Z, digits and ._~@:-")) from error
