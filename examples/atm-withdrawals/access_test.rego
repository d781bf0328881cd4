package vedette.access_test

import data.vedette.access

now := time.parse_rfc3339_ns("2026-11-22T12:00:00Z")

request(context) := {"subject": {"type": "device", "id": "atm-3"}, "action": {"name": "withdraw"}, "resource": {"type": "account", "id": "1"}, "context": context}

test_blocked_card if {
	some reason in access.deny with input as request({"card": "4000-0000-0000-0002", "amount": 20, "withdrawals": []})
	reason.rule == "card-blocked"
}

test_three_withdrawals_within_ten_minutes if {
	times := ["2026-11-22T11:55:00Z", "2026-11-22T11:56:00Z", "2026-11-22T11:57:00Z"]
	some reason in access.deny with input as request({"card": "4111", "amount": 20, "withdrawals": times}) with time.now_ns as now
	reason.rule == "too-often"
}

test_yesterdays_do_not_count if {
	times := ["2026-11-21T11:55:00Z", "2026-11-21T11:56:00Z", "2026-11-21T11:57:00Z"]
	count(access.deny) == 0 with input as request({"card": "4111", "amount": 20, "withdrawals": times}) with time.now_ns as now
}
