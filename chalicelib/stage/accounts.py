"""Accounts: managers and how they sign in, API keys, the audit."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.clients import Clients

if TYPE_CHECKING:
    from chalicelib.accounts.api_keys import ApiKeys
    from chalicelib.accounts.audit import Audit, AuditReader
    from chalicelib.accounts.authentication import Authentication
    from chalicelib.accounts.managers import Managers
    from chalicelib.accounts.second_factor import SecondFactors
    from chalicelib.accounts.sessions import Sessions
    from chalicelib.flow.idempotency import IdempotentCalls
    from chalicelib.services.template_changes import DraftAllowance
    from chalicelib.storage.allowances import Allowances
    from chalicelib.storage.audit import AuditChain


class Accounts(Clients):
    """Who may do what, and who did it."""

    @cached_property
    def allowances(self) -> Allowances:
        from chalicelib.storage.allowances import Allowances

        return Allowances(clock=self.clock)

    @cached_property
    def second_factors(self) -> SecondFactors:
        from chalicelib.accounts.second_factor import SecondFactors

        required = self.settings.second_factor == "required"
        return SecondFactors(sealer=self.sealer, clock=self.clock, required=required)

    @cached_property
    def managers(self) -> Managers:
        from chalicelib.accounts.managers import Managers

        return Managers(
            clock=self.clock,
            factors=self.second_factors,
            site_name=self.settings.site_name,
            site=self.site_settings,
        )

    @cached_property
    def authentication(self) -> Authentication:
        from chalicelib.accounts.authentication import Authentication

        return Authentication(
            signer=self.signer, factors=self.second_factors, allowances=self.allowances, clock=self.clock
        )

    @cached_property
    def sessions(self) -> Sessions:
        from chalicelib.accounts.sessions import Sessions

        return Sessions(signer=self.signer, managers=self.managers, clock=self.clock)

    @cached_property
    def api_keys(self) -> ApiKeys:
        from chalicelib.accounts.api_keys import ApiKeys

        return ApiKeys()

    @cached_property
    def idempotency(self) -> IdempotentCalls:
        from chalicelib.flow.idempotency import IdempotentCalls

        return IdempotentCalls(clock=self.clock)

    @cached_property
    def draft_allowance(self) -> DraftAllowance:
        """How often somebody may have unsaved work rendered."""
        from chalicelib.services.template_changes import DraftAllowance

        return DraftAllowance(self.allowances)

    @cached_property
    def audit(self) -> Audit:
        from chalicelib.accounts.audit import Audit

        return Audit(clock=self.clock, chain=self.audit_chain)

    @cached_property
    def audit_chain(self) -> AuditChain:
        from chalicelib.storage.audit import AuditChain

        return AuditChain(clock=self.clock)

    @cached_property
    def audit_log(self) -> AuditReader:
        from chalicelib.accounts.audit import AuditReader

        return AuditReader(clock=self.clock)
