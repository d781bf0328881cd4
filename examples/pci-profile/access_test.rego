package vedette.access_test

import data.vedette.access

request(type, service, purpose) := {
	"subject": {"type": type, "id": "w-1", "properties": {"role": "settlement-batch"}},
	"action": {"name": "read"},
	"resource": {"type": "table", "id": "cards", "properties": {"labels": ["cardholder"], "service": service}},
	"context": {"purpose": purpose},
}

rules contains reason.rule if some reason in access.deny

test_settlement_reads_cards if {
	count(rules) == 0 with input as request("workload", "payments", "settlement")
	access.allow.rule == "need-to-know" with input as request("workload", "payments", "settlement")
}

test_a_service_without_audit_is_closed if rules == {"audit-off"} with input as request("workload", "legacy-loyalty", "settlement")

test_people_do_not_reach_cards if "no-direct-access" in rules with input as request("user", "payments", "settlement")

test_another_purpose if "purpose-undeclared" in rules with input as request("workload", "payments", "marketing")
