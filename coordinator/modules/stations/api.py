"""What the ingest process may call."""

from coordinator.modules.stations.downlink import (
    mark_command_sent,
    mark_config_published,
    pending_commands,
    pending_configs,
    record_command_result,
    record_config_report,
    record_health,
    record_state,
    reference_data,
    silent_stations,
    station_refusal,
)
from coordinator.modules.stations.inbox import Received, Sorted, StreamState, sort_batch, store, stream_state
from coordinator.modules.stations.processing import process_station, stations_with_work

__all__ = [
    "Received", "Sorted", "StreamState", "mark_command_sent", "mark_config_published", "pending_commands",
    "pending_configs", "process_station", "record_command_result", "record_config_report", "record_health",
    "record_state", "reference_data", "silent_stations", "sort_batch", "station_refusal", "stations_with_work", "store",
    "stream_state",
]  # fmt: skip
