"""Make `presets/`: small exports as other vendors write them; every person, device and event in them is made up.

Run ``python sample_data/make_presets.py``. The proposals beside them (``pushwoosh-loader map``) and the expected
bodies are made anew with ``python -m tests.mapping.test_presets``, to be read through before they are kept.
"""

# ruff: noqa: E501 - rows as their vendors write them

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

HERE = Path(__file__).parent / "presets"
Rows = list[dict[str, Any]]

PUSHWOOSH: Rows = [
    {"Hwid": "8F1B3C52-0E6A-4B7D-9C0A-5D2F7E81A4C3", "User ID": "00017", "Push Token": "a1b2c3", "Type": 1,
     "Type (humanized)": "iOS", "Name": "Anna", "Language": "de", "Last Application Open": "2025-03-01T08:15:00Z"},
    {"Hwid": "b4618383c0c47c25", "User ID": "00018", "Push Token": "fcm:xyz", "Type": 3,
     "Type (humanized)": "Android", "Name": "Søren", "Language": "da", "Last Application Open": "2025-03-02T19:40:12Z"},
    {"Hwid": "3f0a9d7e11224455", "User ID": "", "Push Token": "", "Type": 11,
     "Type (humanized)": "Chrome", "Name": "", "Language": "en", "Last Application Open": ""},
    {"Hwid": "+4915112345678", "User ID": "00019", "Push Token": "", "Type": 18,
     "Type (humanized)": "SMS", "Name": "Zoë", "Language": "de", "Last Application Open": ""},
]  # fmt: skip
ONESIGNAL: Rows = [
    {"id": "5d1c2e3f-0a4b-4c5d-8e6f-7a8b9c0d1e2f", "identifier": "apns-token", "external_user_id": "00042",
     "session_count": 12, "language": "en", "timezone": -18000, "timezone_id": "America/New_York", "device_type": 0,
     "device_os": "17.4", "tags": '{"plan": "gold"}', "created_at": "2023-11-05 06:30:00", "invalid_identifier": "f"},
    {"id": "6e2d3f40-1b5c-4d6e-9f70-8b9c0d1e2f30", "identifier": "fcm-token", "external_user_id": "00043",
     "session_count": 3, "language": "hi", "timezone": 19800, "timezone_id": "", "device_type": 1,
     "device_os": "14", "tags": "{}", "created_at": "2024-02-29 23:59:59", "invalid_identifier": "f"},
    {"id": "7f3e4051-2c6d-4e7f-a081-9c0d1e2f3041", "identifier": "https://push.example/abc", "external_user_id": "",
     "session_count": 1, "language": "pt", "timezone": "", "timezone_id": "America/Sao_Paulo", "device_type": 5,
     "device_os": "122", "tags": "", "created_at": "2024-06-01 12:00:00", "invalid_identifier": "f"},
    {"id": "80405162-3d7e-4f80-b192-0d1e2f304152", "identifier": "anna@example.com", "external_user_id": "00042",
     "session_count": 0, "language": "en", "timezone": "", "timezone_id": "", "device_type": 11,
     "device_os": "", "tags": "{}", "created_at": "2024-06-02 12:00:00", "invalid_identifier": "f"},
]  # fmt: skip
BRAZE: Rows = [
    {"external_id": "user-0001", "app_id": "a-1", "name": "rented_movie", "time": "2023-07-16T19:20:30+01:00",
     "movie": "The Sad Egg", "rating": "4", "price": "3.99", "sequel": "false"},
    {"external_id": "user-0002", "app_id": "a-1", "name": "rented_movie", "time": "2023-12-31T23:59:59Z",
     "movie": "Egg, \"the\" return", "rating": "", "price": "4.00", "sequel": "true"},
    {"external_id": "0003", "app_id": "a-2", "name": "opened app", "time": "2024-01-01T00:00:00.250Z",
     "movie": "", "rating": "", "price": "", "sequel": ""},
]  # fmt: skip
BRAZE_CURRENTS: Rows = [
    {"id": "e-1", "app_group_id": "g-1", "user_id": "5f0a", "external_user_id": "00042", "app_id": "a-1",
     "time": 1710082800, "timezone": "America/New_York", "platform": "ios", "device_id": "B5372DB0-C21E-11E4-8DFC-AA07A5B093DB",
     "name": "rented_movie", "properties": '{"movie": "The Sad Egg", "rating": 4}', "ad_id": None},
    {"id": "e-2", "app_group_id": "g-1", "user_id": "5f0b", "external_user_id": None, "app_id": "a-1",
     "time": 1710082801, "timezone": None, "platform": "kindle", "device_id": "b4618383c0c47c25",
     "name": "opened app", "properties": "{}", "ad_id": None},
    {"id": "e-3", "app_group_id": "g-1", "user_id": "5f0c", "external_user_id": "00043", "app_id": "a-2",
     "time": 1710082802, "timezone": "Asia/Kolkata", "platform": "web", "device_id": "w-77",
     "name": "rented_movie", "properties": '{"movie": "Egg, the return", "sequel": true}', "ad_id": None},
]  # fmt: skip
AMPLITUDE: Rows = [
    {"user_id": "u-17", "device_id": "C8F9E604-F01A-4BD9-95C6-8E5357DF265D", "amplitude_id": 123456789012,
     "event_type": "Checkout", "event_time": "2020-01-31 23:59:59.123000", "platform": "iOS",
     "client_event_time": "2020-01-31 23:59:58.000000", "event_properties": {"total": 12.50, "items": ["a", "b"]},
     "user_properties": {"plan": "free"}},
    {"user_id": None, "device_id": "b4618383c0c47c25", "amplitude_id": 123456789013,
     "event_type": "Search", "event_time": "2020-02-01 00:00:01.000000", "platform": "Android",
     "client_event_time": "2020-02-01 00:00:00.000000", "event_properties": {"query": "tea \u201cgreen\u201d", "hits": 3},
     "user_properties": {}},
    {"user_id": "u-18", "device_id": "web-77", "amplitude_id": 123456789014,
     "event_type": "Checkout", "event_time": "2020-02-01 07:30:00.500000", "platform": "Web",
     "client_event_time": "2020-02-01 07:30:00.000000", "event_properties": {},
     "user_properties": {"plan": "gold"}},
]  # fmt: skip
MIXPANEL: Rows = [
    {"event": "Sign Up", "properties": {"time": 1602611311, "distinct_id": "00042", "$device_id": "17511aa9-f8b",
     "$user_id": "00042", "$insert_id": "x1", "$os": "iOS", "$city": "Oslo", "Referred By": "Friend", "mp_lib": "swift"}},
    {"event": "Purchase", "properties": {"time": 1602700000, "distinct_id": "$device:9a0b", "$device_id": "9a0b",
     "$insert_id": "x2", "$os": "Android", "amount": 19.99, "first": True, "mp_lib": "android"}},
    {"event": "Purchase", "properties": {"time": 1602786400, "distinct_id": "00044", "$insert_id": "x3",
     "amount": 5.00, "first": False, "tags": ["new", "sale"], "mp_lib": "node"}},
]  # fmt: skip
SEGMENT: Rows = [
    {"id": "ajs-1", "received_at": "2024-03-10 15:00:02.100 UTC", "anonymous_id": "507f191e-810c", "user_id": "00042",
     "event": "order_completed", "event_text": "Order Completed", "timestamp": "2024-03-10 15:00:00.000 UTC",
     "original_timestamp": "2024-03-10 15:03:00.000 UTC", "sent_at": "2024-03-10 15:03:02.000 UTC",
     "context_device_id": "B5372DB0-C21E-11E4-8DFC-AA07A5B093DB", "context_timezone": "America/New_York",
     "context_os_name": "iOS", "context_ip": "203.0.113.7", "revenue": "25.00", "coupon": ""},
    {"id": "ajs-2", "received_at": "2024-11-03 06:30:02.100 UTC", "anonymous_id": "507f191e-811c", "user_id": "",
     "event": "product_viewed", "event_text": "Product Viewed", "timestamp": "2024-11-03 06:30:00.000 UTC",
     "original_timestamp": "2024-11-03 06:30:00.000 UTC", "sent_at": "2024-11-03 06:30:01.000 UTC",
     "context_device_id": "b4618383c0c47c25", "context_timezone": "Asia/Kathmandu",
     "context_os_name": "Android", "context_ip": "203.0.113.8", "revenue": "", "coupon": "SPRING"},
    {"id": "ajs-3", "received_at": "2024-11-04 06:30:02.100 UTC", "anonymous_id": "507f191e-812c", "user_id": "00043",
     "event": "order_completed", "event_text": "", "timestamp": "2024-11-04 06:30:00.000 UTC",
     "original_timestamp": "2024-11-04 06:30:00.000 UTC", "sent_at": "2024-11-04 06:30:01.000 UTC",
     "context_device_id": "", "context_timezone": "", "context_os_name": "", "context_ip": "203.0.113.9",
     "revenue": "7", "coupon": ""},
]  # fmt: skip
GA4: Rows = [
    {"event_date": "20240229", "event_timestamp": 1709208000123456, "event_name": "purchase", "user_id": "00042",
     "user_pseudo_id": "f3b1c2d4", "platform": "IOS",
     "device": {"category": "mobile", "operating_system": "iOS", "time_zone_offset_seconds": 19800},
     "event_params": [("ga_session_id", "int_value", 1709207000), ("currency", "string_value", "INR"),
                      ("value", "double_value", 499.5)]},
    {"event_date": "20240229", "event_timestamp": 1709208001000000, "event_name": "screen_view", "user_id": None,
     "user_pseudo_id": "e2a0b1c3", "platform": "ANDROID",
     "device": {"category": "mobile", "operating_system": "Android", "time_zone_offset_seconds": None},
     "event_params": [("firebase_screen", "string_value", "Home"), ("ga_session_id", "int_value", 1709208001)]},
    {"event_date": "20240301", "event_timestamp": 1709251200999999, "event_name": "session_start", "user_id": None,
     "user_pseudo_id": "1234567890.1709251200", "platform": "WEB",
     "device": {"category": "desktop", "operating_system": "Windows", "time_zone_offset_seconds": -12600},
     "event_params": []},
]  # fmt: skip
CLEVERTAP: Rows = [
    {"profile": {"objectId": "__g1a2b3c4", "platform": "iOS", "identity": "5555550000", "name": "Anna"},
     "ts": 20151023140416, "eventName": "App Launched", "eventProps": {"Session Length": 12, "App Version": "1.01"}},
    {"profile": {"objectId": "__g9f8e7d6", "platform": "Android", "identity": "007", "name": "Ravi"},
     "ts": 20160101003000, "eventName": "Charged", "eventProps": {"Amount": 300, "Currency": "INR", "Paid": True}},
    {"profile": {"objectId": "__h0", "platform": "Web", "identity": "", "name": ""},
     "ts": 20160229235959, "eventName": "Page Viewed", "eventProps": {}},
]  # fmt: skip
HAND_MADE: Rows = [
    {"Event": "order", "Hwid": "b4618383c0c47c25", "userID": "00042", "When": "", "occurred_at": "31.01.2024 10:20",
     "amount": "12,50", "zip": "01099", "count": "3", "note": "first"},
    {"Event": "order", "Hwid": "", "userID": "00043", "When": "", "occurred_at": "01.02.2024 00:05",
     "amount": "7,00", "zip": "10115", "count": "1", "note": ""},
]  # fmt: skip

GA4_TYPES = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("platform", pa.string()),
        (
            "device",
            pa.struct(
                [
                    ("category", pa.string()),
                    ("operating_system", pa.string()),
                    ("time_zone_offset_seconds", pa.int64()),
                ]
            ),
        ),
        (
            "event_params",
            pa.list_(
                pa.struct(
                    [
                        ("key", pa.string()),
                        (
                            "value",
                            pa.struct(
                                [
                                    ("string_value", pa.string()),
                                    ("int_value", pa.int64()),
                                    ("float_value", pa.float64()),
                                    ("double_value", pa.float64()),
                                ]
                            ),
                        ),
                    ]
                )
            ),
        ),
    ]
)


def write_csv(name: str, rows: Rows, *, encoding: str = "utf-8", delimiter: str = ",") -> None:
    """One header, one line a row."""
    with (HERE / name).open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_lines(name: str, rows: Rows) -> None:
    """One JSON object a line."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (HERE / name).write_text(text, encoding="utf-8")


def write_ga4(name: str, rows: Rows) -> None:
    """Parquet as BigQuery exports it."""
    full = [
        row
        | {"event_params": [{"key": key, "value": {kind: value}} for key, kind, value in row["event_params"]]}
        for row in rows
    ]
    parquet.write_table(pa.Table.from_pylist(full, GA4_TYPES), HERE / name)


def main() -> None:
    """Write all of them."""
    HERE.mkdir(exist_ok=True)
    write_csv("pushwoosh_users.csv", PUSHWOOSH)
    write_csv("onesignal_users.csv", ONESIGNAL)
    write_csv("braze_events.csv", BRAZE)
    write_csv("segment_events.csv", SEGMENT)
    write_csv("hand_made_events.csv", HAND_MADE, encoding="utf-8-sig")
    write_lines("braze_currents_events.jsonl", BRAZE_CURRENTS)
    write_lines("amplitude_events.jsonl", AMPLITUDE)
    write_lines("mixpanel_events.jsonl", MIXPANEL)
    write_lines("clevertap_events.jsonl", CLEVERTAP)
    write_ga4("ga4_events.parquet", GA4)


if __name__ == "__main__":
    main()
