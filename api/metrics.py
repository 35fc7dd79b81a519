"""What Prometheus reads. Children are looked up by tuple: `.labels()` would take its lock on each request."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """One registry for each application, so that two can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "liberation_http_request_seconds",
            "Time to answer a request.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._appended_before = 0
        self._children: dict[tuple[str, str, int], Histogram] = {}
        self._appended = Counter(
            "liberation_events_appended", "Events this process appended.", registry=self.registry
        )
        self._batches = Histogram(
            "liberation_append_batch_events",
            "Events in one transaction of this process's writer.",
            buckets=_SIZES,
            registry=self.registry,
        )
        self.head = self._gauge("liberation_ledger_position", "Position of the newest event.")
        self.projected = self._gauge(
            "liberation_projection_position", "Position of a projection.", "projection"
        )
        self.lag = self._gauge(
            "liberation_projection_lag_events", "Events a projection is behind.", "projection"
        )
        self.poisoned = self._gauge("liberation_projection_poisoned", "1 when it has stopped.", "projection")
        self.outbox = self._gauge("liberation_outbox_effects", "Effects not yet delivered.", "state")
        self.outbox_age = self._gauge(
            "liberation_outbox_age_seconds", "Age of the oldest effect that is due."
        )
        self.webhooks_waiting = self._gauge(
            "liberation_webhooks_waiting", "Stripe events received and not yet applied."
        )
        self.disputes = self._gauge(
            "liberation_disputes_unanswered",
            "Disputes that need a response: soon is in three days at most.",
            "due",
        )
        self.unexplained = self._gauge(
            "liberation_stripe_unexplained", "Movements of Stripe's balance that nobody has explained."
        )
        self.unexplained_age = self._gauge(
            "liberation_stripe_unexplained_age_seconds", "Since when the oldest of them is known."
        )
        self.short = self._gauge(
            "liberation_owed_to_instructors_short_minor",
            "By how much less is at Stripe than is owed to instructors, in minor units.",
            "currency",
        )

        self.mails = self._gauge("liberation_mails", "Mail that has not left for sure.", "state")
        self.sweep_age = self._gauge(
            "liberation_sweep_age_seconds",
            "Since what is not settled was last compared with Stripe, or since the first fact.",
        )
        self.sweep_found = self._gauge(
            "liberation_sweep_found", "How much of it differed then, and is recorded now."
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the template, never the path: one series for each route."""
        child = self._children.get((method, route, status))
        if child is None:
            child = self._children[method, route, status] = self._requests.labels(method, route, str(status))
        child.observe(seconds)

    def observe_append(self, appended: int) -> None:
        """After each transaction, with the number of events that this process has appended in all."""
        batch, self._appended_before = appended - self._appended_before, appended
        self._appended.inc(batch)
        self._batches.observe(batch)

    def render(self) -> bytes:
        return generate_latest(self.registry)
