package vedette.access_test

import data.vedette.access

noon := time.parse_rfc3339_ns("2026-11-22T12:30:00Z")

night := time.parse_rfc3339_ns("2026-11-22T02:30:00Z")

flow(name, class, action, target) := {"subject": {"type": "device", "id": name, "properties": {"name": name, "class": class}}, "action": {"name": action}, "resource": {"type": "asset", "id": target}}

test_historian_reads_through_its_conduit if access.allow.rule == "conduit" with input as flow("historian", "server", "read", "plc-1")

test_historian_does_not_write if not access.allow with input as flow("historian", "server", "write", "plc-1")

test_cells_do_not_reach_each_other if not access.allow with input as flow("hmi-1", "hmi", "read", "plc-2")

test_engineer_writes_in_the_window if {
	access.allow.rule == "maintenance" with input as flow("eng-a", "engineering-station", "write", "plc-1") with time.now_ns as noon
}

test_engineer_does_not_write_at_night if {
	not access.allow with input as flow("eng-a", "engineering-station", "write", "plc-1") with time.now_ns as night
}

test_safety_system_is_apart if {
	some reason in access.deny with input as flow("eng-a", "engineering-station", "read", "sis-1")
	reason.rule == "safety-system"
}
