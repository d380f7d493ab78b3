"""What the gateway may call."""

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
from coordinator.modules.stations.identity import is_station_token, principal_of_token
from coordinator.modules.stations.inbox import Received, Sorted, StreamState, sort_batch, store, stream_state
from coordinator.modules.stations.processing import process_station, stations_with_work
from coordinator.modules.stations.rollout import mark_update_published, pending_updates

__all__ = [
    "Received", "Sorted", "StreamState", "is_station_token", "mark_command_sent", "mark_config_published", "mark_update_published", "pending_commands",
    "pending_configs", "pending_updates", "principal_of_token", "process_station", "record_command_result", "record_config_report", "record_health",
    "record_state", "reference_data", "silent_stations", "sort_batch", "station_refusal", "stations_with_work", "store",
    "stream_state",
]  # fmt: skip
