package vedette.access_test

import data.vedette.access

refund(user, amount, customer) := {
	"subject": {"type": "user", "id": user},
	"action": {"name": "refund"},
	"resource": {"type": "sale", "id": "4711"},
	"context": {"amount": amount, "customer": customer},
}

test_staff_refund_within_their_role[note] if {
	some note, case in {
		"a clerk, little": {"user": "bob", "amount": 20, "allowed": 1},
		"a clerk, much": {"user": "bob", "amount": 21, "allowed": 0},
		"a manager, much": {"user": "ann", "amount": 200, "allowed": 1},
		"somebody else": {"user": "eve", "amount": 1, "allowed": 0},
	}
	count(access.allow) == case.allowed with input as refund(case.user, case.amount, "carl")
}

test_nobody_refunds_themselves if {
	count(access.deny) == 1 with input as refund("ann", 5, "ann")
}
