# METADATA
# title: Emergency access
# description: Somebody on the emergency roster may act for a short while; others approve it, and it is always written down.
package vedette.access

import rego.v1

allow := {
	"rule": "break-glass",
	"description": "emergency access, approved and recorded",
	"obligations": [
		{"type": "log"},
		{"type": "approval", "quorum": data.emergency.quorum, "from": data.emergency.approvers},
	],
} if {
	input.subject.type == "user"
	input.context.emergency.ticket != ""
	some person in data.emergency.roster
	person.id == input.subject.id
	input.action.name in person.actions
	time.now_ns() < time.parse_rfc3339_ns(input.context.emergency.until)
	time.parse_rfc3339_ns(input.context.emergency.until) - time.now_ns() <= (data.emergency.minutesMax * 60) * 1000000000
}

deny contains {"rule": "never", "description": "not even in an emergency"} if {
	some forbidden in data.emergency.never
	forbidden.action == input.action.name
	forbidden.type == input.resource.type
}
