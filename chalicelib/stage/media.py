"""The media library, for the worker that makes pictures ready and for those who add them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.exports import ExportParts

if TYPE_CHECKING:
    import requests

    from chalicelib.media.library import MediaLibrary, MediaMaker
    from chalicelib.media.shelf import Shelf
    from chalicelib.services.media_use import MediaUse
    from chalicelib.storage.media import MediaAddresses, MediaRows, Picture


class MediaParts(ExportParts):
    """Pictures for letters."""

    @cached_property
    def media_rows(self) -> MediaRows:
        from chalicelib.storage.media import MediaRows

        return MediaRows(clock=self.clock)

    @cached_property
    def media_shelf(self) -> Shelf:
        from chalicelib.media.shelf import Shelf

        return Shelf(
            lambda: self.s3,
            account=lambda: self.sts.get_caller_identity()["Account"],
            prefix=self.settings.resource("media"),
        )

    def media_addresses(self, picture: Picture) -> MediaAddresses:
        """Where a picture is served."""
        from chalicelib.storage.media import MediaAddresses

        base = self.settings.media_url
        return MediaAddresses(*(f"{base}/{name}" if name else None for name in (picture.file, picture.file_2x)))

    @cached_property
    def media_maker(self) -> MediaMaker:
        from chalicelib.media.library import MediaMaker

        return MediaMaker(rows=self.media_rows, shelf=self.media_shelf, monotonic=self.monotonic)

    @cached_property
    def media_library(self) -> MediaLibrary:
        from chalicelib.media.library import MediaLibrary

        def session() -> requests.Session:
            from chalicelib.security.outbound_http import guarded_session

            return guarded_session(allow_private=self.settings.private_addresses)

        return MediaLibrary(
            rows=self.media_rows,
            shelf=self.media_shelf,
            queues=self.queues,
            session=session,
            private_addresses=self.settings.private_addresses,
        )

    @cached_property
    def media_use(self) -> MediaUse:
        from chalicelib.services.media_use import MediaUse

        return MediaUse(
            rows=self.media_rows,
            shelf=self.media_shelf,
            templates=self.templates,
            campaigns=self.campaigns,
            site=self.site_settings,
        )
