"""Every error that Stretto raises on purpose, in one tree.

    StrettoError
    ├── Invalid                     what was asked for cannot be done as asked; nothing was changed
    │   ├── DocumentInvalid         a file has problems; carries all of them, each with its place
    │   │   ├── FlowInvalid
    │   │   ├── ConfigInvalid       stretto.yaml
    │   │   └── RecordingInvalid    the recording of a run
    │   ├── InputInvalid            a run's input does not fit the flow's input schema
    │   ├── OutputInvalid           what a step returned does not fit its type
    │   ├── RequestUnread           a field of a request cannot be used; `param` names it
    │   ├── SettingsInvalid         a setting or the command line cannot be used
    │   ├── IdempotencyConflict     the same Idempotency-Key came with another request
    │   └── NotPossible             the run or step is not in a state that allows this
    │       ├── FlowArchived        the flow starts no new run
    │       ├── ReviewDecided       a review is over
    │       └── ReviewClaimed       somebody else has it in hand
    ├── NotFound
    │   ├── FlowNotFound
    │   ├── RunNotFound
    │   ├── StepNotFound
    │   ├── ReviewNotFound
    │   ├── ScheduleNotFound
    │   ├── StateNotFound           there is no document of this key, or no such version of it
    │   ├── MemoryNotFound          there is no collection of this name, or no such item in it
    │   ├── ThresholdNotFound
    │   ├── ToolNotFound
    │   └── RouteNotFound           no route and no deployment has this name (Permanent)
    ├── NotIdentified               who asks is not known (Permanent)
    │   ├── KeyRefused              a key is not known, or was revoked
    │   ├── TokenRefused            a token of an identity provider does not count
    │   ├── LoginRefused            a login at the identity provider did not come through
    │   ├── LinkRefused             a signed link was not made here, or has ended
    │   ├── SignatureRefused        what came in as a webhook is not signed as its source signs
    │   └── LoginNeeded             nothing says who asks
    ├── IssuerUnreachable           the identity provider gives no answer that can be used (Transient)
    ├── NotAllowed                  who asks is known, but may not do this (Permanent)
    ├── TooManyStreams              the tenant has as many open streams as it may (Transient)
    ├── ServerFull                  this process has as many open streams as it may (Transient)
    ├── QuotaExceeded               a quota of the tenant is used up (Transient)
    │   └── TooManyRequests         more requests than the tenant, the key or the address may make
    ├── PreconditionFailed          what `If-Match` names is no longer so; nothing was changed
    ├── PreconditionNeeded          what is there is written over only by who says which version he has read
    ├── StateConflict               a document is not as its writer has seen it; `document` is the one that is there (Permanent)
    ├── LeaseLost                   another process carries this run on; this one stops
    ├── StepError                   a step's attempt failed
    │   ├── WorkDeferred            not a failure: it begins again later (Transient)
    │   ├── WorkSkipped             not a failure: it is left out
    │   ├── StepTimedOut            (Transient)
    │   ├── ToolFailed
    │   │   ├── ToolUnavailable     (Transient)
    │   │   └── ToolRefused         (Permanent)
    │   ├── ModelError
    │   │   ├── ModelOverloaded     (Transient)
    │   │   ├── ModelRateLimited    by its provider (Transient)
    │   │   ├── ModelUnreachable    the network, or no answer in time (Transient)
    │   │   ├── ModelStalled        silent in mid-answer (Transient)
    │   │   ├── ModelBroken         what it sends cannot be read, or broke off (Transient)
    │   │   ├── LimitReached        by our own limits (Transient)
    │   │   ├── ModelRefused        (Permanent)
    │   │   ├── ContextTooLong      (Permanent)
    │   │   ├── ContentFiltered     (Permanent)
    │   │   ├── ModelMissing        (Permanent)
    │   │   └── ModelKeyRefused     (Permanent)
    │   └── BudgetExceeded          (Permanent)
    └── StoreError                  the database cannot be used
        ├── DatabaseUnreachable     (Transient)
        ├── DatabaseUnfit           wrong version, missing extension or rights
        ├── PortTaken
        ├── DiskFull
        ├── DataFolderUnfit         made by another PostgreSQL version, or damaged
        └── FolderForbidden         no permission on a folder

Two mixins, `Transient` and `Permanent`, decide whether an attempt is made again.
A class's docstring is its default message and ends with the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


class Transient:
    """May pass by itself: trying again is sensible."""

    retry_after_s: float | None = None


class Permanent:
    """Will not pass by itself: trying again is pointless."""


class StrettoError(Exception):
    """Something went wrong. Look at the message of the cause, and report it if it does not help."""

    def __init__(self, message: str | None = None, **ids: object) -> None:
        self.message = message or " ".join((type(self).__doc__ or type(self).__name__).split())
        self.ids = ids
        super().__init__(self.message)

    def __getattr__(self, name: str) -> object:
        # Ids given by keyword (run_id=..., step=...) read as attributes.
        ids: dict[str, object] = self.__dict__.get("ids", {})
        if name in ids:
            return ids[name]
        raise AttributeError(name)


class Invalid(StrettoError):
    """The request cannot be carried out as it is. Mend it and send it again; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a flow file: where it stands, what is wrong, and what to do about it.

    `line` and `column` count from 1; 0 means that the flow did not come from a file.
    """

    file: str
    line: int
    column: int
    message: str
    remedy: str = ""
    path: tuple[str | int, ...] | None = field(default=None, compare=False)
    """The keys and list positions that lead there in the document, where they are known."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f" {self.remedy}" if self.remedy else "")


class DocumentInvalid(Invalid):
    """A file has problems. Mend each at the place named."""

    what = "file"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class FlowInvalid(DocumentInvalid):
    """The flow has problems. Mend each at the place named; `stretto lint` checks without running."""

    what = "flow"


class ConfigInvalid(DocumentInvalid):
    """The configuration has problems. Mend each at the place named; what ran before goes on with what it had."""

    what = "configuration"


class RecordingInvalid(DocumentInvalid):
    """The file is no recording of a run that can be shown. `stretto show RUN --export FILE.jsonl` writes one."""

    what = "recording"


class InputInvalid(Invalid):
    """The input does not fit the flow's input schema. Correct the named field."""

    def __init__(
        self, message: str | None = None, fields: Sequence[tuple[tuple[str | int, ...], str]] = (), **ids: object
    ) -> None:
        super().__init__(message, **ids)
        self.fields = tuple(fields)
        """The way to each field that does not fit, from the top of the input, and what is wrong with it."""


class OutputInvalid(Permanent, Invalid):
    """A step's output does not fit its declared type. Correct the prompt, the tool or the type."""


class ArgumentsInvalid(OutputInvalid):
    """A tool cannot take these arguments, so it was not called. Correct those that the message names."""


class RequestUnread(Invalid):
    """A field of the request cannot be used. The message names it and says what is wrong."""


class SettingsInvalid(Invalid):
    """A setting cannot be used. Correct the environment variable that the message names."""


class IdempotencyConflict(Invalid):
    """This Idempotency-Key was used with another request. Use a new key for a new request."""


class NotPossible(Invalid):
    """The run or step is not in a state that allows this. `stretto show RUN` tells its state."""


class FlowArchived(NotPossible):
    """The flow is archived, so it starts no run. `POST /v1/flows/NAME/restore` brings it back."""


class ReviewDecided(NotPossible):
    """The review is over: somebody has decided, or it waits no more. `stretto review show ID` tells who and when."""


class ReviewClaimed(NotPossible):
    """Somebody else has the review in hand. Wait until it is released, or take another."""


class NotFound(StrettoError):
    """There is no such thing. Check the id."""


class FlowNotFound(NotFound):
    """There is no flow of this name. `stretto lint FILE` checks one, `stretto run FILE` stores it."""


class RunNotFound(NotFound):
    """There is no run with this id. `stretto runs` lists them."""


class StepNotFound(NotFound):
    """The run has no such step. `stretto show RUN` lists its steps."""


class ReviewNotFound(NotFound):
    """There is no review with this id. `stretto review list` lists them."""


class ScheduleNotFound(NotFound):
    """There is no schedule of this name. `stretto schedule list` lists them."""


class StateNotFound(NotFound):
    """There is no such document, or no such version of it. `stretto state list` lists them."""


class MemoryNotFound(NotFound):
    """There is no such collection, or no such item in it. `GET /v1/memory` lists the collections."""


class ThresholdNotFound(NotFound):
    """No such threshold was set. `GET /v1/thresholds` lists them."""


class AppNotFound(NotFound):
    """There is no such application. `stretto app list` shows those that are installed, and those that the database has."""


class ToolNotFound(Permanent, NotFound):
    """There is no tool of this name. Register it, or correct the name in the flow."""


class RouteNotFound(Permanent, NotFound):
    """There is no route of this name. Add it to stretto.yaml, or correct the name."""


class NotIdentified(Permanent, StrettoError):
    """Nobody knows who asks. Send a key as `Authorization: Bearer st_…`; `stretto key add` makes one."""


class LoginNeeded(NotIdentified):
    """This server asks who you are. Send a key as `Authorization: Bearer st_…`, or log in at /auth/login."""


class SignatureRefused(NotIdentified):
    """The signature does not fit, or is too old. Check the source's secret and scheme, and the clocks on both sides."""


class TokenRefused(NotIdentified):
    """This token does not count here. Log in again, or ask whoever runs this server which issuer it trusts."""


class LinkRefused(NotIdentified):
    """This link was not made here, or it has ended. Ask for a new one."""


class LoginRefused(NotIdentified):
    """The login did not come through. Begin again at /auth/login."""


class IssuerUnreachable(Transient, StrettoError):
    """The identity provider cannot be asked. Check STRETTO_OIDC_ISSUER and the network; trying again may help."""


class NotAllowed(Permanent, StrettoError):
    """You may not do this. Ask an admin of the tenant for another role, or use a key with more scopes."""


class TooManyStreams(Transient, StrettoError):
    """Too many streams of this tenant are open here. Close some, or raise STRETTO_TENANT_STREAMS."""

    retry_after_s = 5.0


class ServerFull(Transient, StrettoError):
    """This server has as many open streams as it takes. Try again in a moment, or at another server."""

    retry_after_s = 5.0


class QuotaExceeded(Transient, StrettoError):
    """A quota of the tenant is used up. Try again later, or ask whoever runs this server for more."""

    def __init__(self, message: str | None = None, retry_after_s: float | None = None, **ids: object) -> None:
        super().__init__(message, **ids)
        self.retry_after_s = retry_after_s


class TooManyRequests(QuotaExceeded):
    """These are more requests than may be made. Wait as long as `Retry-After` says, and ask less often."""


class PreconditionFailed(StrettoError):
    """Somebody has changed it meanwhile; nothing was changed now. Read it again and send `If-Match` with its new `ETag`."""


class PreconditionNeeded(StrettoError):
    """It is there already. Read it, and send `If-Match` with its `ETag`, so that nothing is overwritten unseen."""


class StateConflict(Permanent, StrettoError):
    """The document is not as its writer has seen it; nothing was changed. Read it again, and decide anew."""


class KeyRefused(NotIdentified):
    """This key is not known here, or it was revoked. `stretto key list` shows all keys, `stretto key add` makes one."""


class LeaseLost(StrettoError):
    """Another process carries this run on, so this one stopped. Nothing is lost; no action is needed."""


class StepError(StrettoError):
    """A step's attempt failed. The run's facts hold the reason."""


class WorkDeferred(Transient, StepError):
    """The work is put off, since something that it needs is short. It begins again by itself."""


class WorkSkipped(StepError):
    """The work is left out, since something that it needs is short. Raise its priority if it must be done."""


class StepTimedOut(Transient, StepError):
    """The step took longer than its time-out. Give it more with `timeout`, or make its work smaller."""


class ToolFailed(StepError):
    """A tool raised an error. Its message follows; mend the tool or its arguments."""


class ToolUnavailable(Transient, ToolFailed):
    """A tool cannot do its work now. It is called again after a pause, with the same idempotency key."""


class ToolRefused(Permanent, ToolFailed):
    """A tool will not do what it was asked. Change its arguments; the same ones will be refused again."""


class ModelError(StepError):
    """A model call failed. The message tells why."""


class ModelOverloaded(Transient, ModelError):
    """The model provider cannot take the call now. It is tried again after a pause."""


class ModelRateLimited(Transient, ModelError):
    """The model provider limits the rate of calls. The call is tried again when its pause is over."""


class ModelUnreachable(Transient, ModelError):
    """The model provider cannot be reached. Check the network and the provider's `url`; the call is tried again."""


class ModelBroken(Transient, ModelError):
    """The model's answer broke off or could not be read. The call is tried again."""


class LimitReached(Transient, ModelError):
    """A limit of calls is reached. Try again later, or raise the limit in stretto.yaml; `stretto limits` shows them."""


class ModelStalled(Transient, ModelError):
    """The model stopped sending in mid-answer. The call is tried again; raise the stall limit if it is too short."""


class ModelRefused(Permanent, ModelError):
    """The model provider refused the call. Change the request; the same one will be refused again."""


class ContextTooLong(Permanent, ModelError):
    """The request is longer than the model can read. Send less, or use a route with a longer context."""


class ContentFiltered(Permanent, ModelError):
    """The model provider's filter stopped the request or its answer. Change the prompt."""


class ModelMissing(Permanent, ModelError):
    """The provider has no such model or address. Check the deployment's `model` and the provider's `url`."""


class ModelKeyRefused(Permanent, ModelError):
    """The model provider does not accept the key. Check the key that the provider's entry in stretto.yaml names."""


class AgentStopped(Permanent, StepError):
    """The agent came to one of its limits before it had an answer. Raise the limit, or make the task smaller."""


class BudgetExceeded(Permanent, StepError):
    """The budget is used up. Raise it, or start again when it is renewed."""


class StoreError(StrettoError):
    """The database cannot be used. The message tells why."""


class DatabaseUnreachable(Transient, StoreError):
    """The database does not answer. Check that it runs and that STRETTO_DATABASE_URL is right."""


class DatabaseUnfit(Permanent, StoreError):
    """The database lacks something that Stretto needs. The message names it and how to add it."""


class PortTaken(Permanent, StoreError):
    """The port is in use. Choose another with STRETTO_POSTGRES_PORT, or 0 for any free one."""


class DiskFull(Permanent, StoreError):
    """The disk is full. Make room, or put the data elsewhere with STRETTO_HOME."""


class DataFolderUnfit(Permanent, StoreError):
    """The data folder cannot be used by this version. The message tells how to go on."""


class FolderForbidden(Permanent, StoreError):
    """A folder may not be used. Grant the right named, or choose another folder with STRETTO_HOME."""
