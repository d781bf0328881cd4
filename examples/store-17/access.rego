# METADATA
# title: What the people of the shop may do
# description: The back office asks for them, and is believed about who they are; devices are the JSON rules' business.
package vedette.access

import data.store

allow contains {
	"rule": "staff-refunds",
	"description": "Staff refund as much as their role may.",
	"obligations": [{"type": "receipt"}],
	# People never attest.
	"safe": true,
} if {
	input.subject.type == "user"
	input.action.name == "refund"
	input.context.amount > 0
	input.context.amount <= store.refunds[role]
}

deny contains {"rule": "no-refund-to-oneself"} if {
	input.subject.type == "user"
	input.action.name == "refund"
	input.context.customer == input.subject.id
}

role := store.staff[input.subject.id]
