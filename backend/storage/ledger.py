"""The part of the repository that holds tokens, policies, jobs, small facts and the audit trail."""

from __future__ import annotations

from datetime import datetime

from tinydb import where as field

from backend.domain import AuditEvent, Job, PairingCode, Policy, Token
from backend.errors import Conflict, NotFound
from backend.storage.base import Store
from backend.storage.documents import from_document, to_document
from backend.storage.query_sql import Condition
from backend.storage.selection import earlier_than
from backend.wire import time_to_text


class Ledger(Store):
    """What an installation knows of its clients, thresholds and work."""

    # ---- tokens and pairing -------------------------------------------------------------

    def append_token(self, token: Token) -> None:
        """Add a token."""
        try:
            self.tokens.insert(to_document(token))
        except ValueError as error:
            raise Conflict(f"There is a token “{token.id}” already.") from error

    def find_token(self, digest: str) -> Token | None:
        """Return the token with that digest unless revoked."""
        document = self.tokens.get(field("digest") == digest)
        token = from_document(Token, document) if document else None
        return token if token and token.revoked_at is None else None

    def list_tokens(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first, revoked ones too."""
        documents = self.tokens.select(Condition(), "ORDER BY created_at, doc_id")
        return tuple(from_document(Token, document) for document in documents)

    def revoke_token(self, token_id: str, revoked_at: datetime) -> Token:
        """Mark a token revoked; one revoked earlier keeps its moment."""
        with self.db.transaction():
            document = self.tokens.get(field("id") == token_id)
            if document is None:
                raise NotFound(f"There is no token “{token_id[:64]}”.")
            if document["revoked_at"] is None:
                document["revoked_at"] = time_to_text(revoked_at)
                self.tokens.replace(document.doc_id, document)
        return from_document(Token, document)

    def append_pairing_code(self, code: PairingCode) -> None:
        """Add a pairing code; those expired are dropped on the way."""
        with self.db.transaction():
            self.pairing_codes.remove(field("expires_at") <= time_to_text(code.created_at))
            try:
                self.pairing_codes.insert(to_document(code))
            except ValueError as error:
                raise Conflict(f"There is a pairing code “{code.id}” already.") from error

    def use_pairing_code(self, digest: str, now: datetime) -> bool:
        """Use up a code, atomically: True once, for a code unused and unexpired."""
        moment = time_to_text(now)
        with self.db.transaction():
            for document in self.pairing_codes.search(field("digest") == digest):
                if document["used_at"] is None and document["expires_at"] > moment:
                    document["used_at"] = moment
                    self.pairing_codes.replace(document.doc_id, document)
                    return True
        return False

    # ---- policies -----------------------------------------------------------------------

    def append_policy(self, policy: Policy) -> None:
        """Add a policy; its number must be new (`Conflict` otherwise)."""
        try:
            self.policies.insert(to_document(policy))
        except ValueError as error:
            raise Conflict(
                f"Policy {policy.number} was published already; look at it and try again."
            ) from error

    def latest_policy(self) -> Policy | None:
        """Return the policy with the highest number."""
        newest = self.policies.select(Condition(), "ORDER BY number DESC LIMIT 1", strict=True)
        return from_document(Policy, newest[0]) if newest else None

    # ---- jobs ---------------------------------------------------------------------------

    def save_job(self, job: Job) -> None:
        """Add a job or replace the one with its id."""
        self.jobs.upsert(to_document(job), field("id") == job.id)

    def list_jobs(self, limit: int = 100) -> tuple[Job, ...]:
        """Return jobs, newest first."""
        newest = f"ORDER BY created_at DESC, doc_id DESC LIMIT {int(limit)}"
        return tuple(from_document(Job, d) for d in self.jobs.select(Condition(), newest))

    # ---- small facts --------------------------------------------------------------------

    def get_setting(self, key: str) -> str | None:
        """Return a small fact by name."""
        document = self.facts.get(field("key") == key)
        return str(document["value"]) if document else None

    def put_setting(self, key: str, value: str) -> None:
        """Keep a small fact."""
        self.facts.upsert({"key": key, "value": value}, field("key") == key)

    # ---- audit --------------------------------------------------------------------------

    def append_event(self, event: AuditEvent) -> None:
        """Add to the audit trail."""
        try:
            self.events.insert(to_document(event))
        except ValueError as error:
            raise Conflict(f"There is an audit event “{event.id}” already.") from error

    def list_events(
        self, limit: int = 200, before: tuple[datetime, str] | None = None
    ) -> tuple[AuditEvent, ...]:
        """Return audit events, newest first."""
        newest = f"ORDER BY created_at DESC, id DESC LIMIT {int(limit)}"
        return tuple(
            from_document(AuditEvent, d) for d in self.events.select(earlier_than(before), newest)
        )
