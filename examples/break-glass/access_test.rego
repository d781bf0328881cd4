package vedette.access_test

import data.vedette.access

noon := time.parse_rfc3339_ns("2026-11-22T12:00:00Z")

request(id, action, until) := {"subject": {"type": "user", "id": id}, "action": {"name": action}, "resource": {"type": "vault", "id": "1"}, "context": {"emergency": {"ticket": "INC-7", "until": until}}}

test_on_the_roster_within_the_hour if {
	found := access.allow with input as request("ada", "open", "2026-11-22T12:30:00Z") with time.now_ns as noon
	some obligation in found.obligations
	obligation.type == "approval"
	obligation.quorum == 2
}

test_not_on_the_roster if {
	not access.allow with input as request("bob", "open", "2026-11-22T12:30:00Z") with time.now_ns as noon
}

test_not_for_a_day if {
	not access.allow with input as request("ada", "open", "2026-11-23T12:00:00Z") with time.now_ns as noon
}

test_not_after_it_ended if {
	not access.allow with input as request("ada", "open", "2026-11-22T11:59:00Z") with time.now_ns as noon
}
