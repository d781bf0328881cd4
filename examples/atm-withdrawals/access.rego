# METADATA
# title: Cards that a cash machine must not serve
package vedette.access

import rego.v1

deny contains {"rule": "card-blocked", "description": "the card is blocked"} if {
	input.action.name == "withdraw"
	input.context.card in data.atm.blockedCards
}

deny contains {"rule": "too-often", "description": "too many withdrawals with this card in the last ten minutes"} if {
	input.action.name == "withdraw"
	count(recent_withdrawals) >= data.atm.withdrawalsPerTenMinutes
}

recent_withdrawals contains at if {
	some at in input.context.withdrawals
	time.parse_rfc3339_ns(at) > time.now_ns() - ((10 * 60) * 1000000000)
}
