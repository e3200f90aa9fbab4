"""What the engine's client says of itself: its log, by way of Python's, and its metrics."""

import logging

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from models.refusal import Refusal


def measure(at: str | None) -> None:
    """Have the client's core log through Python's logging, and serve its metrics at an address if one is given.

    To be called before anything connects. Raises Refusal where nothing can be served there.
    """
    warnings = TelemetryFilter(core_level="WARN", other_level="ERROR")
    log = LoggingConfig(warnings, forwarding=LogForwardingConfig(logging.getLogger("temporalio")))
    metrics = (
        PrometheusConfig(at, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True) if at else None
    )
    try:
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=log, metrics=metrics)))
    except (RuntimeError, ValueError) as error:
        raise Refusal(f"The client's metrics cannot be served at {at}: free the port, or name another.") from error


def keep_stdout_clean() -> None:
    """Have the client's core log errors only, through Python's logging: its own log goes to stdout, beside our JSON."""
    errors_only = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    log = LoggingConfig(errors_only, forwarding=LogForwardingConfig(logging.getLogger("temporalio")))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=log)), error_if_already_set=False)
